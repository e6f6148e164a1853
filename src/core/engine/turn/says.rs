//! What a step says at its end: the emergency text, notices, and at most one
//! question.

use super::Turn;
use crate::core::engine::effect::Action;
use crate::core::engine::render;
use crate::core::engine::session::{Asked, Stage};
use crate::core::outgoing::{self, Body, Outgoing, Purpose};

impl Turn<'_> {
    pub(super) fn says(&mut self) -> Vec<Outgoing> {
        let mut says = Vec::new();
        if self.warn {
            self.act(Action::SupersedePrompts);
            says.push((Purpose::Emergency, Body::text(render::emergency(self))));
        }
        let asks = self.ask && !self.session.stopped && self.is_open();
        if !asks {
            let leads = std::mem::take(&mut self.leads);
            self.notices.extend(leads);
        }
        for notice in std::mem::take(&mut self.notices) {
            says.push((Purpose::Notice, Body::text(notice)));
        }
        if asks {
            says.extend(
                self.question()
                    .into_iter()
                    .map(|body| (Purpose::Prompt, body)),
            );
        }
        says.into_iter()
            .map(|(purpose, body)| Outgoing {
                purpose,
                body: outgoing::fit(body),
            })
            .collect()
    }

    fn is_open(&self) -> bool {
        self.session.stage != Stage::Rest || self.session.overlay.is_some()
    }

    /// The question, and in front of it what goes with it: in one message if
    /// it fits.
    fn question(&mut self) -> Vec<Body> {
        if self.unsent {
            self.act(Action::SupersedePrompts);
        }
        if self.session.salt.is_empty() {
            let id = self.fresh.record_id.as_str();
            self.session.salt = id.chars().skip(3).take(4).collect();
        }
        let asked = self.session.asked.take().map(|asked| asked.token);
        let token = asked.or(self.token.take()).unwrap_or_else(|| {
            self.session.questions = self.session.questions.saturating_add(1);
            format!("{}{}", self.session.salt, self.session.questions)
        });
        let (body, fields) = render::question(self, &token);
        self.session.asked = Some(Asked {
            token,
            after: self.session.last_stamped,
            sent: None,
            early: 0,
            fields,
        });
        let bodies = render::with_leads(&std::mem::take(&mut self.leads), body);
        self.session.note_question(bodies.len());
        bodies
    }
}
