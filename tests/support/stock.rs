//! Opens a database with a SQLCipher that is not ours: the `sqlcipher3` Python
//! wheel, which `tests/run` installs and names in `HEALTHPOST_PYTHON`.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What stock SQLCipher saw in a file.
#[derive(Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Seen {
    /// Tables, SQLite's own left out.
    pub tables: u64,
    /// The version of SQLCipher that looked.
    pub cipher: String,
    /// Pages whose HMAC does not hold.
    pub pages_bad: u64,
    /// `ok`, or the first thing wrong.
    pub integrity: String,
}

/// Opens `file` with a raw key. The error is what SQLCipher said.
#[allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests/run says by the environment where its Python is"
)]
pub fn open(file: &Path, key_hex: &str) -> Result<Seen, String> {
    let python = std::env::var("HEALTHPOST_PYTHON").unwrap_or_else(|_| {
        let home = std::env::var("HOME").unwrap_or_default();
        format!("{home}/.cache/healthpost/venv/bin/python")
    });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stock_sqlcipher.py");
    let mut child = Command::new(&python)
        .arg(script)
        .arg(file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{python}: {error}; run tests/run, which installs it"))?;
    // The child reads one line; a child that died shows in its exit status.
    let _ = writeln!(child.stdin.take().unwrap(), "{key_hex}");
    let output = child.wait_with_output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}
