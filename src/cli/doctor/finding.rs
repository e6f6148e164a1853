//! What `doctor` found: each thing looked at, how it came out, what to do.

use super::super::failure::Failure;
use super::super::{Globals, output};

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Ok,
    Warning,
    Bad,
    NotChecked,
}

impl Verdict {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Bad => "bad",
            Self::NotChecked => "not checked",
        }
    }
}

/// One thing looked at.
struct Finding {
    what: &'static str,
    verdict: Verdict,
    said: String,
    remedy: String,
}

#[derive(Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    /// Notes one thing that was looked at.
    pub(super) fn add(&mut self, what: &'static str, verdict: Verdict, said: &str, remedy: &str) {
        let (said, remedy) = (said.to_owned(), remedy.to_owned());
        self.0.push(Finding {
            what,
            verdict,
            said,
            remedy,
        });
    }

    /// Whether anything is bad.
    pub(super) fn any_bad(&self) -> bool {
        self.0.iter().any(|finding| finding.verdict == Verdict::Bad)
    }

    /// Prints them in the order they were noted.
    pub(super) fn print(&self, globals: &Globals) -> Result<(), Failure> {
        if globals.json {
            let list = self.0.iter().map(|finding| {
                serde_json::json!({
                    "check": finding.what,
                    "state": finding.verdict.word(),
                    "finding": finding.said,
                    "remedy": finding.remedy,
                })
            });
            return output::json(&list.collect());
        }
        for Finding {
            what,
            verdict,
            said,
            remedy,
        } in &self.0
        {
            let said = said.replace('\n', "\n    ");
            output::line(&format!("{:<12} {what}: {said}", verdict.word()))?;
            if !remedy.is_empty() {
                output::line(&format!("             -> {remedy}"))?;
            }
        }
        Ok(())
    }
}
