//! The flow new conversations begin on, and the older ones that running
//! conversations still speak.

use crate::core::engine::{Session, Stage};
use crate::core::flow::Flow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Every flow that may be spoken.
#[derive(Clone, Debug)]
pub struct Flows {
    current: Arc<Flow>,
    older: BTreeMap<String, Arc<Flow>>,
}

impl Flows {
    /// The current flow, and the sources of those that conversations began on.
    /// A source that no longer reads is left out: its conversations go on with
    /// the current flow.
    pub fn new(current: Flow, spoken: &[String]) -> Self {
        // The current flow is among them nearly always, and long to read.
        let older = spoken
            .iter()
            .filter(|source| source.as_str() != current.source())
            .filter_map(|source| Flow::parse(source).ok())
            .map(|flow| (flow.version().to_owned(), Arc::new(flow)))
            .collect();
        Self {
            current: Arc::new(current),
            older,
        }
    }

    /// The flow for a conversation, and whether it is another one than it
    /// began on. A conversation at rest moves to the current flow unnoticed.
    pub fn speak(&self, session: &Session) -> (&Flow, bool) {
        let version = session.flow_version.as_str();
        if version == self.current.version() || version.is_empty() {
            return (&self.current, false);
        }
        let at_rest = session.stage == Stage::Rest && session.overlay.is_none();
        match self.older.get(version) {
            Some(older) if !at_rest => (older, false),
            Some(_) | None => (&self.current, true),
        }
    }
}
