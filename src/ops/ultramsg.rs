//! The set-up at UltraMsg, and how a test message through it ended. No answer
//! in here holds the token or a number.

use super::provider_wire::SetupLine;
use super::whatsapp::{Refusal, refuse};
use super::{Context, Response};
use crate::config::Provider;
use crate::ports::SendOutcome;
use crate::store::parked::News;
use crate::store::{Error, secrets};
use crate::whatsapp::ultramsg::setup::{self, Finding};
use crate::whatsapp::ultramsg::{UltraMsgClient, UltraMsgSettings};
use std::sync::Arc;

/// A client of its own; none where another provider is in use.
pub(super) async fn client(
    context: &Context,
) -> Result<Option<Result<UltraMsgClient, Refusal>>, Error> {
    let Some(configured) = context.configured.clone() else {
        return Ok(None);
    };
    if configured.whatsapp.provider != Provider::UltraMsg {
        return Ok(None);
    }
    let token = context
        .readers
        .read(|conn| secrets::find(conn, "ultramsg.token"))
        .await?;
    let how = "copy it from the instance's page at user.ultramsg.com; healthpost secret set \
               ultramsg.token < FILE";
    let Some(token) = token else {
        return Ok(Some(Err(refuse("no token of UltraMsg's is set", how))));
    };
    let settings = UltraMsgSettings {
        base_url: configured.ultramsg.base_url.clone(),
        instance_id: configured.ultramsg.instance_id.clone(),
        token,
    };
    let made = UltraMsgClient::new(Arc::clone(&configured.http), &settings);
    Ok(Some(made.map_err(|error| refuse(&error.to_string(), how))))
}

/// Walks through the set-up.
pub(super) async fn set_up(client: &UltraMsgClient) -> Response {
    let found = setup::walk(client).await;
    let sound = found
        .iter()
        .all(|finding| matches!(finding.state, "ok" | "warning"));
    Response::Setup {
        list: found.into_iter().map(line).collect(),
        sound,
    }
}

fn line(finding: Finding) -> SetupLine {
    SetupLine {
        check: finding.what.to_owned(),
        state: finding.state.to_owned(),
        finding: finding.said,
        remedy: finding.how.to_owned(),
    }
}

/// How a test message ended.
pub(super) fn tested(outcome: &SendOutcome, news: &News) -> Response {
    if news.failed.is_some() {
        return Response::refused(
            "UltraMsg took the message and gave it up: that number has no WhatsApp, or nothing \
             left its queue for a day",
            "try a number that chats on WhatsApp; healthpost whatsapp setup looks at the phone",
        );
    }
    let (state, said) = match outcome {
        SendOutcome::Accepted { .. } if news.arrived => (
            "delivered",
            "it arrived on the phone, and word of it came back here",
        ),
        SendOutcome::Accepted { .. } if news.sent => (
            "sent",
            "it left UltraMsg, and word of it came back here. The phone is off or out of reach",
        ),
        SendOutcome::Accepted { .. } => (
            "accepted",
            "UltraMsg took it into its queue: look at the phone. Whether it arrives is told to a \
             running service only",
        ),
        SendOutcome::Unknown => {
            return Response::refused(
                "the connection broke before UltraMsg answered: nobody knows whether it was sent",
                "look at the phone, then run this again",
            );
        }
        SendOutcome::Refused { .. } | SendOutcome::NotSent(_) => {
            let finding = setup::refusal(outcome);
            return Response::refused(finding.said, finding.how);
        }
    };
    Response::Tested {
        state: state.to_owned(),
        said: said.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// News come by questions too, where there is no public way in.
    #[test]
    fn a_test_says_nothing_of_a_webhook_that_may_not_be_there() {
        let taken = SendOutcome::Accepted { wamid: "1".into() };
        for (sent, arrived) in [(true, true), (true, false), (false, false)] {
            let news = News {
                sent,
                arrived,
                failed: None,
            };
            let Response::Tested { said, .. } = tested(&taken, &news) else {
                panic!("it was taken");
            };
            assert!(!said.contains("webhook"), "{said}");
        }
    }
}
