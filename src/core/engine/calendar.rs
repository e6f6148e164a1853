//! Dates as people of a language write them, the month by its name, so that
//! nobody has to guess which of two numbers is the month.
//!
//! Only what is shown is written so: what is stored stays ISO 8601.

use crate::core::lang::Lang;
use jiff::civil::Date;

const MONTHS: [[&str; 12]; Lang::ALL.len()] = [
    [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ],
    [
        "Januari", "Februari", "Machi", "Aprili", "Mei", "Juni", "Julai", "Agosti", "Septemba",
        "Oktoba", "Novemba", "Desemba",
    ],
    [
        "enero",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ],
    [
        "janeiro",
        "fevereiro",
        "março",
        "abril",
        "maio",
        "junho",
        "julho",
        "agosto",
        "setembro",
        "outubro",
        "novembro",
        "dezembro",
    ],
];

/// A stored date, whole or known to the month or the year only, in words; what
/// is no date stays as it is.
pub(super) fn in_words(date: &str, lang: Lang) -> String {
    let whole = match date.len() {
        4 => return date.to_owned(),
        7 => format!("{date}-01"),
        _ => date.to_owned(),
    };
    let Ok(parsed) = whole.parse::<Date>() else {
        return date.to_owned();
    };
    let Some(month) = month(parsed, lang) else {
        return date.to_owned();
    };
    let year = parsed.year();
    let of = match lang {
        Lang::Es | Lang::Pt => " de ",
        Lang::En | Lang::Fr | Lang::Sw => " ",
    };
    if date.len() == 7 {
        return format!("{month}{of}{year}");
    }
    let day = match (lang, parsed.day()) {
        (Lang::Fr, 1) => "1er".to_owned(),
        (_, day) => day.to_string(),
    };
    format!("{day}{of}{month}{of}{year}")
}

fn month(date: Date, lang: Lang) -> Option<&'static str> {
    let place = Lang::ALL.iter().position(|other| *other == lang)?;
    let nth = usize::from(date.month().unsigned_abs()).checked_sub(1)?;
    MONTHS.get(place)?.get(nth).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Lang::{En, Es, Fr, Pt, Sw};

    #[test]
    fn dates_are_written_as_the_language_writes_them() {
        for (date, lang, want) in [
            ("2026-03-03", En, "3 March 2026"),
            ("2026-03-01", Fr, "1er mars 2026"),
            ("2026-08-12", Fr, "12 août 2026"),
            ("1990-03-15", Sw, "15 Machi 1990"),
            ("2026-03-03", Es, "3 de marzo de 2026"),
            ("2026-03-03", Pt, "3 de março de 2026"),
            ("1990-12", Es, "diciembre de 1990"),
            ("1990-12", Sw, "Desemba 1990"),
            ("1990", Pt, "1990"),
            ("1990-13", En, "1990-13"),
            ("1990-02-30", En, "1990-02-30"),
            ("", En, ""),
        ] {
            assert_eq!(in_words(date, lang), want, "{date} in {lang}");
        }
    }
}
