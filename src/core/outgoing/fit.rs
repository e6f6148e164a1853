//! Makes a message fit the provider's limits, before it is queued: one that is
//! found too long hours later, when the line is back, is a silent loss.
//!
//! Lengths are counted in UTF-16 units, the strictest reading of "characters",
//! and text is cut between graphemes, never inside one. What cannot be tapped
//! as it should be becomes the numbered text.

use super::{Body, Button, Row};
use crate::core::limits::{
    BUTTON_TITLE_MAX, BUTTONS_MAX, CHOICE_ID_MAX, INTERACTIVE_UNITS_MAX, LIST_ROWS_MAX,
    ROW_DESCRIPTION_MAX, ROW_TITLE_MAX, TEXT_UNITS_MAX,
};
use std::collections::BTreeSet;
use unicode_segmentation::UnicodeSegmentation;

const ELLIPSIS: &str = "…";
/// The label of a list that was made out of buttons, in no language.
const OPEN: &str = "☰";

/// The message within all limits. What fits already comes back unchanged.
#[must_use]
pub fn fit(body: Body) -> Body {
    match body {
        Body::Text { text } => Body::Text {
            text: cut_words(&text, TEXT_UNITS_MAX),
        },
        Body::RequestContact { text } => Body::RequestContact {
            text: cut_words(&text, INTERACTIVE_UNITS_MAX),
        },
        Body::Buttons { text, buttons } if buttons.len() > BUTTONS_MAX => fit(Body::List {
            text,
            open: OPEN.to_owned(),
            rows: buttons.into_iter().map(row_of).collect(),
        }),
        Body::Buttons { text, buttons } => fit_buttons(text, buttons),
        Body::List { text, open, rows } => fit_list(text, &open, rows),
        // Its words stand at the provider.
        Body::Template { .. } => body,
    }
}

fn row_of(button: Button) -> Row {
    Row {
        id: button.id,
        title: button.title,
        description: None,
    }
}

fn fit_buttons(text: String, buttons: Vec<Button>) -> Body {
    let shown: Vec<Button> = buttons
        .iter()
        .map(|button| Button {
            id: button.id.clone(),
            title: cut(&button.title, BUTTON_TITLE_MAX),
        })
        .collect();
    let choices = shown.iter().map(|b| (b.id.as_str(), b.title.as_str()));
    if can_be_tapped(&text, choices) {
        return Body::Buttons {
            text,
            buttons: shown,
        };
    }
    numbered(&Body::Buttons { text, buttons })
}

fn fit_list(text: String, open: &str, rows: Vec<Row>) -> Body {
    let shown: Vec<Row> = rows.iter().map(fit_row).collect();
    let choices = shown
        .iter()
        .map(|row| (row.id.as_str(), row.title.as_str()));
    if rows.len() > LIST_ROWS_MAX || !can_be_tapped(&text, choices) {
        let open = open.to_owned();
        return numbered(&Body::List { text, open, rows });
    }
    let open = if open.trim().is_empty() { OPEN } else { open };
    Body::List {
        text,
        open: cut(open, BUTTON_TITLE_MAX),
        rows: shown,
    }
}

/// A title that is too long for its line goes on below it.
fn fit_row(row: &Row) -> Row {
    let title = cut(&row.title, ROW_TITLE_MAX);
    let told = row
        .description
        .as_ref()
        .filter(|text| !text.trim().is_empty());
    let below = told.or((title != row.title).then_some(&row.title));
    Row {
        id: row.id.clone(),
        title,
        description: below.map(|text| cut(text, ROW_DESCRIPTION_MAX)),
    }
}

/// Whether the provider takes it: words of the right length, at least one
/// choice, and ids and titles that are there, unique and short enough.
fn can_be_tapped<'c>(text: &str, choices: impl Iterator<Item = (&'c str, &'c str)>) -> bool {
    let mut ids = BTreeSet::new();
    let mut titles = BTreeSet::new();
    let sound = choices.into_iter().all(|(id, title)| {
        let short = !id.is_empty() && is_within(id, CHOICE_ID_MAX);
        short && !title.trim().is_empty() && ids.insert(id) && titles.insert(title)
    });
    sound && !ids.is_empty() && !text.trim().is_empty() && is_within(text, INTERACTIVE_UNITS_MAX)
}

/// The numbered text. Where it is too long the words are cut, not the choices,
/// as long as these leave room for any words.
fn numbered(body: &Body) -> Body {
    let twin = body.plain_text();
    let words = body.words();
    let choices = twin.strip_prefix(words).unwrap_or_default();
    let room = TEXT_UNITS_MAX.saturating_sub(units(choices));
    if is_within(&twin, TEXT_UNITS_MAX) || room == 0 {
        return Body::Text {
            text: cut_words(&twin, TEXT_UNITS_MAX),
        };
    }
    Body::Text {
        text: cut(words, room) + choices,
    }
}

/// Length as the provider may count it.
fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Whether it is no longer than that. A text has no more units than bytes.
fn is_within(text: &str, units_max: usize) -> bool {
    text.len() <= units_max || units(text) <= units_max
}

/// The provider refuses a message without words.
fn cut_words(text: &str, units_max: usize) -> String {
    if text.trim().is_empty() {
        return ELLIPSIS.to_owned();
    }
    cut(text, units_max)
}

fn cut(text: &str, units_max: usize) -> String {
    if is_within(text, units_max) {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut room = units_max.saturating_sub(units(ELLIPSIS));
    for grapheme in text.graphemes(true) {
        let Some(left) = room.checked_sub(units(grapheme)) else {
            break;
        };
        room = left;
        kept.push_str(grapheme);
    }
    kept.truncate(kept.trim_end().len());
    kept + ELLIPSIS
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use proptest::prelude::*;

    fn buttons(titles: &[&str]) -> Body {
        let button = |(i, title): (usize, &&str)| Button {
            id: format!("id{i}"),
            title: (*title).to_owned(),
        };
        Body::Buttons {
            text: "Which?".into(),
            buttons: titles.iter().enumerate().map(button).collect(),
        }
    }

    #[test]
    fn what_fits_is_left_alone() {
        for body in [Body::text("Bonjour"), buttons(&["Oui", "Non"])] {
            assert_eq!(fit(body.clone()), body);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_graphemes() {
        let family = "👨‍👩‍👧";
        let text = family.repeat(1_000);
        let Body::Text { text: short } = fit(Body::text(text)) else {
            panic!("a text stays a text");
        };
        assert!(units(&short) <= TEXT_UNITS_MAX);
        let rest = short.strip_suffix(ELLIPSIS).unwrap();
        assert_eq!(rest, family.repeat(rest.len() / family.len()));
        assert_eq!(fit(Body::text("  ")), Body::text(ELLIPSIS));
    }

    #[test]
    fn a_fourth_button_makes_a_list() {
        let Body::List { rows, open, .. } = fit(buttons(&["a", "b", "c", "d"])) else {
            panic!("a list");
        };
        assert_eq!((rows.len(), open.as_str()), (4, OPEN));
        assert_eq!(rows.last().unwrap().id, "id3");
    }

    #[test]
    fn an_eleventh_row_makes_a_numbered_text() {
        let titles = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];
        let Body::Text { text } = fit(buttons(&titles)) else {
            panic!("a text");
        };
        assert!(text.starts_with("Which?\n\n1. a\n"), "{text}");
        assert!(text.ends_with("\n11. k"), "{text}");
    }

    #[test]
    fn choices_that_look_alike_or_say_nothing_are_numbered() {
        let long = "a title of more than twenty characters";
        let first = format!("{long} 1");
        let second = format!("{long} 2");
        for titles in [[first.as_str(), second.as_str()], ["x", "x"], ["x", " "]] {
            assert!(
                matches!(fit(buttons(&titles)), Body::Text { .. }),
                "{titles:?}"
            );
        }
        assert_eq!(fit(buttons(&[])), Body::text("Which?"));
    }

    #[test]
    fn a_long_title_of_a_row_goes_on_below_it() {
        let title = "Douleur au ventre depuis plusieurs jours";
        let Body::List { rows, .. } = fit(buttons(&[title, "b", "c", "d"])) else {
            panic!("a list");
        };
        let row = rows.first().unwrap();
        assert!(units(&row.title) <= ROW_TITLE_MAX);
        assert_eq!(row.description.as_deref(), Some(title));
    }

    #[test]
    fn long_words_are_cut_and_their_choices_kept() {
        let mut body = buttons(&["Oui", "Non"]);
        if let Body::Buttons { text, .. } = &mut body {
            *text = "mot ".repeat(2_000);
        }
        let Body::Text { text } = fit(body) else {
            panic!("a text");
        };
        assert!(units(&text) <= TEXT_UNITS_MAX);
        assert!(text.ends_with("mot…\n\n1. Oui\n2. Non"), "{text}");
    }

    fn assert_fits(body: &Body) {
        let words_max = match body {
            Body::Text { .. } | Body::Template { .. } => TEXT_UNITS_MAX,
            Body::Buttons { .. } | Body::List { .. } | Body::RequestContact { .. } => {
                INTERACTIVE_UNITS_MAX
            }
        };
        assert!((1..=words_max).contains(&units(body.words())));
        let within = |text: &str, most| assert!((1..=most).contains(&units(text)), "{text}");
        match body {
            Body::Text { .. } | Body::RequestContact { .. } | Body::Template { .. } => {}
            Body::Buttons { buttons, .. } => {
                assert!((1..=BUTTONS_MAX).contains(&buttons.len()));
                buttons
                    .iter()
                    .for_each(|b| within(&b.title, BUTTON_TITLE_MAX));
            }
            Body::List { open, rows, .. } => {
                within(open, BUTTON_TITLE_MAX);
                assert!((1..=LIST_ROWS_MAX).contains(&rows.len()));
                for row in rows {
                    within(&row.title, ROW_TITLE_MAX);
                    within(&row.id, CHOICE_ID_MAX);
                    if let Some(text) = &row.description {
                        within(text, ROW_DESCRIPTION_MAX);
                    }
                }
            }
        }
    }

    fn arb_body() -> impl Strategy<Value = Body> {
        let text = prop_oneof!["\\PC{0,60}", "[a é👩‍👧\n]{0,30}", "[ab ]{1000,5000}"];
        let choice = (
            "\\PC{0,30}",
            "[a é👩‍👧]{0,40}",
            prop::option::of("\\PC{0,90}"),
        );
        let choices = prop::collection::vec(choice, 0..14);
        (text, "\\PC{0,30}", choices, 0..4_u8).prop_map(|(text, open, choices, form)| {
            let buttons = || {
                let button = |(id, title, _): &(String, String, Option<String>)| Button {
                    id: id.clone(),
                    title: title.clone(),
                };
                choices.iter().map(button).collect()
            };
            let row = |(id, title, description): &(String, String, Option<String>)| Row {
                id: id.clone(),
                title: title.clone(),
                description: description.clone(),
            };
            match form {
                0 => Body::Text { text },
                1 => Body::Buttons {
                    buttons: buttons(),
                    text,
                },
                2 => Body::List {
                    text,
                    open,
                    rows: choices.iter().map(row).collect(),
                },
                _ => Body::RequestContact { text },
            }
        })
    }

    proptest! {
        #[test]
        fn everything_fits_afterwards_and_stays_so(body in arb_body()) {
            let once = fit(body);
            assert_fits(&once);
            prop_assert_eq!(fit(once.clone()), once);
        }
    }
}
