//! How a test message ended, in words for whoever sent it.

use super::Response;
use crate::core::delivery::CODE_MISSING;
use crate::core::inbound::ProviderError;
use crate::ports::SendOutcome;
use crate::store::parked::News;
use crate::whatsapp::cloud::{Unanswered, setup};

const WINDOW: (&str, &str) = (
    "Meta took the message and will not deliver it: the 24-hour window is closed. WhatsApp lets a \
     clinic write freely only within 24 hours of the person's own last message",
    "write any message from that phone to the clinic's number, then run this again",
);

/// What an error of Meta's means here, and what to do.
fn words(error: &ProviderError) -> (String, &'static str) {
    let (said, how) = match error.code {
        131_047 => WINDOW,
        131_026 => (
            "that number cannot be reached: it has no WhatsApp, or has not accepted its terms",
            "try a number that chats on WhatsApp",
        ),
        131_030 => (
            "the clinic's number is one of Meta's test numbers, which may write to listed phones \
             only",
            "add a real number at developers.facebook.com/apps, WhatsApp > API setup, or add this \
             phone to the test number's list there",
        ),
        131_021 => (
            "that is the clinic's own number",
            "send the test to another phone",
        ),
        131_042 => (
            "Meta wants a payment method first",
            "add one at business.facebook.com/billing_hub",
        ),
        133_010 | 131_045 => (
            "the clinic's number is not registered",
            "finish its registration at business.facebook.com/wa/manage, Phone numbers",
        ),
        0 | 190 => (
            "Meta does not accept the access token",
            "run healthpost whatsapp setup",
        ),
        CODE_MISSING => (
            "Meta did not deliver it and gives no reason",
            "try again in some minutes, with another phone too",
        ),
        _ => {
            let said = format!("Meta refused the message (error {})", error.code);
            return (said, "run healthpost whatsapp setup");
        }
    };
    (said.to_owned(), how)
}

/// The answer for a message that Meta did not take.
pub(super) fn refused(outcome: &SendOutcome) -> Response {
    match outcome {
        SendOutcome::Refused { error, .. } => {
            let (said, how) = words(error);
            Response::refused(said, how)
        }
        SendOutcome::NotSent(fault) => {
            let said = setup::trouble(&Unanswered::Line(*fault));
            Response::refused(said, "check cable, modem, name server and credit")
        }
        SendOutcome::Unknown | SendOutcome::Accepted { .. } => Response::refused(
            "the connection broke before Meta answered: nobody knows whether it was sent",
            "look at the phone, then run this again",
        ),
    }
}

/// The answer for a message that Meta took, with what was heard of it since.
pub(super) fn accepted(news: &News, listening: bool) -> Response {
    if let Some(error) = &news.failed {
        let (said, how) = words(error);
        return Response::refused(said, how);
    }
    let (state, said) = if news.arrived {
        (
            "delivered",
            "it arrived on the phone, and its status here: the webhook works too",
        )
    } else if news.sent {
        (
            "sent",
            "it left Meta, and its status arrived here: the webhook works too. The phone is off or out of reach",
        )
    } else if listening {
        (
            "accepted",
            "Meta took it, and sent no status within 15 seconds: look at the phone. If it is there, \
             the webhook does not work; healthpost whatsapp setup looks at it",
        )
    } else {
        (
            "accepted",
            "Meta took it: look at the phone. Whether it arrives is heard by a running service only",
        )
    };
    Response::Tested {
        state: state.to_owned(),
        said: said.to_owned(),
    }
}
