//! The page with the recovery key, to be printed and put away. It is written
//! only where somebody asked for it, and readable by them alone. It says whose
//! key it is: a technician has the papers of many boxes.

use super::recovery_words::{self, Words};
use crate::core::lang::Lang;
use crate::durable;
use askama::Template;
use qrcode::QrCode;
use qrcode::render::svg;
use std::io::{self, Write};
use std::path::Path;
use zeroize::Zeroizing;

/// Side of a module of the code on the page, pixels.
const MODULE: u32 = 4;

/// Whose key it is. What is not known leaves a line to write on.
#[derive(Clone, Debug)]
pub struct Whose {
    /// The language the clinic speaks first.
    pub lang: Lang,
    /// The clinic's name and id.
    pub clinic: String,
    /// The day, where the clock is believed.
    pub day: String,
    /// The fingerprint of the box's authority, as devices show it.
    pub authority: String,
}

#[derive(Template)]
#[template(path = "recovery.html")]
struct Page<'a> {
    w: &'static Words,
    lang: Lang,
    clinic: &'a str,
    day: &'a str,
    authority: String,
    groups: Vec<&'a str>,
    code: &'a str,
}

/// Room for the whole page: a buffer that grows leaves a copy behind.
const PAGE_BYTES: usize = 256 * 1024;

/// Writes the page with `key`, whose groups have dashes between them. A file
/// that is there already stays: it may be the page of a key that is in use.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`], or what the disk says.
pub fn write(path: &Path, key: &str, whose: &Whose) -> io::Result<()> {
    if path.try_exists()? {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let code = QrCode::new(key.as_bytes()).map_err(io::Error::other)?;
    let mut image = code.render::<svg::Color<'_>>();
    let code = Zeroizing::new(image.module_dimensions(MODULE, MODULE).build());
    // A page in a page needs no declaration of its own.
    let code = code
        .find("<svg")
        .and_then(|at| code.get(at..))
        .unwrap_or(&code);
    let page = Page {
        w: recovery_words::of(whose.lang),
        lang: whose.lang,
        clinic: &whose.clinic,
        day: &whose.day,
        // In pairs of digits, as the trust page has them: lines break between.
        authority: whose.authority.replace(':', " "),
        groups: key.split('-').collect(),
        code,
    };
    let mut text = Zeroizing::new(String::with_capacity(PAGE_BYTES));
    page.render_into(&mut *text).map_err(io::Error::other)?;
    // The page is for whoever made it, in whosever folder it lies.
    durable::write_with(path, |file| file.write_all(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "1111111-2222222-3333333-4444444-5555555-6666666-7777777-8888888-9999999";

    fn whose(lang: Lang) -> Whose {
        Whose {
            lang,
            clinic: "Poste <Kalehe> (kalehe-1)".to_owned(),
            day: "2026-11-21".to_owned(),
            authority: "BA:78:16".to_owned(),
        }
    }

    fn written(whose: &Whose) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recovery.html");
        write(&path, KEY, whose).unwrap();
        let again = write(&path, KEY, whose).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        std::fs::read_to_string(&path).unwrap()
    }

    #[test]
    fn the_page_has_every_group_and_a_code() {
        let page = written(&whose(Lang::En));
        for group in KEY.split('-') {
            assert!(page.contains(&format!("<li>{group}</li>")), "{group}");
        }
        let code = QrCode::new(KEY.as_bytes()).unwrap();
        let dark = code
            .to_colors()
            .iter()
            .filter(|c| **c == qrcode::Color::Dark)
            .count();
        assert!(page.contains("<svg") && !page.contains("<?xml"));
        assert!(page.len() < PAGE_BYTES);
        // Each dark module is one move of the pen.
        assert_eq!(page.matches("h4v4H").count(), dark);
    }

    #[test]
    fn the_page_says_whose_key_it_is_in_the_clinics_language() {
        let mut titles = Vec::new();
        for lang in Lang::ALL {
            let page = written(&whose(lang));
            assert!(page.contains(&format!("<html lang=\"{lang}\">")));
            assert!(
                page.contains("Poste &#60;Kalehe&#62; (kalehe-1)</dd>"),
                "{page}"
            );
            assert!(page.contains("<dd>2026-11-21</dd>") && page.contains(">BA 78 16</p>"));
            let title = recovery_words::of(lang).title;
            assert!(page.contains(&format!("<h1>{title}</h1>")) && !titles.contains(&title));
            titles.push(title);
        }
        let unknown = Whose {
            clinic: String::new(),
            day: String::new(),
            authority: String::new(),
            ..whose(Lang::En)
        };
        let page = written(&unknown);
        assert_eq!(page.matches("<dd></dd>").count(), 2);
        assert!(!page.contains("SHA-256"));
    }
}
