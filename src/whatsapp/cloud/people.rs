//! Who a webhook speaks of: phone numbers and business-scoped ids, and the
//! contact list that adds names to them.
//!
//! People are matched by identity, never by their place in a list. A missing
//! phone number is normal; a missing identity is the caller's to judge.

use super::wire::{Contact, Profile};
use crate::core::inbound::Identity;
use crate::core::phone;
use crate::core::private::Private;
use crate::whatsapp::json::{Raw, Words, elements, members, object};
use std::collections::BTreeMap;

/// Longest business-scoped id we take: `CC.`, perhaps `ENT.`, 128 characters
/// and some room.
const BSUID_CHARS_MAX: usize = 160;

/// The two names a webhook gives for one person, each perhaps missing.
#[derive(Clone, Copy, Default)]
pub struct Names<'n, 'a> {
    /// `from`, `wa_id` or `recipient_id`; some providers put a BSUID in it.
    pub address: Option<&'n Words<'a>>,
    /// The business-scoped id.
    pub user_id: Option<&'n Words<'a>>,
    /// The business-scoped id in a linked portfolio.
    pub parent_user_id: Option<&'n Words<'a>>,
}

impl Names<'_, '_> {
    /// The identity these names make; empty when none of them is sound.
    pub fn identity(self) -> Identity {
        let address = self.address.map(Words::as_str).unwrap_or_default().trim();
        let stray = Some(address).filter(|text| is_bsuid(text));
        let told = self.user_id.map(|words| words.as_str().trim());
        let parent = self.parent_user_id.map(|words| words.as_str().trim());
        Identity {
            phone: phone::parse_international(address),
            bsuid: told
                .filter(|text| is_bsuid(text))
                .or(stray)
                .map(Private::from),
            parent_bsuid: parent.filter(|text| is_bsuid(text)).map(Private::from),
            username: None,
            profile_name: None,
        }
    }
}

/// How an item names a person: its address, its user id, the parent id.
const NAMED_BY: [[&str; 3]; 3] = [
    ["from", "from_user_id", "from_parent_user_id"],
    [
        "recipient_id",
        "recipient_user_id",
        "recipient_parent_user_id",
    ],
    ["wa_id", "user_id", "parent_user_id"],
];

/// Whom something speaks of that could not be understood, as far as its own
/// members tell; empty where they do not.
pub fn somebody_in(text: &str) -> Identity {
    let members = members(text);
    let words =
        |name: &str| -> Option<Words<'_>> { serde_json::from_str(members.get(name)?.get()).ok() };
    let named = NAMED_BY.iter().map(|names| {
        let [address, user_id, parent_user_id] = names.map(words);
        let names = Names {
            address: address.as_ref(),
            user_id: user_id.as_ref(),
            parent_user_id: parent_user_id.as_ref(),
        };
        names.identity()
    });
    named
        .into_iter()
        .find(|who| !who.is_empty())
        .unwrap_or_default()
}

/// Whether a text is a business-scoped user id: `CC.` and what follows.
pub fn is_bsuid(text: &str) -> bool {
    let Some((country, rest)) = text.split_once('.') else {
        return false;
    };
    country.len() == 2
        && country.bytes().all(|byte| byte.is_ascii_uppercase())
        && !rest.is_empty()
        && text.len() <= BSUID_CHARS_MAX
        && rest.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The people a change lists beside its messages.
#[derive(Default)]
pub struct People {
    list: Vec<Identity>,
    /// Place in the list by phone number or business-scoped id.
    places: BTreeMap<String, usize>,
}

impl People {
    /// Reads `contacts[]`. One that cannot be read is left out: a message
    /// stands without the name of its sender.
    pub fn read(contacts: Option<Raw<'_>>) -> Self {
        let mut people = Self::default();
        for raw in contacts.and_then(elements).unwrap_or_default() {
            if let Some(identity) = object::<Contact<'_>>(raw).map(|one| identity_of(&one)) {
                people.add(identity);
            }
        }
        people
    }

    fn add(&mut self, identity: Identity) {
        let place = self.list.len();
        for key in [&identity.phone, &identity.bsuid].into_iter().flatten() {
            self.places.entry(key.expose().clone()).or_insert(place);
        }
        self.list.push(identity);
    }

    /// The identity with what the contact list adds to it. Nothing the item
    /// itself says is replaced.
    pub fn complete(&self, identity: Identity) -> Identity {
        let found = [&identity.bsuid, &identity.phone]
            .into_iter()
            .flatten()
            .find_map(|key| self.places.get(key.as_str()))
            .and_then(|place| self.list.get(*place));
        let Some(known) = found else {
            return identity;
        };
        Identity {
            phone: identity.phone.or_else(|| known.phone.clone()),
            bsuid: identity.bsuid.or_else(|| known.bsuid.clone()),
            parent_bsuid: identity.parent_bsuid.or_else(|| known.parent_bsuid.clone()),
            username: known.username.clone(),
            profile_name: known.profile_name.clone(),
        }
    }
}

fn identity_of(contact: &Contact<'_>) -> Identity {
    let profile: Profile<'_> = contact.profile.and_then(object).unwrap_or_default();
    let names = Names {
        address: contact.wa_id.as_ref(),
        user_id: contact.user_id.as_ref(),
        parent_user_id: contact.parent_user_id.as_ref(),
    };
    Identity {
        username: non_empty(profile.username.as_ref()),
        profile_name: non_empty(profile.name.as_ref()),
        ..names.identity()
    }
}

/// A text that says something.
pub fn non_empty(words: Option<&Words<'_>>) -> Option<Private<String>> {
    words
        .map(Words::as_str)
        .filter(|text| !text.trim().is_empty())
        .map(Private::from)
}
