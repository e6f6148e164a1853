//! Templates at Meta: listed, handed in, reviewed. A template that is not
//! approved must never be sent.

use super::graph_error::GraphError;
use super::lengths;
use super::request::{Shown, Tap};
use super::settings::Template;
use super::world::{Reply, World};
use crate::core::time::UnixMs;
use serde_json::{Value, json};

/// Templates kept.
const TEMPLATES_MAX: usize = 250;

impl World {
    /// `GET /{version}/{account}/message_templates`.
    pub fn list_templates(&mut self, object: &str) -> Reply {
        if let Err(refusal) = self.manages(object) {
            return refusal;
        }
        let list: Vec<Value> = self.settings.templates.iter().map(shown).collect();
        Reply::json(200, &json!({ "data": list, "paging": { "cursors": {} } }))
    }

    /// `POST /{version}/{account}/message_templates`.
    pub fn submit_template(&mut self, object: &str, body: &[u8]) -> Reply {
        if let Err(refusal) = self.manages(object) {
            return refusal;
        }
        let Some(template) = read(body, &self.settings.account.first_review) else {
            let error = GraphError::new(100, "A template needs name, language, category and body");
            return self.refuse(&error);
        };
        let twin =
            |known: &Template| known.name == template.name && known.language == template.language;
        if self.settings.account.refused_template == template.name {
            let words = "Message template language is being deleted";
            return self.refuse(&GraphError::new(100, words));
        }
        if self.settings.templates.len() >= TEMPLATES_MAX
            || self.settings.templates.iter().any(twin)
        {
            let words = "There is already content in this language";
            return self.refuse(&GraphError::new(100, words));
        }
        let answer = json!({
            "id": self.dice.digits(16),
            "status": template.status,
            "category": template.category,
        });
        self.settings.templates.push(template);
        Reply::json(200, &answer)
    }

    /// A reviewer decides; the clinic is told by webhook. False if there is no
    /// such template.
    pub fn review_template(
        &mut self,
        name: &str,
        language: &str,
        status: &str,
        reason: &str,
        now: UnixMs,
    ) -> bool {
        let known = self
            .settings
            .templates
            .iter_mut()
            .find(|known| known.name == name && known.language == language);
        let Some(known) = known else {
            return false;
        };
        status.clone_into(&mut known.status);
        reason.clone_into(&mut known.reason);
        let value = json!({
            "event": status,
            "message_template_id": 806_312_974_732_579_i64,
            "message_template_name": name,
            "message_template_language": language,
            "message_template_category": known.category,
            "reason": reason,
        });
        self.tell_field("message_template_status_update", value, now);
        true
    }

    /// A message as the phone shows it, and the words where it is a template.
    ///
    /// # Errors
    /// Why it cannot be sent.
    pub(super) fn filled(&self, shown: &Shown) -> Result<(Shown, Option<String>), GraphError> {
        let mut shown = shown.clone();
        let Shown::Template {
            name,
            language,
            values,
            buttons,
        } = &mut shown
        else {
            return Ok((shown, None));
        };
        let known = self.sendable(name, language)?;
        let text = fill(&known.text, values)?;
        let label = &known.button;
        if label.is_empty() && !buttons.is_empty() {
            let words = "buttons: Button at index 0 does not exist in the template";
            return Err(GraphError::new(132_018, words));
        }
        // What was not filled in comes back as its label.
        let payload = buttons.first().map_or(label, |told| &told.id);
        let shows = (!label.is_empty()).then(|| tap(payload, label));
        *buttons = shows.into_iter().collect();
        Ok((shown, Some(text)))
    }

    fn sendable(&self, name: &str, language: &str) -> Result<&Template, GraphError> {
        let mut all = self.settings.templates.iter();
        let known = all.find(|known| known.name == name && known.language == language);
        match known.map(|known| (known.status.as_str(), known)) {
            Some(("APPROVED", known)) => Ok(known),
            Some(("PAUSED", _)) => Err(GraphError::new(132_015, "template is paused")),
            Some(("DISABLED", _)) => Err(GraphError::new(132_016, "template is disabled")),
            Some(_) | None => Err(GraphError::new(
                132_001,
                format!("template name ({name}) does not exist in {language}"),
            )),
        }
    }
}

fn tap(payload: &str, label: &str) -> Tap {
    Tap {
        id: payload.to_owned(),
        title: label.to_owned(),
        description: None,
    }
}

/// Puts values in the place of `{{1}}` and so on, or of names, in their order.
fn fill(text: &str, values: &[String]) -> Result<String, GraphError> {
    let mut parts = text.split("{{");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    let (mut wanted, mut given) = (0, values.iter());
    for part in parts {
        let (_, after) = part.split_once("}}").unwrap_or_default();
        filled.push_str(given.next().map_or("", String::as_str));
        filled.push_str(after);
        wanted += 1;
    }
    if wanted != values.len() {
        let words = format!(
            "body: number of localizable_params ({}) does not match the expected number of params ({wanted})",
            values.len()
        );
        return Err(GraphError::new(132_000, words));
    }
    let unfit = |value: &String| {
        value.is_empty() || value.contains(['\n', '\t']) || value.contains("     ")
    };
    if values.iter().any(unfit) {
        let words = "Param text cannot be empty, nor have new-line/tab characters or more than 4 consecutive spaces";
        return Err(GraphError::new(132_012, words));
    }
    if filled.chars().count() > lengths::TEMPLATE_BODY {
        return Err(GraphError::new(132_005, "Translated text too long"));
    }
    Ok(filled)
}

fn shown(template: &Template) -> Value {
    let mut parts = vec![json!({ "type": "BODY", "text": template.text })];
    if !template.button.is_empty() {
        let button = json!({ "type": "QUICK_REPLY", "text": template.button });
        parts.push(json!({ "type": "BUTTONS", "buttons": [button] }));
    }
    json!({
        "name": template.name,
        "language": template.language,
        "status": template.status,
        "category": template.category,
        "rejected_reason": template.reason,
        "components": parts,
        "id": "806312974732579",
    })
}

fn read(body: &[u8], status: &str) -> Option<Template> {
    let told: Value = serde_json::from_slice(body).ok()?;
    let word = |name: &str| told.get(name)?.as_str().map(str::to_owned);
    let components = told.get("components")?.as_array()?;
    let part = |kind: &str| {
        let mut all = components.iter();
        all.find(|part| part.get("type").and_then(Value::as_str) == Some(kind))
    };
    let text = part("BODY")?.get("text")?.as_str()?;
    let button = part("BUTTONS").and_then(|part| part.pointer("/buttons/0/text"));
    let name = word("name")?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (!name.is_empty() && name.chars().all(plain) && !text.is_empty()).then_some(Template {
        name,
        language: word("language")?,
        category: word("category")?,
        text: text.to_owned(),
        button: button
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        status: status.to_owned(),
        reason: "NONE".to_owned(),
    })
}
