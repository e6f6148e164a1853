//! The walk through three questions.

use super::*;
use crate::core::answers::Value;
use crate::core::flow::Flow;
use crate::core::inbound::Content;
use crate::core::lang::Lang;
use crate::core::outgoing::{Body, Outgoing, Purpose};
use crate::core::time::Now;
use std::collections::BTreeMap;

const QUESTIONS: [(&str, &str); 3] = [
    ("patient_name", "What is the patient's name?"),
    ("locality", "Where do they live?"),
    ("complaint", "What is the trouble?"),
];

/// One step of a conversation.
pub fn step(
    flow: &Flow,
    _clinic: &Clinic,
    mut session: Session,
    events: &[Event],
    now: Now,
    fresh: &Fresh,
) -> Step {
    session.flow_version = flow.version().to_owned();
    let mut effects = Vec::new();
    for event in events {
        match event {
            Event::Message(received) => answer(&mut session, received, now, fresh, &mut effects),
            Event::QuestionSent { at, stamp } => {
                if let Some(asked) = &mut session.asked {
                    asked.sent = Some(Sent {
                        at: *at,
                        stamp: *stamp,
                    });
                }
            }
            Event::Timer(_) | Event::FlowChanged => {}
        }
    }
    Step { session, effects }
}

fn answer(
    session: &mut Session,
    received: &Received,
    now: Now,
    fresh: &Fresh,
    effects: &mut Vec<Effect>,
) {
    let Content::Text { body } = &received.content else {
        return;
    };
    let mut draft = session.draft.take().unwrap_or(Draft {
        id: fresh.record_id.clone(),
        begun: now.at,
        answers: BTreeMap::new(),
        tries: BTreeMap::new(),
        left: Vec::new(),
        unread: false,
    });
    if let (Some(asked), Some((field, _))) = (&session.asked, QUESTIONS.get(draft.answers.len())) {
        if asked.sent.is_none() {
            session.draft = Some(draft);
            return;
        }
        draft.answers.insert(
            (*field).to_owned(),
            Answer {
                value: Value::Text { text: body.clone() },
                from: vec![received.inbox],
            },
        );
    }
    let next = QUESTIONS.get(draft.answers.len());
    effects.push(Effect::Record(RecordChange {
        id: draft.id.clone(),
        status: if next.is_some() {
            RecordStatus::InProgress
        } else {
            RecordStatus::Complete
        },
        triage: Triage::None,
        language: Lang::En,
        fields: draft
            .answers
            .iter()
            .map(|(id, answer)| (id.clone(), answer.value.clone()))
            .collect(),
    }));
    session.questions = session.questions.saturating_add(1);
    let (purpose, text) = match next {
        Some((_, question)) => (Purpose::Prompt, (*question).to_owned()),
        None => (
            Purpose::Notice,
            format!("Thank you. Your number is {}.", draft.id),
        ),
    };
    session.asked = next.map(|_| Asked {
        token: session.questions.to_string(),
        after: Some(received.stamped),
        sent: None,
        early: 0,
        fields: Vec::new(),
    });
    session.draft = next.map(|_| draft);
    effects.push(Effect::Say(Outgoing {
        purpose,
        body: Body::text(text),
    }));
}
