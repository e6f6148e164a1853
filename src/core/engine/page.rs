//! Pages of questions: what is still open, what an answer fills in, and what
//! is asked again or left for staff.
//!
//! A field is asked for at most `limits::TRIES_MAX` times. A message that
//! answers something is never held against what it leaves out, so that people
//! who send one line after the other are not rushed.

use super::effect::TaskKind;
use super::session::{Answer, Draft, Stage};
use super::turn::{Heard, Turn};
use super::{condition, cry, danger, render, rest, story, unread};
use crate::core::answers::{self, Kind, Misread, Value};
use crate::core::flow::{Field, FieldKind, Line};
use crate::core::id::InboxId;
use crate::core::limits;
use jiff::civil::Date;

/// Whether a question is to be asked at all, by the answers so far.
pub(super) fn applies(turn: &Turn<'_>, field: &Field) -> bool {
    applies_in(turn.session.draft.as_ref(), turn.today(), field)
}

/// The same by the answers of a given draft.
pub(super) fn applies_in(draft: Option<&Draft>, today: Date, field: &Field) -> bool {
    let mut conditions = field.only_if.iter();
    conditions.all(|condition| condition::holds(draft, today, condition))
}

/// The questions of a page that still wait for an answer.
pub(super) fn pending<'a>(turn: &Turn<'a>, page: &str) -> Vec<&'a Field> {
    let flow = turn.flow;
    let page = flow.pages().iter().find(|p| p.id == page);
    let fields = page.into_iter().flat_map(|page| &page.fields);
    fields.filter(|field| is_open(turn, field)).collect()
}

fn is_open(turn: &Turn<'_>, field: &Field) -> bool {
    let left = turn.session.draft.as_ref();
    let left = left.is_some_and(|draft| draft.left.contains(&field.id));
    !left && turn.value(&field.id).is_none() && applies(turn, field)
}

/// Whether a command's word may be meant as the answer to what is asked now.
/// The command is carried out all the same, since it has to work at any step;
/// staff then see the word.
pub(super) fn may_be_meant(turn: &Turn<'_>, text: &str) -> bool {
    let fields = match &turn.session.stage {
        Stage::Page { page } if turn.session.overlay.is_none() => asked_now(turn, page),
        Stage::Fix { field } if turn.session.overlay.is_none() => {
            turn.flow.find_field(field).into_iter().collect()
        }
        Stage::Rest
        | Stage::Language
        | Stage::Consent
        | Stage::Who
        | Stage::Page { .. }
        | Stage::Review
        | Stage::Correct
        | Stage::Fix { .. } => Vec::new(),
    };
    let lang = turn.lang();
    let mut kinds = fields.iter().map(|field| field.kind_in(lang));
    kinds.any(|kind| answers::may_be_answer(&kind, text))
}

/// The questions of a page that are asked in the next message: all that are
/// open, or one of them where all together were too much.
pub(super) fn asked_now<'a>(turn: &Turn<'a>, page: &str) -> Vec<&'a Field> {
    let mut fields = pending(turn, page);
    if is_single(turn) {
        fields.truncate(1);
    }
    fields
}

fn is_single(turn: &Turn<'_>) -> bool {
    let draft = turn.session.draft.as_ref();
    draft.is_some_and(|draft| draft.singly)
}

/// The first page with an open question, else the review.
pub(super) fn next_stage(turn: &Turn<'_>) -> Stage {
    let mut pages = turn.flow.pages().iter();
    let open = pages.find(|page| !pending(turn, &page.id).is_empty());
    open.map_or(Stage::Review, |page| Stage::Page {
        page: page.id.clone(),
    })
}

/// Moves on to the first open question.
pub(super) fn go_on(turn: &mut Turn<'_>) {
    if let Some(draft) = &mut turn.session.draft {
        draft.singly = false;
    }
    let next = next_stage(turn);
    turn.go(next);
}

/// Stores an answer.
pub(super) fn put(turn: &mut Turn<'_>, field: &str, answer: Answer) {
    if let Some(draft) = &mut turn.session.draft {
        draft.left.retain(|id| id != field);
        draft.answers.insert(field.to_owned(), answer);
        turn.changed = true;
    }
}

/// Leaves a question for staff.
pub(super) fn leave(turn: &mut Turn<'_>, field: &str) {
    let record = turn.record();
    mark_left(turn, field);
    turn.task(TaskKind::UnansweredQuestion {
        field: field.to_owned(),
        record,
    });
}

pub(super) fn mark_left(turn: &mut Turn<'_>, field: &str) {
    if let Some(draft) = &mut turn.session.draft {
        draft.left.retain(|id| id != field);
        draft.left.push(field.to_owned());
        turn.changed = true;
    }
}

/// Stores what came as something else than words: a place, a form, a card.
pub(super) fn take_given(turn: &mut Turn<'_>, heard: &Heard) {
    for (field, answer) in &heard.given {
        match (&turn.session.draft, answer.from.first()) {
            (Some(_), Some(_) | None) => put(turn, field, answer.clone()),
            (None, Some(inbox)) => turn.keep(*inbox),
            (None, None) => {}
        }
    }
    if !heard.given.is_empty() {
        danger::judge(turn);
    }
}

/// Reads the answer to a page.
pub(super) fn answer(turn: &mut Turn<'_>, page: &str, heard: &Heard) {
    turn.progress = !heard.given.is_empty();
    if let Some(answers) = rest::full_set(turn, page, &heard.joined()) {
        for (field, value) in answers {
            put(turn, &field.id, heard.answer(value));
        }
        danger::judge(turn);
        return go_on(turn);
    }
    let (heard, before) = rest::take_up(turn, heard);
    let heard = &heard;
    let joined = heard.joined();
    let (fields, results) = cry::read_calmly(turn, page, &joined);
    if !cry::is_taken(turn, page) && cry::words_beside(turn, &joined) != joined {
        for (inbox, _) in &heard.texts {
            turn.keep(*inbox);
        }
    }
    turn.progress |= !before.is_empty() || results.iter().any(Result::is_ok);
    if !turn.progress && unread::is_thanks(turn, heard) {
        return turn.ask_again();
    }
    let waits = rest::is_awaited(turn, &fields, &results, heard);
    if waits {
        take(turn, fields.iter().zip(results), heard, &before);
        danger::judge(turn);
        if !turn.warn {
            return rest::wait(turn, heard);
        }
        turn.session.asked = None;
        return;
    }
    conclude(turn, page, (&fields, results), (heard, &before));
}

/// Takes what was written for the whole answer, and asks for what is missing.
fn conclude<'a>(
    turn: &mut Turn<'a>,
    page: &str,
    (fields, results): (&[&'a Field], Vec<Result<Value, Misread>>),
    (heard, before): (&Heard, &rest::Answers),
) {
    unread::keep_unread_parts(turn, fields, &results, heard);
    let spoken = heard.is_spoken();
    let nothing = results.iter().all(|r| *r == Err(Misread::Unclear)) && !turn.progress;
    // "It is over" after an alarm is no answer, and no mistake either.
    let told = nothing && !turn.warn && danger::is_recent(turn) && unread::keep(turn, heard);
    if told {
        turn.lead(Line::KeptForStaff);
    }
    if nothing && fields.len() > 1 && !spoken {
        return ask_singly(turn, fields.first().filter(|_| !told));
    }
    let mut left = false;
    let is_line_for_each = has_line_for_each(fields, heard);
    let wrong = take(turn, fields.iter().zip(results), heard, before);
    for (field, why) in wrong {
        if spoken {
            // A voice note answers what the words leave out.
            mark_left(turn, &field.id);
        } else if !heard.texts.is_empty() {
            let missing = turn.progress && why == Misread::Unclear && !is_line_for_each;
            left |= !missing && misread(turn, field, why);
        }
    }
    if let ([onset], true) = (fields, turn.progress) {
        story::keep_beside(turn, onset, heard);
    }
    if left {
        turn.lead(Line::LeftForStaff);
    }
    if told {
        turn.misread.clear();
    }
    danger::judge(turn);
    if pending(turn, page).is_empty() {
        return go_on(turn);
    }
    turn.session.asked = None;
    turn.ask = true;
}

/// Stores what was understood, now or of fewer lines before; gives what was not.
fn take<'f, 'a: 'f>(
    turn: &mut Turn<'_>,
    read: impl Iterator<Item = (&'f &'a Field, Result<Value, Misread>)>,
    heard: &Heard,
    before: &rest::Answers,
) -> Vec<(&'a Field, Misread)> {
    let mut wrong = Vec::new();
    for (field, result) in read {
        match (result, before.get(&field.id)) {
            (Ok(value), _) => put(turn, &field.id, heard.answer(value)),
            (Err(_), Some(earlier)) => put(turn, &field.id, earlier.clone()),
            (Err(why), None) => wrong.push((*field, why)),
        }
    }
    wrong
}

/// Nobody's words fitted several questions at once: they are asked one by one
/// from here to the end of the page. Asking so is no try.
fn ask_singly(turn: &mut Turn<'_>, first: Option<&&Field>) {
    if let Some(draft) = &mut turn.session.draft {
        draft.singly = true;
        turn.changed = true;
    }
    if let Some(field) = first {
        turn.misread = vec![(field.id.clone(), Misread::Unclear)];
    }
    turn.session.asked = None;
    turn.ask = true;
}

/// Reads words as the answers to a page's open questions. Who was asked one
/// thing may still answer several: then all of it counts.
pub(super) fn read_open<'a>(
    turn: &Turn<'a>,
    page: &str,
    text: &str,
) -> (Vec<&'a Field>, Vec<Result<Value, Misread>>) {
    let open = pending(turn, page);
    let all = read_fields(turn, &open, text);
    if !is_single(turn) || all.iter().filter(|r| r.is_ok()).count() > 1 {
        return (open, all);
    }
    let first: Vec<&Field> = open.iter().copied().take(1).collect();
    let results = read_fields(turn, &first, text);
    if results.iter().all(Result::is_err) && all.iter().any(Result::is_ok) {
        return (open, all);
    }
    (first, results)
}

/// Whether every question got a line of its own: then what could not be read was
/// an answer, and is not missing. Who tells a story makes lines as they come.
fn has_line_for_each(fields: &[&Field], heard: &Heard) -> bool {
    let joined = heard.joined();
    let lines = joined.lines().filter(|line| !line.trim().is_empty());
    let tells =
        |field: &&Field| matches!(field.kind, FieldKind::FreeText | FieldKind::FreeTextOrNone);
    lines.count() == fields.len() && !fields.iter().any(tells)
}

/// Notes a wrong answer; says whether the question is now left for staff.
fn misread(turn: &mut Turn<'_>, field: &Field, why: Misread) -> bool {
    if is_last_try(turn, field) {
        return true;
    }
    turn.misread.push((field.id.clone(), why));
    false
}

/// Counts a try of a question; the last one leaves it for staff.
pub(super) fn is_last_try(turn: &mut Turn<'_>, field: &Field) -> bool {
    let Some(draft) = &mut turn.session.draft else {
        return false;
    };
    turn.changed = true;
    let tries = draft.tries.entry(field.id.clone()).or_default();
    *tries = tries.saturating_add(1);
    let last = *tries >= limits::TRIES_MAX;
    if last {
        leave(turn, &field.id);
    }
    last
}

/// Reads one text as the answers to several fields.
pub(super) fn read_fields(
    turn: &Turn<'_>,
    fields: &[&Field],
    text: &str,
) -> Vec<Result<Value, Misread>> {
    let (lang, today) = (turn.lang(), turn.today());
    let country = &turn.clinic.country;
    let mut results = match fields {
        [field] => vec![read_one(turn, field, text)],
        _ => {
            let kinds: Vec<Kind> = fields.iter().map(|f| f.kind_in(lang)).collect();
            answers::read_page(&kinds, text, lang, today, country)
        }
    };
    results.resize_with(fields.len(), || Err(Misread::Unclear));
    let read = fields.iter().zip(results);
    read.map(|(field, result)| story::plausible(turn, field, result))
        .collect()
}

pub(super) fn read_one(turn: &Turn<'_>, field: &Field, text: &str) -> Result<Value, Misread> {
    // The plain-text twin of buttons numbers them.
    let choices = render::tappable(turn, field);
    let number = text.trim().parse::<usize>().ok();
    let nth = number.and_then(|n| choices.get(n.checked_sub(1)?));
    if let (Some(choice), false) = (nth, field.kind.has_choices()) {
        return tapped_value(field, &choice.id).ok_or(Misread::NoSuchChoice);
    }
    answers::read(
        &field.kind_in(turn.lang()),
        text,
        turn.lang(),
        turn.today(),
        &turn.clinic.country,
    )
}

/// What a tapped choice means for a field.
pub(super) fn tapped_value(field: &Field, choice: &str) -> Option<Value> {
    match field.kind {
        FieldKind::Sex => ["female", "male", "other"]
            .contains(&choice)
            .then(|| Value::One {
                id: choice.to_owned(),
            }),
        FieldKind::YesNo => match choice {
            "yes" => Some(Value::YesNo { yes: true }),
            "no" => Some(Value::YesNo { yes: false }),
            _ => None,
        },
        FieldKind::OneOf => field.offers(choice).then(|| Value::One {
            id: choice.to_owned(),
        }),
        FieldKind::AnyOf => field.offers(choice).then(|| Value::Several {
            ids: vec![choice.to_owned()],
        }),
        FieldKind::Name
        | FieldKind::BirthOrAge
        | FieldKind::Locality
        | FieldKind::FreeText
        | FieldKind::FreeTextOrNone
        | FieldKind::Onset
        | FieldKind::EmergencyContact => None,
    }
}

/// A tap on a page that asks for one thing.
pub(super) fn tapped(turn: &mut Turn<'_>, page: &str, inbox: InboxId, choice: &str) {
    let value = match asked_now(turn, page).as_slice() {
        [field] => tapped_value(field, choice).map(|value| (field.id.clone(), value)),
        _ => None,
    };
    match value {
        Some((field, value)) => {
            let from = vec![inbox];
            put(turn, &field, Answer { value, from });
            danger::judge(turn);
            go_on(turn);
        }
        None => turn.ask = true,
    }
}
