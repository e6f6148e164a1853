//! Webhook bodies: how they are made, and what must hold for any of them.

use super::json::Document;
use super::rng::Rng;
use super::{driver, mutate};
use healthpost::core::inbound::{
    Content, Identity, Inbound, Item, Malformed, ReceivedItem, Status, SystemChange,
};
use healthpost::core::private::Private;
use healthpost::whatsapp::cloud::parse;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Meta's words, and what tends to hurt.
const WORDS: &[&str] = &[
    "object",
    "whatsapp_business_account",
    "entry",
    "changes",
    "field",
    "value",
    "messages",
    "statuses",
    "contacts",
    "metadata",
    "errors",
    "calls",
    "message_echoes",
    "user_id_update",
    "smb_message_echoes",
    "history",
    "phone_number_id",
    "display_phone_number",
    "id",
    "from",
    "from_user_id",
    "from_parent_user_id",
    "group_id",
    "timestamp",
    "type",
    "text",
    "body",
    "image",
    "audio",
    "video",
    "document",
    "sticker",
    "location",
    "latitude",
    "longitude",
    "caption",
    "filename",
    "mime_type",
    "sha256",
    "voice",
    "interactive",
    "button_reply",
    "list_reply",
    "nfm_reply",
    "response_json",
    "button",
    "payload",
    "title",
    "reaction",
    "emoji",
    "message_id",
    "system",
    "user_changed_number",
    "customer_changed_number",
    "customer_identity_changed",
    "account_update",
    "DISABLED_UPDATE",
    "ban_info",
    "edit",
    "revoke",
    "message",
    "original_message_id",
    "unsupported",
    "request_welcome",
    "order",
    "context",
    "referral",
    "status",
    "sent",
    "delivered",
    "read",
    "played",
    "failed",
    "recipient_id",
    "recipient_user_id",
    "biz_opaque_callback_data",
    "pricing",
    "billable",
    "category",
    "code",
    "error_data",
    "error_subcode",
    "wa_id",
    "user_id",
    "parent_user_id",
    "profile",
    "name",
    "username",
    "phones",
    "phone",
    "origin",
    "request",
    "previous",
    "current",
    "event",
    "243810000002",
    "+243 810 000 002",
    "CD.5500011122233",
    "CD.ENT.1",
    "CD.",
    "wamid.IN1",
    "1795168800",
    "0",
    "-1",
    "99999999999999999999",
    "1e5",
    "null",
    "true",
    "\\u0000",
    "\\ud83e",
    "\\ud83e\\udd12",
    "\\",
    "\u{feff}",
    "{\"a\":",
    "[[[[",
    "\"a\":1,\"a\":2",
];

/// What inputs are made of.
pub struct Seeds {
    raw: Vec<Vec<u8>>,
    sound: Vec<Document>,
}

impl Seeds {
    pub fn load() -> Self {
        let raw = driver::corpus("webhook");
        let sound: Vec<Document> = raw
            .iter()
            .filter_map(|body| serde_json::from_slice(body).ok())
            .map(|value| Document::of(&value))
            .collect();
        assert!(sound.len() > 20, "the corpus holds well-formed bodies");
        Self { raw, sound }
    }

    pub fn raw(&self) -> &[Vec<u8>] {
        &self.raw
    }

    pub fn make(&self, rng: &mut Rng) -> Vec<u8> {
        if rng.once_in(3) {
            let mut body = rng.pick(&self.raw).clone();
            let other = rng.pick(&self.raw);
            mutate::bytes(rng, &mut body, other, WORDS);
            return body;
        }
        let (document, other) = (rng.pick(&self.sound), rng.pick(&self.sound));
        let mut body = document.changed(rng, other, WORDS);
        if rng.once_in(8) {
            mutate::bytes(rng, &mut body, b"", WORDS);
        }
        body
    }
}

/// Whatever the bytes: a bounded list of items, the same each time, each under
/// a key, and nothing of what people wrote in what a log would show.
pub fn check(body: &[u8]) {
    let items = parse(body);
    assert!(
        items.len() <= body.len() / 2 + 2,
        "{} items in {} bytes",
        items.len(),
        body.len()
    );
    if items.is_empty() {
        assert!(is_empty_envelope(body), "a body vanished without a trace");
    }
    for item in &items {
        let key = item.dedup.as_str();
        assert!(
            key.split_once(':')
                .is_some_and(|(kind, rest)| !kind.is_empty() && rest.len() > 1),
            "a key names nothing"
        );
        assert!(
            key.len() <= 3 * body.len() + 100,
            "a key of {} bytes",
            key.len()
        );
        leaks_nothing(item);
    }
    // Every eighth, because it doubles the work.
    if body.len().is_multiple_of(8) {
        assert_eq!(items, parse(body), "two readings of the same bytes");
    }
}

/// Only an envelope without any change may yield nothing.
fn is_empty_envelope(body: &[u8]) -> bool {
    // What no parser has to look at may hold bytes that are no text.
    let text = without_code_points(&String::from_utf8_lossy(body));
    // Nor at the size of a number: one beyond all floating point is no fault.
    type Members = BTreeMap<String, Box<RawValue>>;
    let entries = |outer: &Members| {
        let entries = outer.get("entry")?;
        serde_json::from_str::<Vec<Members>>(entries.get()).ok()
    };
    let changes = |entry: &Members| {
        let changes = entry.get("changes")?;
        serde_json::from_str::<Vec<Box<RawValue>>>(changes.get()).ok()
    };
    let outer = serde_json::from_str::<Members>(&text).ok();
    outer.as_ref().and_then(entries).is_some_and(|entries| {
        entries
            .iter()
            .all(|entry| changes(entry).is_some_and(|changes| changes.is_empty()))
    })
}

/// The text with a letter in place of each `\uXXXX`: half a surrogate pair is
/// no fault where nobody has to look.
fn without_code_points(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find('\\') {
        let (before, escape) = rest.split_at(place);
        out.push_str(before);
        let digits = escape.get(2..6).unwrap_or_default();
        let known = escape.starts_with("\\u") && digits.bytes().all(|b| b.is_ascii_hexdigit());
        if known && digits.len() == 4 {
            out.push('x');
            rest = &escape[6..];
        } else {
            let pair = escape.chars().take(2).map(char::len_utf8).sum();
            out.push_str(&escape[..pair]);
            rest = &escape[pair..];
        }
    }
    out.push_str(rest);
    out
}

fn leaks_nothing(item: &ReceivedItem) {
    let shown = format!("{item:?}");
    let mut words = Shown::default();
    words.received(item);
    let seen = |word: &&&str| tells(word) && shown.contains(**word);
    if words.private.iter().filter(seen).count() == 0 {
        return;
    }
    // Unless it is among the words that may be shown.
    let mut words = Shown {
        public: Some(Vec::new()),
        ..Shown::default()
    };
    words.received(item);
    let public = words.public.unwrap_or_default();
    for private in words.private.iter().filter(seen) {
        let told = !public.iter().any(|public| public.contains(private));
        assert!(!told, "what must stay private is shown: {shown}");
    }
}

/// Whether a word could be told from the words of `Debug` itself.
fn tells(word: &str) -> bool {
    let debug_like = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ' ' | '(' | '{');
    word.chars().count() >= 8 && !word.chars().all(debug_like)
}

/// The parts of an item, by whether a log may show them.
#[derive(Default)]
struct Shown<'i> {
    private: Vec<&'i str>,
    /// Only where it is asked for: to write it costs more than to look.
    public: Option<Vec<String>>,
}

impl<'i> Shown<'i> {
    fn received(&mut self, item: &'i ReceivedItem) {
        self.private([&item.dedup]);
        self.public(item.phone_number_id.as_deref());
        match &item.content {
            Ok(item) => self.item(item),
            Err(Malformed { why, from, raw }) => {
                self.public([why.as_str()]);
                self.private([raw]);
                self.who(from);
            }
        }
    }

    fn private(&mut self, words: impl IntoIterator<Item = &'i Private<String>>) {
        self.private
            .extend(words.into_iter().map(|word| word.expose().as_str()));
    }

    fn public<'a>(&mut self, words: impl IntoIterator<Item = &'a str>) {
        if let Some(public) = &mut self.public {
            public.extend(words.into_iter().map(|word| format!("{word:?} {word}")));
        }
    }

    fn number(&mut self, number: impl std::fmt::Debug) {
        if let Some(public) = &mut self.public {
            public.push(format!("{number:?}"));
        }
    }

    fn who(&mut self, who: &'i Identity) {
        let parts = [
            &who.phone,
            &who.bsuid,
            &who.parent_bsuid,
            &who.username,
            &who.profile_name,
        ];
        self.private(parts.into_iter().flatten());
    }

    fn item(&mut self, item: &'i Item) {
        match item {
            Item::Message(message) => self.message(message),
            Item::Status(status) => self.status(status),
            Item::Call {
                id,
                from,
                stamped,
                event,
            } => {
                self.private([id]);
                self.who(from);
                self.number(stamped);
                self.public([event.as_str()]);
            }
            Item::UserIdUpdate {
                previous,
                current,
                phone,
            } => self.private([previous, current].into_iter().chain(phone)),
            Item::ChannelError(error) => self.number(error),
            Item::Account { field, raw } => {
                self.public([field.as_str()]);
                self.private([raw]);
            }
            Item::Standing(standing) => {
                self.public([standing.event.as_str()]);
                self.number(standing.verdict);
            }
            Item::Template(news) => self.public([
                news.name.as_str(),
                news.language.as_str(),
                news.status.as_str(),
                news.reason.as_str(),
            ]),
            Item::Ignored { why } => self.public([why.as_str()]),
        }
    }

    fn message(&mut self, message: &'i Inbound) {
        self.private([&message.id].into_iter().chain(&message.quoted));
        self.who(&message.from);
        self.number(message.stamped);
        self.content(&message.content);
    }

    fn status(&mut self, status: &'i Status) {
        self.private([&status.id]);
        self.who(&status.recipient);
        self.number(status.stamped);
        self.number(&status.errors);
        self.public(status.callback.as_deref());
        self.public(status.category.as_deref());
    }

    fn content(&mut self, content: &'i Content) {
        match content {
            Content::Text { body } => self.private([body]),
            Content::Choice { id, title } => {
                self.public([id.as_str()]);
                self.private([title]);
            }
            Content::Form { response_json } => self.private([response_json]),
            Content::Media(media) => {
                self.public(
                    [media.media_id.as_str()]
                        .into_iter()
                        .chain(media.mime.as_deref())
                        .chain(media.sha256.as_deref()),
                );
                self.private(media.caption.iter().chain(&media.filename));
            }
            Content::Location {
                latitude,
                longitude,
                name,
                address,
            } => {
                self.number((latitude, longitude));
                self.private(name.iter().chain(address));
            }
            Content::Contacts {
                names,
                phones,
                own_number,
            } => self.private(names.iter().chain(phones).chain(own_number)),
            Content::Reaction { target, emoji } => self.private([target].into_iter().chain(emoji)),
            Content::Edit { original, content } => {
                self.private([original]);
                self.content(content);
            }
            Content::Revoke { original } => self.private([original]),
            Content::System(change) => match change {
                SystemChange::NumberChanged { phone, bsuid } => {
                    self.private([phone].into_iter().chain(bsuid));
                }
                SystemChange::UserIdChanged { bsuid } => self.private([bsuid]),
                SystemChange::IdentityChanged => {}
                SystemChange::Other { what } => self.public([what.as_str()]),
            },
            Content::Unsupported { what } | Content::Other { what } => self.public([what.as_str()]),
            Content::Welcome => {}
        }
    }
}
