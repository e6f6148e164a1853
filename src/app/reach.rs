//! Whether the provider can be reached from here now, and what is in the way,
//! without a token and without an open database: for `doctor`.

use crate::core::delivery::Channel;
use crate::ports::{Clock, LineFault, SendOutcome};
use crate::whatsapp::client::{ClientError, Line as HttpLine, Lost, Timing, parse_base_url};
use crate::work::line::LineState;
use std::sync::Arc;
use std::time::Duration;

/// A person waits for the answer.
const PATIENCE: Timing = Timing {
    connect: Duration::from_secs(10),
    head: Duration::from_secs(20),
    idle: Duration::from_secs(10),
};

/// How the way to the provider looks.
pub struct Reach {
    /// The provider itself answered.
    pub fine: bool,
    /// What that means, and what to do.
    pub words: &'static str,
}

/// Asks the provider's front door.
///
/// # Errors
/// When no client can be made.
pub async fn look(base_url: &str, clock: Arc<dyn Clock>) -> Result<Reach, ClientError> {
    let http = HttpLine::new(PATIENCE, clock)?;
    let Ok(url) = parse_base_url(base_url) else {
        return Ok(reach(LineState::Misconfigured));
    };
    let asked = http.ask(|client| client.get(url)).await;
    let state = match asked {
        Ok(answer) => match answer.status {
            300..=399 | 407 | 511 => LineState::Portal,
            500.. => LineState::ProviderDown,
            _other => LineState::Up,
        },
        Err(Lost::NotSent(fault)) => after(fault),
        Err(Lost::Unknown) => LineState::ProviderDown,
    };
    Ok(reach(state))
}

fn after(fault: LineFault) -> LineState {
    LineState::Up.after(&SendOutcome::NotSent(fault), Channel::LineDown)
}

fn reach(state: LineState) -> Reach {
    Reach {
        fine: state == LineState::Up,
        words: state.explain(),
    }
}
