//! Changes JSON as JSON: what comes out is always well formed, so that the
//! input gets past the reader of JSON and into what lies behind it.
//!
//! A document is cut into its parts once; a change then only copies text. It
//! must stay that cheap, for it is done for nearly every input.

use super::rng::Rng;
use serde_json::Value;
use std::ops::Range;

/// A document and where its parts stand in it.
pub struct Document {
    text: String,
    /// The whole first, every other one behind the one it is part of.
    parts: Vec<Part>,
}

struct Part {
    at: Range<usize>,
    holds: Holds,
}

enum Holds {
    /// Members: the key, where key and value stand, and the value's part.
    Object(Vec<(String, Range<usize>, usize)>),
    /// The elements' parts.
    Array(Vec<usize>),
    Text(String),
    Other,
}

impl Document {
    pub fn of(value: &Value) -> Self {
        let mut document = Self {
            text: String::new(),
            parts: Vec::new(),
        };
        document.write(value);
        document
    }

    fn write(&mut self, value: &Value) -> usize {
        let (part, begin) = (self.parts.len(), self.text.len());
        self.parts.push(Part {
            at: begin..begin,
            holds: Holds::Other,
        });
        let holds = match value {
            Value::Object(map) => {
                let mut members = Vec::new();
                for (key, value) in map {
                    self.text.push(if members.is_empty() { '{' } else { ',' });
                    let from = self.text.len();
                    push_text(&mut self.text, key);
                    self.text.push(':');
                    let value = self.write(value);
                    members.push((key.clone(), from..self.text.len(), value));
                }
                self.text
                    .push_str(if members.is_empty() { "{}" } else { "}" });
                Holds::Object(members)
            }
            Value::Array(list) => {
                let mut elements = Vec::new();
                for value in list {
                    self.text.push(if elements.is_empty() { '[' } else { ',' });
                    elements.push(self.write(value));
                }
                self.text
                    .push_str(if elements.is_empty() { "[]" } else { "]" });
                Holds::Array(elements)
            }
            Value::String(text) => {
                push_text(&mut self.text, text);
                Holds::Text(text.clone())
            }
            other => {
                self.text.push_str(&other.to_string());
                Holds::Other
            }
        };
        let at = begin..self.text.len();
        self.parts[part] = Part { at, holds };
        part
    }

    fn text_of(&self, part: usize) -> &str {
        &self.text[self.parts[part].at.clone()]
    }

    /// The text of any part: the nearer to the whole, the likelier.
    fn any(&self, rng: &mut Rng) -> &str {
        let mut part = 0;
        loop {
            let below = match &self.parts[part].holds {
                Holds::Object(members) => members.len(),
                Holds::Array(elements) => elements.len(),
                Holds::Text(_) | Holds::Other => 0,
            };
            if below == 0 || rng.once_in(5) {
                return self.text_of(part);
            }
            let next = rng.below(below);
            part = match &self.parts[part].holds {
                Holds::Object(members) => members[next].2,
                Holds::Array(elements) => elements[next],
                Holds::Text(_) | Holds::Other => part,
            };
        }
    }

    /// The document after one to three changes anywhere in it; of two in the
    /// same place the wider one is made.
    pub fn changed(&self, rng: &mut Rng, other: &Self, words: &[&str]) -> Vec<u8> {
        let mut chosen = [usize::MAX; 3];
        for place in chosen.iter_mut().take(1 + rng.below(3)) {
            *place = rng.below(self.parts.len());
        }
        chosen.sort_unstable();
        let mut out = String::with_capacity(self.text.len() * 2);
        let mut done = 0;
        for part in chosen.iter().filter_map(|part| self.parts.get(*part)) {
            if part.at.start >= done {
                out.push_str(&self.text[done..part.at.start]);
                let piece = other.any(rng);
                self.change(rng, part, piece, words, &mut out);
                done = part.at.end;
            }
        }
        out.push_str(&self.text[done..]);
        out.into_bytes()
    }

    /// Writes a part otherwise than it is.
    fn change(&self, rng: &mut Rng, part: &Part, piece: &str, words: &[&str], out: &mut String) {
        match &part.holds {
            Holds::Object(members) if !rng.once_in(4) => {
                self.change_members(rng, members, piece, words, out);
            }
            Holds::Array(elements) if !rng.once_in(4) => {
                let mut new = String::new();
                let mut texts: Vec<&str> = elements.iter().map(|it| self.text_of(*it)).collect();
                match rng.below(4) {
                    0 => texts.push(piece),
                    1 => drop(texts.pop()),
                    2 => {
                        leaf(rng, words, &mut new);
                        texts.insert(0, &new);
                    }
                    _ => texts.extend(texts.last().copied()),
                }
                out.push('[');
                push_list(out, &texts);
                out.push(']');
            }
            Holds::Text(text) if !rng.once_in(3) => {
                push_text(out, &changed_text(rng, text, words));
            }
            Holds::Object(_) | Holds::Array(_) | Holds::Text(_) | Holds::Other => {
                if rng.once_in(2) {
                    out.push_str(piece);
                } else {
                    leaf(rng, words, out);
                }
            }
        }
    }

    fn change_members(
        &self,
        rng: &mut Rng,
        members: &[(String, Range<usize>, usize)],
        piece: &str,
        words: &[&str],
        out: &mut String,
    ) {
        let gone = rng.below(members.len());
        let word: &&str = rng.pick(words);
        let mut new = String::new();
        push_text(&mut new, word);
        new.push(':');
        let mut kept = members.iter().map(|(key, ..)| key.as_str());
        // A name that is there already is given another value.
        let place = kept.position(|key| key == *word);
        let remove = match rng.below(4) {
            0 if !members.is_empty() => {
                new.clear();
                Some(gone)
            }
            1 if !members.is_empty() && place.is_none() => {
                new.push_str(self.text_of(members[gone].2));
                Some(gone)
            }
            2 => {
                leaf(rng, words, &mut new);
                place
            }
            _ => {
                new.push_str(piece);
                place
            }
        };
        let mut texts: Vec<&str> = members
            .iter()
            .map(|(_, at, _)| &self.text[at.clone()])
            .collect();
        if let Some(place) = remove {
            texts.remove(place);
        }
        if !new.is_empty() {
            texts.push(&new);
        }
        out.push('{');
        push_list(out, &texts);
        out.push('}');
    }
}

fn changed_text(rng: &mut Rng, text: &str, words: &[&str]) -> String {
    let mut text = text.to_owned();
    let at = rng.below(text.chars().count() + 1);
    let mut places = text.char_indices().map(|(byte, _)| byte);
    let byte = places.nth(at).unwrap_or(text.len());
    match rng.below(4) {
        0 => text.truncate(byte),
        1 => {
            let word: &&str = rng.pick(words);
            text.insert_str(byte, word);
        }
        2 => text.insert(
            byte,
            *rng.pick(&['\0', '\u{1f9d1}', 'é', '\u{202e}', '"', '0', '.', ' ']),
        ),
        _ => text = text.repeat(2 + rng.below(40)),
    }
    text
}

fn push_list(out: &mut String, texts: &[&str]) {
    for (place, text) in texts.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        out.push_str(text);
    }
}

fn push_text(out: &mut String, text: &str) {
    out.push_str(&serde_json::to_string(text).expect("a text becomes JSON"));
}

fn leaf(rng: &mut Rng, words: &[&str], out: &mut String) {
    match rng.below(12) {
        0 => out.push_str("null"),
        1 => out.push_str(if rng.once_in(2) { "true" } else { "false" }),
        2 => out.push_str(&rng.next().to_string()),
        3 => out.push_str("-1"),
        4 => out.push_str("1.5e+300"),
        5 => out.push_str(&i64::MIN.to_string()),
        6 => out.push_str("[]"),
        7 => out.push_str("{}"),
        8 => out.push_str("\"\""),
        _ => {
            let word: &&str = rng.pick(words);
            push_text(out, word);
        }
    }
}
