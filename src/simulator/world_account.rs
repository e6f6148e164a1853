//! The clinic's account at Meta: its token, its number, its app's subscription
//! and its files. It must tell a wrong token from a wrong object, as Meta does.

use super::graph_error::GraphError;
use super::sign::sign;
use super::webhook::Update;
use super::world::{Reply, World};
use crate::core::time::UnixMs;
use serde_json::{Value, json};

/// The system user that the token belongs to.
const USER_ID: &str = "122100000000001";
/// The scope that templates, subscriptions and the account itself need.
const MANAGEMENT: &str = "whatsapp_business_management";

/// Who asks, and what stands behind the question mark.
#[derive(Clone, Debug, Default)]
pub struct Asker<'a> {
    /// The bearer token.
    pub bearer: Option<&'a str>,
    /// The HMAC of the token under the app secret, where it was given.
    pub proof: Option<&'a str>,
    /// The fields asked for.
    pub fields: Option<&'a str>,
}

impl World {
    /// Checks the bearer token of a call, and its proof where there is one.
    ///
    /// # Errors
    /// The reply to give instead of an answer.
    pub fn authorise(&mut self, asker: &Asker<'_>) -> Result<(), Reply> {
        let token = self.settings.access_token.clone();
        if asker.bearer != Some(token.as_str()) || !self.settings.account.token_valid {
            let error =
                GraphError::new(190, "The access token could not be decoded or has expired");
            return Err(self.refuse(&error));
        }
        let right = sign(&self.settings.app_secret, token.as_bytes());
        let right = right.trim_start_matches("sha256=");
        if asker.proof.is_some_and(|proof| proof != right) {
            let words = "Invalid appsecret_proof provided in the API argument";
            return Err(self.refuse(&GraphError::new(100, words)));
        }
        Ok(())
    }

    /// `GET /{version}/debug_token`.
    pub fn debug_token(&mut self, input: &str) -> Reply {
        let account = &self.settings.account;
        let waba = &self.settings.business_account_id;
        let valid = input == self.settings.access_token && account.token_valid;
        let granular: Vec<Value> = account
            .scopes
            .iter()
            .map(|scope| json!({ "scope": scope, "target_ids": [waba] }))
            .collect();
        let data = json!({
            "app_id": account.app_id,
            "type": account.token_kind,
            "application": "Simulated Clinic",
            "data_access_expires_at": 0,
            "expires_at": account.token_expires_at,
            "is_valid": valid,
            "issued_at": 1_794_000_000,
            "scopes": account.scopes,
            "granular_scopes": granular,
            "user_id": USER_ID,
        });
        Reply::json(200, &json!({ "data": data }))
    }

    /// `GET /{version}/{object}`: the clinic's number, a media file, or nothing.
    pub fn describe(
        &mut self,
        object: &str,
        asker: &Asker<'_>,
        base_url: &str,
        now: UnixMs,
    ) -> Reply {
        if object == self.settings.phone_number_id {
            self.asked.push_back(now);
            while self.asked.len() > self.settings.limits.log.max(1) {
                self.asked.pop_front();
            }
            return Reply::json(200, &self.number(asker.fields.unwrap_or_default()));
        }
        if object == "me" {
            return Reply::json(200, &json!({ "id": USER_ID }));
        }
        match self.media.describe(object, base_url, now) {
            Some(file) => Reply::json(200, &file),
            None => self.refuse(&GraphError::no_such_object(object)),
        }
    }

    fn number(&self, fields: &str) -> Value {
        let account = &self.settings.account;
        let mut number = json!({
            "id": self.settings.phone_number_id,
            "verified_name": "Simulated Clinic",
            "display_phone_number": self.settings.display_phone_number,
            "quality_rating": account.quality,
            "status": account.number_status,
            "throughput": { "level": "STANDARD" },
        });
        let wanted = fields.split(',').any(|field| field == "health_status");
        if let (true, true, Some(number)) = (wanted, account.tells_health, number.as_object_mut()) {
            number.insert("health_status".into(), self.health());
        }
        number
    }

    fn health(&self) -> Value {
        let account = &self.settings.account;
        let mut waba = json!({
            "entity_type": "WABA",
            "id": self.settings.business_account_id,
            "can_send_message": account.health,
        });
        if let (true, Some(waba)) = (account.health == "BLOCKED", waba.as_object_mut()) {
            let why = json!([{
                "error_code": 141_006,
                "error_description": "There is an error with the payment method.",
                "possible_solution": "There was an error with your payment method.",
            }]);
            waba.insert("errors".into(), why);
        }
        json!({ "can_send_message": account.health, "entities": [
            { "entity_type": "PHONE_NUMBER", "id": self.settings.phone_number_id,
              "can_send_message": "AVAILABLE" },
            waba,
            { "entity_type": "APP", "id": account.app_id, "can_send_message": "AVAILABLE" },
        ] })
    }

    /// `GET` and, with `subscribe`, `POST /{version}/{account}/subscribed_apps`.
    pub fn subscribed_apps(&mut self, object: &str, subscribe: bool) -> Reply {
        if let Err(refusal) = self.manages(object) {
            return refusal;
        }
        if subscribe {
            self.settings.account.subscribed = true;
            return Reply::json(200, &json!({ "success": true }));
        }
        let account = &self.settings.account;
        let ours = json!({ "whatsapp_business_api_data": {
            "id": account.app_id, "name": "Simulated Clinic", "link": "https://example.org/" } });
        let list: Vec<Value> = account.subscribed.then_some(ours).into_iter().collect();
        Reply::json(200, &json!({ "data": list }))
    }

    /// `GET /{version}/{app}/subscriptions`, which only the app itself may ask.
    pub fn subscriptions(&mut self, object: &str, bearer: Option<&str>) -> Reply {
        let account = &self.settings.account;
        let right = format!("{}|{}", account.app_id, self.settings.app_secret);
        if bearer != Some(right.as_str()) {
            let error = GraphError::new(190, "This method must be called with an app access token");
            return self.refuse(&error);
        }
        if object != account.app_id {
            return self.refuse(&GraphError::no_such_object(object));
        }
        let fields: Vec<Value> = account
            .webhook_fields
            .iter()
            .map(|name| json!({ "name": name, "version": "v25.0" }))
            .collect();
        let list = json!([{
            "object": "whatsapp_business_account",
            "callback_url": account.webhook_url,
            "active": true,
            "fields": fields,
        }]);
        let list = if account.webhook_url.is_empty() {
            json!([])
        } else {
            list
        };
        Reply::json(200, &json!({ "data": list }))
    }

    /// Whether the token may manage this account.
    ///
    /// # Errors
    /// The reply to give instead of an answer.
    pub(super) fn manages(&mut self, object: &str) -> Result<(), Reply> {
        if object != self.settings.business_account_id {
            return Err(self.refuse(&GraphError::no_such_object(object)));
        }
        if self.settings.account.may(MANAGEMENT) {
            return Ok(());
        }
        let error = GraphError::new(200, "You do not have the necessary permissions");
        Err(self.refuse(&error))
    }

    /// Changes the account; false for a field that does not exist.
    pub fn change_account(&mut self, changes: &Value) -> bool {
        let changed = self.settings.account.changed(changes);
        changed.is_some_and(|account| {
            self.settings.account = account;
            true
        })
    }

    /// News of another field than `messages`, as a webhook of its own.
    pub(super) fn tell_field(&mut self, field: &'static str, value: Value, now: UnixMs) {
        let field = field.into();
        let at = Some(now);
        self.tell(Update::Field { field, value, at }, now);
        self.changed();
    }
}
