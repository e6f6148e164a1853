//! Meta's JSON of what is news of the account or of an address, field for field.

use crate::whatsapp::json::{Raw, Words};
use serde::Deserialize;

/// A decision about a template.
#[derive(Deserialize)]
pub struct Decision<'a> {
    #[serde(borrow)]
    pub(super) event: Words<'a>,
    #[serde(borrow)]
    pub(super) message_template_name: Words<'a>,
    #[serde(borrow)]
    pub(super) message_template_language: Words<'a>,
    #[serde(borrow, default)]
    pub(super) reason: Option<Words<'a>>,
}

/// News of the whole account.
#[derive(Deserialize)]
pub struct AccountUpdate<'a> {
    #[serde(borrow)]
    pub(super) event: Words<'a>,
    #[serde(borrow, default)]
    pub(super) ban_info: Option<Raw<'a>>,
}

/// How far a ban has come.
#[derive(Deserialize)]
pub struct Ban<'a> {
    #[serde(borrow, default)]
    pub(super) waba_ban_state: Option<Raw<'a>>,
}

/// A business-scoped id that was made anew.
#[derive(Deserialize)]
pub struct UserIdUpdate<'a> {
    #[serde(borrow)]
    pub(super) user_id: Renewed<'a>,
    #[serde(borrow, default)]
    pub(super) wa_id: Option<Words<'a>>,
}

/// An id before and after.
#[derive(Deserialize)]
pub struct Renewed<'a> {
    #[serde(borrow)]
    pub(super) previous: Words<'a>,
    #[serde(borrow)]
    pub(super) current: Words<'a>,
}
