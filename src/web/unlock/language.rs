//! In which language a page is shown: chosen on the page, else the first one we
//! speak of those the browser asks for, else English.

use crate::core::lang::Lang;
use axum::http::{HeaderMap, header};

/// Most languages looked at in a browser's list.
const WISHES_MAX: usize = 20;

/// The language for a request.
pub(super) fn of(query: Option<&str>, headers: &HeaderMap) -> Lang {
    chosen(query.unwrap_or_default())
        .or_else(|| {
            let wishes = headers.get(header::ACCEPT_LANGUAGE)?;
            wished(wishes.to_str().ok()?)
        })
        .unwrap_or(Lang::En)
}

/// What was chosen on a page, by the address it made.
pub(super) fn chosen(query: &str) -> Option<Lang> {
    let mut pairs = query.split('&').take(WISHES_MAX);
    pairs.find_map(|pair| pair.strip_prefix("lang=")?.parse().ok())
}

/// `fr-CD,fr;q=0.9,en;q=0.8`: the one with the highest weight, the first of
/// equals.
fn wished(list: &str) -> Option<Lang> {
    let mut best: Option<(Lang, f32)> = None;
    for wish in list.split(',').take(WISHES_MAX) {
        let mut parts = wish.split(';').map(str::trim);
        let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
        let code = tag.split('-').next().unwrap_or_default();
        let Ok(lang) = code.parse::<Lang>() else {
            continue;
        };
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        let weight = weight.map_or(1.0, |text| text.parse().unwrap_or(0.0));
        if weight > best.map_or(0.0, |(_, weight)| weight) {
            best = Some((lang, weight));
        }
    }
    best.map(|(lang, _)| lang)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_s_wishes_are_heard() {
        let cases = [
            ("fr-CD,fr;q=0.9,en;q=0.8", Some(Lang::Fr)),
            ("de, sw;q=0.5, en;q=0.9", Some(Lang::En)),
            ("PT-br", Some(Lang::Pt)),
            ("es;q=0", None),
            ("de,*", None),
            (";;;,,q=", None),
        ];
        for (list, lang) in cases {
            assert_eq!(wished(list), lang, "{list}");
        }
    }

    #[test]
    fn what_was_chosen_on_the_page_comes_first() {
        let mut headers = HeaderMap::new();
        headers.insert("accept-language", "fr".parse().unwrap());
        assert_eq!(of(None, &headers), Lang::Fr);
        assert_eq!(of(Some("x=1&lang=sw"), &headers), Lang::Sw);
        assert_eq!(of(Some("lang=xx"), &headers), Lang::Fr);
        assert_eq!(of(Some("lang="), &HeaderMap::new()), Lang::En);
    }
}
