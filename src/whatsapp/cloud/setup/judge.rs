//! Meta's answers, judged: what is in order, what is not, where to click.
//! Pure, so that every sentence has its test.

use super::super::graph::{Unanswered, list, word};
use super::finding::{Finding, bad, not_checked, ok, warning};
use crate::core::time::{DAY_MS, Now, UnixMs};
use crate::ports::LineFault;
use serde_json::Value;

/// A token with less life than this is refused.
pub const TOKEN_DAYS_MIN: i64 = 30;

/// The permissions the token needs, each with what fails without it.
pub const SCOPES: [(&str, &str); 2] = [
    ("whatsapp_business_messaging", "no message could be sent"),
    (
        "whatsapp_business_management",
        "the account could not be subscribed, nor templates looked at",
    ),
];

/// Where a token that lasts is made.
pub const NEW_TOKEN: &str = "at business.facebook.com/settings open Users > System users, choose \
    (or add) a system user that has the app and the WhatsApp account among its assets, click \
    Generate new token, choose the app, expiration Never, and the permissions \
    whatsapp_business_messaging and whatsapp_business_management; then run \
    healthpost secret set whatsapp.access_token < FILE";

const NEW_SECRET: &str = "at developers.facebook.com/apps open the app, App settings > Basic, \
    click Show beside App secret; then run healthpost secret set whatsapp.app_secret < FILE";

const NUMBER_ID: &str = "at developers.facebook.com/apps open the app, WhatsApp > API setup, copy \
    Phone number ID into whatsapp.phone_number_id; the system user must have the WhatsApp account \
    among its assets";

const WEBHOOK: &str = "at developers.facebook.com/apps open the app, WhatsApp > Configuration";

/// What kept Meta from answering, in words.
pub fn trouble(unanswered: &Unanswered) -> String {
    match unanswered {
        Unanswered::Line(LineFault::Down) => "the provider could not be reached".to_owned(),
        Unanswered::Line(LineFault::Refused) => {
            "the provider was reached and takes no connections now".to_owned()
        }
        Unanswered::Line(LineFault::Tls) => {
            "whoever answered could not prove to be the provider".to_owned()
        }
        Unanswered::Line(LineFault::Clock) => {
            "by the box's clock the provider's certificate is not valid: set the clock".to_owned()
        }
        Unanswered::Line(LineFault::Portal) => {
            "somebody else answered in the provider's place: a log-in page or a proxy".to_owned()
        }
        Unanswered::Refused(error) => format!("Meta refused (error {})", error.code),
        Unanswered::Odd => "what came back is no answer of Meta's".to_owned(),
    }
}

/// What the token says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Token {
    /// The app it was made for.
    pub app: String,
    /// Accounts it may manage, where that is limited.
    pub accounts: Vec<String>,
}

/// The answer about the token: whether it holds, of what kind it is, how long
/// it lasts, what it may do.
pub fn token(told: &Value, now: Now) -> (Vec<Finding>, Token) {
    let none = Value::Null;
    let data = told.get("data").unwrap_or(&none);
    if data.get("is_valid").and_then(Value::as_bool) != Some(true) {
        return (vec![dead_token()], Token::default());
    }
    let mut found = vec![kind(&word(data, "type")), expiry(data, now)];
    let scopes = list(data, "scopes");
    for (scope, without) in SCOPES {
        let held = scopes.iter().any(|held| held.as_str() == Some(scope));
        found.push(if held {
            ok("permission", format!("the token has {scope}"))
        } else {
            let said = format!("the token lacks {scope}: {without}");
            bad("permission", said, NEW_TOKEN)
        });
    }
    let token = Token {
        app: word(data, "app_id"),
        accounts: accounts(data),
    };
    (found, token)
}

/// A token that Meta does not accept.
pub fn dead_token() -> Finding {
    let said = "Meta does not accept the access token: it is mistyped, has ended or was withdrawn";
    bad("access token", said, NEW_TOKEN)
}

fn kind(kind: &str) -> Finding {
    match kind {
        "SYSTEM_USER" => ok("access token", "it belongs to a system user"),
        "USER" => warning(
            "access token",
            "it belongs to a person: it ends when they leave, change their password or log out",
            NEW_TOKEN,
        ),
        _ => bad(
            "access token",
            "it belongs neither to a system user nor to a person, so it cannot send messages",
            NEW_TOKEN,
        ),
    }
}

fn expiry(data: &Value, now: Now) -> Finding {
    const WHAT: &str = "token's life";
    let Some(end) = data.get("expires_at").and_then(Value::as_i64) else {
        return not_checked(WHAT, "Meta did not say when the token ends");
    };
    if end == 0 {
        return ok(WHAT, "it never ends");
    }
    if !now.trusted {
        let said = "it ends some day, and nobody vouches for this clock";
        return warning(WHAT, said, "set the clock, then run this again");
    }
    let left = UnixMs(end.saturating_mul(1_000)).ms_since(now.at);
    let days = left.div_euclid(DAY_MS);
    if left < TOKEN_DAYS_MIN * DAY_MS {
        let said = if left <= 0 {
            "it has ended".to_owned()
        } else {
            format!("it ends in {days} days; one with less than {TOKEN_DAYS_MIN} is refused")
        };
        return bad(WHAT, said, NEW_TOKEN);
    }
    let said = format!("it ends in {days} days, and then nothing is sent or fetched any more");
    warning(WHAT, said, NEW_TOKEN)
}

fn accounts(data: &Value) -> Vec<String> {
    let granular = list(data, "granular_scopes");
    let managed = granular
        .iter()
        .find(|grant| word(grant, "scope") == "whatsapp_business_management");
    let targets = managed.map_or(&[][..], |grant| list(grant, "target_ids"));
    targets
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// The answer about the phone number.
pub fn number(answer: &Result<Value, Unanswered>) -> Vec<Finding> {
    const WHAT: &str = "phone number";
    let told = match answer {
        Ok(told) => told,
        Err(Unanswered::Refused(error)) => {
            let said = format!(
                "Meta knows no number of this id, or the token may not see it (error {})",
                error.code
            );
            return vec![bad(WHAT, said, NUMBER_ID)];
        }
        Err(other) => return vec![not_checked(WHAT, trouble(other))],
    };
    let (name, digits) = (
        word(told, "verified_name"),
        word(told, "display_phone_number"),
    );
    let mut found = vec![match word(told, "status").as_str() {
        "CONNECTED" | "" => ok(WHAT, format!("{digits}, shown to patients as \"{name}\"")),
        status => {
            let said = format!("{digits} is not registered or not in service (it is {status})");
            let how = "at business.facebook.com/wa/manage open Phone numbers, choose the number and \
                       finish what is asked for there (verify it, set its PIN, register it)";
            bad(WHAT, said, how)
        }
    }];
    let how = "send only what patients asked for; at business.facebook.com/wa/manage open Insights";
    match word(told, "quality_rating").as_str() {
        "RED" => found.push(warning(
            "quality",
            "patients blocked or reported the number",
            how,
        )),
        "YELLOW" => found.push(warning("quality", "it is falling", how)),
        "GREEN" => found.push(ok("quality", "high")),
        _ => {}
    }
    found
}

/// The health that Meta tells beside the number; nothing if it tells none.
pub fn health(told: &Value) -> Option<Finding> {
    const WHAT: &str = "health";
    let health = told.get("health_status")?;
    let whole = word(health, "can_send_message");
    if whole == "AVAILABLE" {
        return Some(ok(WHAT, "Meta sees nothing in the way of messages"));
    }
    let sick = list(health, "entities")
        .iter()
        .find(|entity| word(entity, "can_send_message") == whole)?;
    let why = list(sick, "errors").first();
    let (said, how) = why.map_or_else(Default::default, |error| {
        (
            word(error, "error_description"),
            word(error, "possible_solution"),
        )
    });
    let said = format!(
        "Meta holds messages back at {}: {said}",
        word(sick, "entity_type")
    );
    let how = format!("{how} (business.facebook.com/wa/manage)");
    Some(if whole == "BLOCKED" {
        bad(WHAT, said, how)
    } else {
        warning(WHAT, said, how)
    })
}

/// The account's id, where the number's health tells it.
pub fn account_of(told: &Value) -> Option<String> {
    let health = told.get("health_status")?;
    let entities = list(health, "entities");
    let account = entities
        .iter()
        .find(|entity| word(entity, "entity_type") == "WABA")?;
    Some(word(account, "id")).filter(|id| !id.is_empty())
}

/// The answer to a call that proved the app secret.
pub fn secret(answer: &Result<Value, Unanswered>) -> Finding {
    const WHAT: &str = "app secret";
    match answer {
        Ok(_) => ok(WHAT, "it belongs to the token's app"),
        // Of all refusals this one is about the proof.
        Err(Unanswered::Refused(error)) if error.code == 100 => bad(
            WHAT,
            "it is not the secret of the app that the token was made for, so every webhook would \
             be refused",
            NEW_SECRET,
        ),
        Err(other) => not_checked(WHAT, trouble(other)),
    }
}

/// No app secret at all.
pub fn no_secret() -> Finding {
    let said = "none is set, so every webhook is refused";
    bad("app secret", said, NEW_SECRET)
}

/// Whether the app gets the account's webhooks.
pub fn subscription(apps: &Result<Value, Unanswered>, app: &str, fresh: bool) -> Finding {
    const WHAT: &str = "subscription";
    match apps {
        Ok(told) if is_subscribed(told, app) && fresh => {
            ok(WHAT, "the account was not subscribed to the app; it is now")
        }
        Ok(told) if is_subscribed(told, app) => ok(WHAT, "the app gets the account's webhooks"),
        Ok(_) => bad(
            WHAT,
            "the app does not get the account's webhooks, and Meta did not let us change that",
            NEW_TOKEN,
        ),
        Err(Unanswered::Refused(error)) => {
            let said = format!("the account may not be managed (error {})", error.code);
            bad(WHAT, said, NEW_TOKEN)
        }
        Err(other) => not_checked(WHAT, trouble(other)),
    }
}

/// Whether the app is among the account's.
pub fn is_subscribed(told: &Value, app: &str) -> bool {
    list(told, "data").iter().any(|entry| {
        let data = entry.get("whatsapp_business_api_data").unwrap_or(entry);
        word(data, "id") == app
    })
}

/// Where the app's webhooks go, and which of them.
pub fn webhook(answer: &Result<Value, Unanswered>) -> Vec<Finding> {
    const WHAT: &str = "webhook";
    let told = match answer {
        Ok(told) => told,
        Err(other) => return vec![not_checked(WHAT, trouble(other))],
    };
    let ours = list(told, "data")
        .iter()
        .find(|entry| word(entry, "object") == "whatsapp_business_account");
    let Some(ours) = ours else {
        let how = format!(
            "{WEBHOOK}, click Edit beside Webhook, give the box's public address with \
             /webhooks/whatsapp at its end and the verify token of healthpost secret set \
             whatsapp.verify_token"
        );
        return vec![bad(
            WHAT,
            "no address is set: nothing patients write arrives",
            how,
        )];
    };
    let mut found = vec![address(&word(ours, "callback_url"))];
    let fields = list(ours, "fields");
    let ticked = |field: &str| fields.iter().any(|entry| word(entry, "name") == field);
    let how = |field: &str| format!("{WEBHOOK}, under Webhook fields switch {field} on");
    found.push(if ticked("messages") {
        ok("field messages", "what patients write is sent on")
    } else {
        let said = "it is off: nothing patients write arrives";
        bad("field messages", said, how("messages"))
    });
    for field in ["message_template_status_update", "account_update"] {
        if !ticked(field) {
            let said = format!("{field} is off: nobody hears of a paused template or a ban");
            found.push(warning("webhook fields", said, how(field)));
        }
    }
    found
}

fn address(url: &str) -> Finding {
    if url.ends_with("/webhooks/whatsapp") {
        return ok("webhook", format!("Meta posts to {url}"));
    }
    let said = format!("Meta posts to {url}, which is no address of this box");
    let how = format!("{WEBHOOK}, click Edit beside Webhook: it ends in /webhooks/whatsapp");
    bad("webhook", said, how)
}
