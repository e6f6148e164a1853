//! What a look at the set-up found, in words for a technician.

/// How a look came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// In order.
    Ok,
    /// It works, and somebody should see to it.
    Warning,
    /// Messages will not come or go.
    Bad,
    /// It could not be looked at.
    NotChecked,
}

impl Verdict {
    /// The word people and programs read.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Bad => "bad",
            Self::NotChecked => "not checked",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it was.
    pub what: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// What was found.
    pub said: String,
    /// What to do and where to click; empty if nothing.
    pub how: String,
}

fn finding(
    what: &'static str,
    verdict: Verdict,
    said: impl Into<String>,
    how: impl Into<String>,
) -> Finding {
    Finding {
        what,
        verdict,
        said: said.into(),
        how: how.into(),
    }
}

/// In order.
pub fn ok(what: &'static str, said: impl Into<String>) -> Finding {
    finding(what, Verdict::Ok, said, "")
}

/// Somebody should see to it.
pub fn warning(what: &'static str, said: impl Into<String>, how: impl Into<String>) -> Finding {
    finding(what, Verdict::Warning, said, how)
}

/// Messages will not come or go.
pub fn bad(what: &'static str, said: impl Into<String>, how: impl Into<String>) -> Finding {
    finding(what, Verdict::Bad, said, how)
}

/// Not looked at, and why.
pub fn not_checked(what: &'static str, why: impl Into<String>) -> Finding {
    finding(what, Verdict::NotChecked, why, "")
}
