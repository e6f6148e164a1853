//! `healthpost key new-recovery`: a new key on paper, which counts once
//! somebody has read it back from there.

use super::super::failure::Failure;
use super::super::{Globals, init, input, machine, output};
use super::ways;
use crate::app::key::{Custody, RecoveryKey, Way};
use crate::app::lan::authority_pem;
use std::path::Path;

/// Draws it, shows it, has it read back, and ends the old one.
///
/// # Errors
/// In words; before it was read back, nothing is changed.
pub(super) fn renew(
    globals: &Globals,
    custody: &Custody,
    way: &Way,
    page: Option<&Path>,
    tell: &mut dyn FnMut(&'static str),
) -> Result<(), Failure> {
    init::no_page_yet(page)?;
    let opened = custody.open(way)?;
    let recovery = custody.draw_recovery();
    let authority = authority_pem(custody.folder()).map(|(_, fingerprint)| fingerprint);
    let now = machine()?.clock.now();
    let shown = init::Shown {
        folder: &custody.folder().display().to_string(),
        authority: None,
        page,
        whose: init::whose(globals, now, &authority.unwrap_or_default()),
    };
    init::show(globals, &shown, &recovery)?;
    read_back(&recovery).inspect_err(|_| {
        if let Some(page) = page {
            // It opens nothing, and must not be taken for the one that does.
            std::fs::remove_file(page).ok();
        }
    })?;
    custody.replace_recovery(&opened, &recovery, tell)?;
    Ok(custody.note(&opened.key, "key.new_recovery", super::now()?)?)
}

fn read_back(recovery: &RecoveryKey) -> Result<(), Failure> {
    output::complain("write it down, then type it from the paper; until then the old one counts:");
    let typed = input::line()?.ok_or_else(unread)?;
    let read = ways::parsed(&typed).map_err(|failure| {
        Failure::failed(format!("{failure}"), "the old recovery key still counts")
    })?;
    if read == *recovery {
        return Ok(());
    }
    Err(Failure::failed(
        "that is another recovery key than the new one: nothing was changed",
        "the old one still counts; run the command again",
    ))
}

fn unread() -> Failure {
    Failure::failed(
        "the new recovery key was not read back: nothing was changed",
        "the old one still counts; run the command where somebody can type",
    )
}
