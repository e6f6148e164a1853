//! What single values must be like. Pure functions from a TOML value to the
//! value meant, or to what is wrong with it.

use super::fault::Wrong;
use crate::core::lang::Lang;
use crate::core::plain_text;
use jiff::tz::TimeZone;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use toml::de::DeValue;

/// ISO 3166-1 alpha-2 codes, as assigned in 2026.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ \
BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ \
DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT \
GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY \
KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX \
MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS \
RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN \
TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// A reader of one TOML value.
pub(super) type Read<T> = Result<T, Wrong>;

fn wrong_type(value: &DeValue<'_>, wanted: &str) -> Wrong {
    Wrong::new(
        format!("is a {}", value.type_str()),
        format!("write {wanted}"),
    )
}

/// Any text.
pub(super) fn text(value: &DeValue<'_>) -> Read<String> {
    let text = value.as_str();
    let text = text.ok_or_else(|| wrong_type(value, "a text in double quotes"))?;
    if text.contains('\n') || plain_text::find_steering(text).is_some() {
        return Err(Wrong::new(
            "has a line break or an invisible character",
            "write it again, on one line",
        ));
    }
    Ok(text.to_owned())
}

/// A text that is not blank.
pub(super) fn some_text(value: &DeValue<'_>) -> Read<String> {
    let text = text(value)?;
    if text.trim().is_empty() {
        return Err(Wrong::new("is empty", "fill it in"));
    }
    if text.chars().count() > 200 {
        return Err(Wrong::new("is longer than 200 characters", "shorten it"));
    }
    Ok(text)
}

/// `true` or `false`.
pub(super) fn flag(value: &DeValue<'_>) -> Read<bool> {
    let flag = value.as_bool();
    flag.ok_or_else(|| wrong_type(value, "true or false"))
}

/// A whole number within bounds.
pub(super) fn number(bounds: RangeInclusive<i64>) -> impl Fn(&DeValue<'_>) -> Read<i64> {
    move |value| {
        let integer = value
            .as_integer()
            .ok_or_else(|| wrong_type(value, "a whole number without quotes"))?;
        let number = i64::from_str_radix(integer.as_str(), integer.radix());
        match number {
            Ok(number) if bounds.contains(&number) => Ok(number),
            Ok(_) | Err(_) => Err(Wrong::new(
                "is out of bounds",
                format!("write a number from {} to {}", bounds.start(), bounds.end()),
            )),
        }
    }
}

/// A list, each item read by `item`; the first wrong one is named by its place.
pub(super) fn list<T>(
    item: impl Fn(&DeValue<'_>) -> Read<T>,
) -> impl Fn(&DeValue<'_>) -> Read<Vec<T>> {
    move |value| {
        let array = value
            .as_array()
            .ok_or_else(|| wrong_type(value, "a list in square brackets"))?;
        let mut items = Vec::new();
        for (place, value) in array.iter().enumerate() {
            let read = item(value.get_ref()).map_err(|wrong| {
                Wrong::new(format!("item {} {}", place + 1, wrong.what), wrong.remedy)
            })?;
            items.push(read);
        }
        Ok(items)
    }
}

/// The clinic's id: letters, digits and dashes.
pub(super) fn clinic_id(value: &DeValue<'_>) -> Read<String> {
    let text = some_text(value)?;
    let fine = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !fine || text.len() > 64 {
        return Err(Wrong::new(
            "may hold only letters, digits and dashes, at most 64",
            "write an id such as \"kalehe-1\"",
        ));
    }
    Ok(text)
}

/// A country code.
pub(super) fn country(value: &DeValue<'_>) -> Read<String> {
    let text = text(value)?;
    let known = text.len() == 2 && COUNTRIES.split(' ').any(|code| code == text);
    if !known {
        return Err(Wrong::new(
            "is no ISO 3166-1 country code",
            "write the two capital letters, such as \"CD\" for DR Congo or \"KE\" for Kenya",
        ));
    }
    Ok(text)
}

/// A time zone by its IANA name.
pub(super) fn timezone(value: &DeValue<'_>) -> Read<String> {
    let text = text(value)?;
    if text.is_empty() || TimeZone::get(&text).is_err() {
        return Err(Wrong::new(
            "is no known time zone",
            "write its IANA name, such as \"Africa/Lubumbashi\"",
        ));
    }
    Ok(text)
}

/// The conversation's languages: at least one, none twice.
pub(super) fn languages(value: &DeValue<'_>) -> Read<Vec<Lang>> {
    let langs = list(language)(value)?;
    if langs.is_empty() {
        return Err(Wrong::new(
            "is empty",
            "name at least one of en, fr, sw, es, pt",
        ));
    }
    let twice = langs
        .iter()
        .enumerate()
        .any(|(i, lang)| langs.iter().skip(i + 1).any(|other| other == lang));
    if twice {
        return Err(Wrong::new("names a language twice", "take one out"));
    }
    Ok(langs)
}

fn language(value: &DeValue<'_>) -> Read<Lang> {
    text(value)?.parse().map_err(|_| {
        Wrong::new(
            "is no language the box speaks",
            "use en, fr, sw, es or pt in quotes",
        )
    })
}

/// A number people dial in an emergency.
pub(super) fn dialled(value: &DeValue<'_>) -> Read<String> {
    let text = some_text(value)?;
    let fine = text
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '+' | '*' | '#' | ' '));
    let digits = text.chars().filter(char::is_ascii_digit).count();
    if !fine || !(2..=15).contains(&digits) {
        return Err(Wrong::new(
            "is no number that can be dialled",
            "write digits in quotes, such as \"112\"",
        ));
    }
    Ok(text)
}

/// An address to listen on.
pub(super) fn listen(value: &DeValue<'_>) -> Read<SocketAddr> {
    text(value)?.parse().map_err(|_| {
        Wrong::new(
            "is no address with a port",
            "write it as \"127.0.0.1:8081\" or \"[::1]:8081\"",
        )
    })
}

/// A web address to talk to: https, or http to this machine only. Returned
/// without a slash at its end.
pub(super) fn base_url(value: &DeValue<'_>) -> Read<String> {
    let text = text(value)?;
    let remedy = "write https://HOST, or http:// to a loopback address such as 127.0.0.1";
    let url = reqwest::Url::parse(&text).map_err(|_| Wrong::new("is no web address", remedy))?;
    let secure = match url.scheme() {
        "https" => url.has_host(),
        "http" => url.host_str().is_some_and(is_loopback),
        _ => false,
    };
    if !secure {
        return Err(Wrong::new("would send in the clear", remedy));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Wrong::new(
            "holds credentials",
            "take them out; `healthpost secret set` keeps credentials",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Wrong::new("has a ? or # part", "take it out"));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Empty, or a web address as `base_url` takes it.
pub(super) fn url_or_empty(value: &DeValue<'_>) -> Read<Option<String>> {
    if text(value)?.is_empty() {
        return Ok(None);
    }
    base_url(value).map(Some)
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The version of the Graph API, `v25.0`.
pub(super) fn api_version(value: &DeValue<'_>) -> Read<String> {
    let text = text(value)?;
    let fine = text
        .strip_prefix('v')
        .and_then(|rest| rest.split_once('.'))
        .is_some_and(|(major, minor)| all_digits(major) && all_digits(minor));
    if !fine {
        return Err(Wrong::new("is no API version", "write it as \"v25.0\""));
    }
    Ok(text)
}

/// Digits alone, in quotes.
pub(super) fn digits(value: &DeValue<'_>) -> Read<String> {
    let text = text(value)?;
    if !all_digits(&text) || text.len() > 32 {
        return Err(Wrong::new(
            "may hold only digits",
            "copy the number from the provider's page, in quotes",
        ));
    }
    Ok(text)
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// A name of letters, digits, `_` and `-`, as providers give them.
pub(super) fn plain_name(value: &DeValue<'_>) -> Read<String> {
    let text = some_text(value)?;
    let fine = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if !fine {
        return Err(Wrong::new(
            "may hold only letters, digits, _ and -",
            "copy the name from the provider's page",
        ));
    }
    Ok(text)
}

/// A host name or address for the LAN certificate.
pub(super) fn host_name(value: &DeValue<'_>) -> Read<String> {
    let text = some_text(value)?;
    let fine = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':'));
    if !fine {
        return Err(Wrong::new(
            "is no host name",
            "write names such as \"healthpost.local\"",
        ));
    }
    Ok(text)
}

/// How the TPM is reached; empty for none.
pub(super) fn tcti(value: &DeValue<'_>) -> Read<Option<String>> {
    let text = text(value)?;
    if text.is_empty() {
        return Ok(None);
    }
    let fine = match text.split_once(':') {
        Some(("device", path)) => path.starts_with('/'),
        Some(("swtpm", rest)) => match rest.split_once(':') {
            Some(("unix", path)) => !path.is_empty(),
            Some((host, port)) => !host.is_empty() && port.parse::<u16>().is_ok(),
            None => false,
        },
        Some(_) | None => false,
    };
    if !fine {
        return Err(Wrong::new(
            "is no way to reach a TPM",
            "write device:/dev/tpmrm0, swtpm:HOST:PORT or swtpm:unix:PATH",
        ));
    }
    Ok(Some(text))
}
