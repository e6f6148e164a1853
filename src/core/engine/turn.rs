//! One step in the making: the session as it changes, and what is to be done
//! and said at the end of it.
//!
//! At most one question leaves a step, whatever came in. Never decides what an
//! answer means.

use super::effect::{Action, Effect, FlagReason, RecordChange, RecordStatus, Step, TaskKind};
use super::event::{Clinic, Fresh};
use super::session::{Answer, Draft, Kept, Session, Stage};
use super::{record, render, rest};
use crate::core::answers::{Misread, Value};
use crate::core::flow::{Flow, Line};
use crate::core::id::{InboxId, RecordId};
use crate::core::lang::Lang;
use crate::core::limits;
use crate::core::time::Now;
use std::collections::BTreeMap;

mod says;

/// What was written since the last question, to be read together.
#[derive(Clone, Default)]
pub(super) struct Heard {
    pub(super) texts: Vec<(InboxId, String)>,
    pub(super) voices: Vec<InboxId>,
    pub(super) attachments: Vec<InboxId>,
    /// Answers that came as something else than words, by field.
    pub(super) given: Vec<(String, Answer)>,
}

/// A step in the making.
pub(super) struct Turn<'a> {
    pub(super) flow: &'a Flow,
    pub(super) clinic: &'a Clinic,
    pub(super) now: Now,
    fresh: &'a Fresh,
    fresh_used: bool,
    pub(super) session: Session,
    pub(super) heard: Heard,
    /// The message that is met now, or was met last.
    pub(super) met: Option<InboxId>,
    /// A question of ours waits in the queue and has not left.
    pub(super) unsent: bool,
    /// Ask what the session stands at, at the end.
    pub(super) ask: bool,
    /// What was not understood on this page, in this step.
    pub(super) misread: Vec<(String, Misread)>,
    /// Something on this page was understood, in this step.
    pub(super) progress: bool,
    /// The emergency text goes out.
    pub(super) warn: bool,
    /// A danger sign is among what came, warned of before or not.
    pub(super) alarm: bool,
    /// The rest of a page has been waited for long enough.
    pub(super) rest_due: bool,
    /// The draft has to be written.
    pub(super) changed: bool,
    /// The token of a question that is asked again as it was.
    token: Option<String>,
    leads: Vec<String>,
    notices: Vec<String>,
    records: Vec<RecordChange>,
    flags: Vec<FlagReason>,
    tasks: Vec<TaskKind>,
    timers: Vec<Effect>,
    acts: Vec<Action>,
    closed: bool,
}

impl<'a> Turn<'a> {
    pub(super) fn new(
        flow: &'a Flow,
        clinic: &'a Clinic,
        session: Session,
        now: Now,
        fresh: &'a Fresh,
    ) -> Self {
        let unsent = session.asked.as_ref().is_some_and(|a| a.sent.is_none());
        Self {
            flow,
            clinic,
            now,
            fresh,
            fresh_used: false,
            session,
            heard: Heard::default(),
            met: None,
            unsent,
            ask: false,
            misread: Vec::new(),
            progress: false,
            warn: false,
            alarm: false,
            rest_due: false,
            changed: false,
            token: None,
            leads: Vec::new(),
            notices: Vec::new(),
            records: Vec::new(),
            flags: Vec::new(),
            tasks: Vec::new(),
            timers: Vec::new(),
            acts: Vec::new(),
            closed: false,
        }
    }

    /// The languages that can be spoken here, the clinic's own first.
    pub(super) fn languages(&self) -> Vec<Lang> {
        let known = self.flow.languages();
        let mut offered: Vec<Lang> = Vec::new();
        for lang in &self.clinic.languages {
            if known.contains(lang) && !offered.contains(lang) {
                offered.push(*lang);
            }
        }
        if offered.is_empty() {
            offered.extend(known.first());
        }
        offered
    }

    /// The language of the next message.
    pub(super) fn lang(&self) -> Lang {
        self.session
            .language
            .or_else(|| self.languages().first().copied())
            .unwrap_or(Lang::En)
    }

    /// The clinic's calendar date.
    pub(super) fn today(&self) -> jiff::civil::Date {
        render::date_of(self.now.at, &self.clinic.zone)
    }

    /// A sentence of the flow with its placeholders filled in.
    pub(super) fn line(&self, line: Line) -> String {
        self.line_in(line, self.lang())
    }

    /// The same in a given language.
    pub(super) fn line_in(&self, line: Line, lang: Lang) -> String {
        self.fill(self.flow.line(line, lang), &[])
    }

    /// A text with the clinic's and further placeholders filled in.
    pub(super) fn fill(&self, text: &str, further: &[(&str, &str)]) -> String {
        let mut values = vec![
            ("clinic", self.clinic.name.as_str()),
            ("emergency_number", self.clinic.emergency_number.as_str()),
        ];
        values.extend(further);
        render::fill(text, &values)
    }

    /// Moves on; the new place's question is asked at the end of the step.
    pub(super) fn go(&mut self, stage: Stage) {
        rest::give_up(self);
        self.token = None;
        self.session.stage = stage;
        self.session.asked = None;
        self.session.unclear = 0;
        self.session.words_wanted = None;
        self.misread.clear();
        self.progress = false;
        self.ask = true;
    }

    /// Asks the same question again: what was tapped before it arrives still
    /// counts.
    pub(super) fn ask_again(&mut self) {
        self.token = self.session.asked.take().map(|asked| asked.token);
        self.ask = true;
    }

    /// The conversation comes to rest: nothing more is asked.
    pub(super) fn rest(&mut self) {
        self.session.stage = Stage::Rest;
        self.session.overlay = None;
        self.session.asked = None;
        self.session.unclear = 0;
        self.ask = false;
    }

    /// Words in front of the question, each said once. Before there is consent
    /// nothing is kept, and nobody is told so.
    pub(super) fn lead(&mut self, line: Line) {
        let uncovered = line == Line::KeptForStaff && self.session.consent.is_none();
        let line = if uncovered { Line::ConsentFirst } else { line };
        let text = self.line(line);
        // A flow may bring no such words.
        if !text.is_empty() && !self.leads.contains(&text) {
            self.leads.push(text);
        }
    }

    /// What would stand in front of the question, to be said without one.
    pub(super) fn take_leads(&mut self) -> String {
        std::mem::take(&mut self.leads).join("\n\n")
    }

    /// A message of its own, said once.
    pub(super) fn notice(&mut self, text: String) {
        if !self.notices.contains(&text) {
            self.notices.push(text);
        }
    }

    pub(super) fn act(&mut self, action: Action) {
        if !self.acts.contains(&action) {
            self.acts.push(action);
        }
    }

    /// Gives staff something to do: before there is consent, only about a danger
    /// and about a record of before, to which its own consent was given.
    pub(super) fn task(&mut self, task: TaskKind) {
        let former = self.session.former.as_ref().map(|former| &former.record);
        let covered = self.session.consent.is_some()
            || matches!(task, TaskKind::DangerSign { .. })
            || task.record().is_some_and(|record| Some(record) == former);
        if covered && !self.tasks.contains(&task) {
            self.tasks.push(task);
        }
    }

    pub(super) fn flag(&mut self, reason: FlagReason) {
        if !self.flags.contains(&reason) {
            self.flags.push(reason);
        }
    }

    pub(super) fn timer(&mut self, effect: Effect) {
        self.timers.push(effect);
    }

    /// The number of the record now being filled in.
    pub(super) fn record(&self) -> Option<RecordId> {
        self.session.draft.as_ref().map(|draft| draft.id.clone())
    }

    /// Keeps a message that answered nothing in sight of staff. Before there is
    /// consent nothing is kept.
    pub(super) fn keep(&mut self, inbox: InboxId) {
        if self.session.consent.is_none() {
            return;
        }
        self.keep_spoken(inbox);
        if let Some(draft) = &mut self.session.draft {
            draft.unread = true;
        }
    }

    /// The same, of what only staff can hear or see. Where there is no record yet it
    /// is put with the one that this intake opens.
    pub(super) fn keep_spoken(&mut self, inbox: InboxId) {
        let record = self.record();
        let room = self.session.unfiled.len() < limits::UNFILED_MAX;
        if record.is_none() && room && self.session.stage != Stage::Rest {
            self.session.unfiled.push(inbox);
        }
        self.act(Action::KeepSpoken { inbox, record });
    }

    /// Keeps a message in sight of staff with a record that is not the present one,
    /// or with none.
    pub(super) fn keep_for(&mut self, inbox: InboxId, record: Option<RecordId>) {
        if self.session.consent.is_some() {
            self.act(Action::KeepSpoken { inbox, record });
        }
    }

    /// A message was deleted by its sender: nobody is sent to look at it any more.
    pub(super) fn withdraw(&mut self, inbox: InboxId) {
        self.heard.withdraw(inbox);
        self.session.unfiled.retain(|kept| *kept != inbox);
        if let Some(draft) = &mut self.session.draft {
            draft.said.retain(|said| said.inbox != inbox);
        }
        self.acts.retain(|act| !act.keeps(inbox));
        self.tasks.retain(|task| !task.points_to(inbox));
        self.act(Action::Withdraw { inbox });
    }

    /// Whether a record may still begin in this step.
    pub(super) const fn can_open(&self) -> bool {
        !self.fresh_used
    }

    /// Opens a record, if there is none or the present one holds an answer
    /// and a number is left.
    pub(super) fn open_draft(&mut self) {
        if self.session.draft.is_some() || self.fresh_used {
            return;
        }
        self.fresh_used = true;
        let id = self.fresh.record_id.clone();
        self.session.records.push(Kept {
            id: id.clone(),
            at: self.now.at,
        });
        let surplus = (self.session.records.len()).saturating_sub(limits::KEPT_RECORDS_MAX);
        self.session.records.drain(..surplus);
        self.session.draft = Some(Draft {
            id,
            begun: self.now.at,
            answers: BTreeMap::new(),
            tries: BTreeMap::new(),
            left: Vec::new(),
            unread: false,
            singly: false,
            said: Vec::new(),
        });
        for inbox in std::mem::take(&mut self.session.unfiled) {
            self.keep_spoken(inbox);
        }
        self.changed = true;
    }

    /// Stages the writing of a record; a later snapshot replaces it.
    pub(super) fn write(&mut self, change: RecordChange) {
        self.records.retain(|earlier| earlier.id != change.id);
        self.records.push(change);
    }

    /// Forgets everything staged so far: the contact is to be erased.
    pub(super) fn forget(&mut self) {
        self.session = Session {
            flow_version: self.session.flow_version.clone(),
            ..Session::default()
        };
        self.heard = Heard::default();
        self.records.clear();
        self.tasks.clear();
        self.flags.clear();
        self.acts.clear();
        self.leads.clear();
        self.notices.clear();
        self.ask = false;
        self.warn = false;
        self.changed = false;
        self.closed = true;
    }

    /// An answer of the draft.
    pub(super) fn value(&self, field: &str) -> Option<&Value> {
        let draft = self.session.draft.as_ref()?;
        draft.answers.get(field).map(|answer| &answer.value)
    }

    /// The session and every effect in the order to carry them out.
    pub(super) fn finish(mut self) -> Step {
        if self.changed
            && let Some(draft) = &self.session.draft
        {
            let change = record::in_progress(&self, draft);
            self.write(change);
        }
        // A danger told of when all was sent is the submitted record's.
        if self.warn
            && self.session.draft.is_none()
            && let Some(submitted) = &self.session.submitted
        {
            let urgent = record::snapshot(&self, submitted, RecordStatus::Complete);
            self.write(urgent);
        }
        let says = self.says();
        if self.closed && self.session.stage != Stage::Rest {
            self.closed = false;
        }
        // What is erased is what was there before this step: a danger told in it
        // keeps its task.
        let (erasures, acts): (Vec<_>, Vec<_>) = self.acts.into_iter().partition(Action::erases);
        let mut effects: Vec<Effect> = erasures.into_iter().map(Effect::Act).collect();
        effects.extend(self.records.into_iter().map(Effect::Record));
        let flags = self.flags.into_iter();
        effects.extend(flags.map(|reason| Effect::Flag { reason }));
        effects.extend(self.tasks.into_iter().map(Effect::Task));
        effects.extend(self.timers);
        effects.extend(acts.into_iter().map(Effect::Act));
        effects.extend(says.into_iter().map(Effect::Say));
        if self.closed {
            effects.push(Effect::Close);
        }
        Step {
            session: self.session,
            effects,
            fresh_used: self.fresh_used,
        }
    }
}
