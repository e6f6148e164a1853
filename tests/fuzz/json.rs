//! Changes JSON as JSON: what comes out is always well formed, so that the
//! input gets past the reader of JSON and into what lies behind it.

use super::rng::Rng;
use serde_json::{Map, Value, json};

/// One to three changes anywhere in the value.
pub fn change(rng: &mut Rng, value: &mut Value, other: &Value, words: &[&str]) {
    for _ in 0..=rng.below(3) {
        let piece = any_node(rng, other).clone();
        let at = rng.below(count(value));
        if let Some(node) = nth_mut(value, &mut { at }) {
            change_node(rng, node, piece, words);
        }
    }
}

/// Nodes of a value, itself among them.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(map) => map.values().map(count).sum(),
        _ => 0,
    }
}

fn nth_mut<'v>(value: &'v mut Value, left: &mut usize) -> Option<&'v mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(list) => list.iter_mut().find_map(|node| nth_mut(node, left)),
        Value::Object(map) => map.values_mut().find_map(|node| nth_mut(node, left)),
        _ => None,
    }
}

fn any_node<'v>(rng: &mut Rng, value: &'v Value) -> &'v Value {
    let mut node = value;
    loop {
        let below: Vec<&Value> = match node {
            Value::Array(list) => list.iter().collect(),
            Value::Object(map) => map.values().collect(),
            _ => Vec::new(),
        };
        if below.is_empty() || rng.once_in(5) {
            return node;
        }
        node = *rng.pick(&below);
    }
}

fn change_node(rng: &mut Rng, node: &mut Value, piece: Value, words: &[&str]) {
    match node {
        Value::Object(map) if !rng.once_in(4) => change_members(rng, map, piece, words),
        Value::Array(list) if !rng.once_in(4) => match rng.below(4) {
            0 => list.push(piece),
            1 => drop(list.pop()),
            2 => list.insert(0, leaf(rng, words)),
            _ => {
                if let Some(last) = list.last().cloned() {
                    list.push(last);
                }
            }
        },
        Value::String(text) if !rng.once_in(3) => {
            let at = rng.below(text.chars().count() + 1);
            let byte = text
                .char_indices()
                .nth(at)
                .map_or(text.len(), |(byte, _)| byte);
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
                _ => *text = text.repeat(2 + rng.below(40)),
            }
        }
        _ if rng.once_in(2) => *node = piece,
        _ => *node = leaf(rng, words),
    }
}

fn change_members(rng: &mut Rng, map: &mut Map<String, Value>, piece: Value, words: &[&str]) {
    let keys: Vec<String> = map.keys().cloned().collect();
    match rng.below(4) {
        0 if !keys.is_empty() => drop(map.remove(rng.pick(&keys))),
        1 if !keys.is_empty() => {
            let moved = map.remove(rng.pick(&keys)).unwrap_or_default();
            map.insert((*rng.pick(words)).to_owned(), moved);
        }
        2 => drop(map.insert((*rng.pick(words)).to_owned(), leaf(rng, words))),
        _ => drop(map.insert((*rng.pick(words)).to_owned(), piece)),
    }
}

fn leaf(rng: &mut Rng, words: &[&str]) -> Value {
    match rng.below(12) {
        0 => Value::Null,
        1 => json!(rng.once_in(2)),
        2 => json!(rng.next()),
        3 => json!(-1),
        4 => json!(1.5e300),
        5 => json!(i64::MIN),
        6 => json!([]),
        7 => json!({}),
        8 => json!(""),
        _ => json!(rng.pick(words)),
    }
}
