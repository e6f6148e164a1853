//! Words from outside, fit to be shown beside ours. Nothing in them may turn
//! round what stands next to it, as the controls for mixed directions can: the
//! letters of a language written from the right need none of these.

/// The words without embeddings, overrides and isolates of direction.
pub fn upright(text: &str) -> String {
    text.chars().filter(|c| !turns(*c)).collect()
}

const fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_turns_its_neighbours_round() {
        assert_eq!(upright("a\u{202e}b\u{2066}c\u{2069}\u{202a}"), "abc");
        let kept = "fièvre, محمد, 🙂 \u{200d}";
        assert_eq!(upright(kept), kept);
    }
}
