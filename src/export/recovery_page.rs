//! The page with the recovery key, to be printed and put away. It is written
//! only where somebody asked for it, and readable by them alone.

use crate::durable;
use askama::Template;
use qrcode::QrCode;
use qrcode::render::svg;
use std::io;
use std::path::Path;
use zeroize::Zeroizing;

/// Side of a module of the code on the page, pixels.
const MODULE: u32 = 4;

#[derive(Template)]
#[template(path = "recovery.html")]
struct Page<'a> {
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
pub fn write(path: &Path, key: &str) -> io::Result<()> {
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
        groups: key.split('-').collect(),
        code,
    };
    let mut text = Zeroizing::new(String::with_capacity(PAGE_BYTES));
    page.render_into(&mut *text).map_err(io::Error::other)?;
    durable::write(path, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_group_and_a_code() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recovery.html");
        let key = "1111111-2222222-3333333-4444444-5555555-6666666-7777777-8888888-9999999";
        write(&path, key).unwrap();
        let page = std::fs::read_to_string(&path).unwrap();
        for group in key.split('-') {
            assert!(page.contains(&format!("<li>{group}</li>")), "{group}");
        }
        let code = QrCode::new(key.as_bytes()).unwrap();
        let dark = code
            .to_colors()
            .iter()
            .filter(|c| **c == qrcode::Color::Dark)
            .count();
        assert!(page.contains("<svg") && !page.contains("<?xml"));
        assert!(page.len() < PAGE_BYTES);
        let again = write(&path, key).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        // Each dark module is one move of the pen.
        assert_eq!(page.matches("h4v4H").count(), dark);
    }
}
