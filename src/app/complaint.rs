//! Trouble that comes back with each try is said once.

/// What was said last.
#[derive(Default)]
pub struct Complaint(String);

impl Complaint {
    /// Says what is wrong, unless it was the last thing said.
    pub fn say(&mut self, what: &str, error: &anyhow::Error) {
        let error = format!("{error:#}");
        if self.0 != error {
            tracing::error!(error, "{what}");
            self.0 = error;
        }
    }

    /// It is over: the next one is news, whatever it is.
    pub fn end(&mut self) {
        self.0.clear();
    }
}
