//! `healthpost records media`: the files a patient sent, written into a folder.
//! No name says anything about anybody: a record's number and a file's.

use super::failure::{Failure, mismatch};
use super::reach::{Reached, who_asks};
use super::{Globals, Opening, SigningIn, output};
use crate::core::id::{MediaId, RecordId};
use crate::core::limits::MEDIA_CHUNK_BYTES;
use crate::core::table::time;
use crate::durable;
use crate::ops::{FileLine, Request, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Lists a record's files, and writes those that are here into `out`.
///
/// # Errors
/// When nobody is signed in, a file is there already, or the disk refuses.
pub async fn take_out(
    globals: &Globals,
    record: RecordId,
    out: Option<&Path>,
    signing_in: SigningIn,
    opening: &Opening,
) -> Result<(), Failure> {
    let who = who_asks(signing_in)?;
    let mut reached = Reached::open(globals, opening).await?;
    let written = match reached.sign_in(who).await {
        Ok(()) => write_all(&mut reached, &record, out).await,
        Err(failure) => Err(failure),
    };
    reached.close().await?;
    print(globals, &written?)
}

type Written = Vec<(FileLine, Option<PathBuf>)>;

async fn write_all(
    reached: &mut Reached,
    record: &RecordId,
    out: Option<&Path>,
) -> Result<Written, Failure> {
    let asked = Request::FileList {
        record: record.clone(),
    };
    let Response::Files { list } = reached.ask(asked).await? else {
        return Err(mismatch());
    };
    let mut written = Vec::new();
    for file in list {
        let path = match out {
            Some(folder) if file.state == "kept" => {
                Some(write_one(reached, record, &file, folder).await?)
            }
            Some(_) | None => None,
        };
        written.push((file, path));
    }
    Ok(written)
}

async fn write_one(
    reached: &mut Reached,
    record: &RecordId,
    file: &FileLine,
    folder: &Path,
) -> Result<PathBuf, Failure> {
    let path = folder.join(format!("{record}-{}.{}", file.id, file.ending));
    if path.exists() {
        return Err(Failure::failed(
            format!("{} is there already", path.display()),
            "name another folder with --out",
        ));
    }
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < file.bytes {
        let asked = Request::FilePiece {
            file: MediaId(file.id),
            from: bytes.len() as u64,
        };
        let Response::Piece { base64 } = reached.ask(asked).await? else {
            return Err(mismatch());
        };
        let piece = STANDARD.decode(base64.as_str()).unwrap_or_default();
        if piece.is_empty() || piece.len() > MEDIA_CHUNK_BYTES {
            return Err(Failure::failed(
                "a file went away while it was read",
                "run the command again",
            ));
        }
        bytes.extend_from_slice(&piece);
    }
    durable::write_with(&path, |to| to.write_all(&bytes)).map_err(|error| {
        Failure::failed(
            format!("{} cannot be written: {error}", path.display()),
            "name a folder that is there and has room",
        )
    })?;
    Ok(path)
}

fn print(globals: &Globals, written: &Written) -> Result<(), Failure> {
    let zone = globals.zone();
    let shown = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    if globals.json {
        let list = written.iter().map(|(file, path)| {
            serde_json::json!({
                "id": file.id,
                "kind": file.kind,
                "mime": file.mime,
                "state": file.state,
                "why": file.why,
                "bytes": file.bytes,
                "sent_at": time(file.sent_at, &zone),
                "file": shown(path),
            })
        });
        return output::json(&list.collect());
    }
    let rows: Vec<Vec<String>> = written
        .iter()
        .map(|(file, path)| {
            vec![
                file.id.to_string(),
                file.kind.clone(),
                file.state.clone(),
                file.why.clone().unwrap_or_default(),
                file.bytes.to_string(),
                time(file.sent_at, &zone),
                shown(path).unwrap_or_default(),
            ]
        })
        .collect();
    let header = [
        "file",
        "kind",
        "state",
        "why",
        "bytes",
        "sent at",
        "written to",
    ];
    output::table(&header, &rows)
}
