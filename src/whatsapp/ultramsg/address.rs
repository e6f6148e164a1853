//! Chat names: `243970000001@c.us` is a phone, `4711@lid` a person who hides
//! it, and the rest is nobody the bot may answer.

use crate::core::inbound::Identity;
use crate::core::phone;
use crate::core::private::Private;

/// Longest privacy id taken, characters.
const LID_CHARS_MAX: usize = 40;

/// Whom a chat name names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// One person.
    Person(Identity),
    /// A group, a status or a broadcast, by a word for the record.
    Crowd(&'static str),
    /// No form we know.
    Nobody,
}

/// Reads a chat name.
pub fn read(name: &str) -> Named {
    let Some((who, kind)) = name.split_once('@') else {
        return by_phone(name);
    };
    match kind {
        // A device of the person's may stand behind a colon.
        "c.us" | "s.whatsapp.net" => by_phone(who.split(':').next().unwrap_or(who)),
        "lid" => by_lid(who.split(':').next().unwrap_or(who)),
        "g.us" => Named::Crowd("a group message"),
        "broadcast" => Named::Crowd("a broadcast"),
        "newsletter" => Named::Crowd("a channel post"),
        _ => Named::Nobody,
    }
}

fn by_phone(digits: &str) -> Named {
    match phone::parse_international(digits) {
        Some(phone) => Named::Person(Identity {
            phone: Some(phone),
            ..Identity::default()
        }),
        None => Named::Nobody,
    }
}

fn by_lid(who: &str) -> Named {
    let fine = !who.is_empty() && who.len() <= LID_CHARS_MAX;
    if !fine || !who.bytes().all(|b| b.is_ascii_digit()) {
        return Named::Nobody;
    }
    Named::Person(Identity {
        bsuid: Some(Private::from(format!("{who}@lid"))),
        ..Identity::default()
    })
}

/// How a person is written to: the number with a plus, or the privacy id. A
/// comma separates recipients at UltraMsg, so nothing but digits passes; none
/// if the person has no address of this provider's.
pub fn to(who: &Identity) -> Option<String> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if let Some(phone) = &who.phone {
        return digits(phone.as_str()).then(|| format!("+{}", phone.as_str()));
    }
    let lid = who.bsuid.as_ref()?.as_str();
    let number = lid.strip_suffix("@lid")?;
    digits(number).then(|| lid.to_owned())
}
