//! The model: chats, the queue, webhooks due, the phone that is linked or not.
//! It reads no clock and opens no socket.

use super::account::{Spoilt, UltraFault, UltraSettings, UltraStanding};
use super::queue::{self, Queued};
use crate::core::time::UnixMs;
use crate::simulator::world::{Manner, Reply};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Faults that may stand at the same time.
const STANDING_MAX: usize = 64;

/// A webhook on its way.
#[derive(Clone, Debug)]
pub struct WebhookDue {
    /// Its body.
    pub body: String,
    /// Tries so far.
    pub tries: u32,
    at: UnixMs,
}

/// An acknowledgement on its way.
struct AckDue {
    at: UnixMs,
    id: u64,
    ack: &'static str,
}

/// A simulated UltraMsg.
pub struct UltraWorld {
    settings: UltraSettings,
    /// The state of the linked phone, `authenticated` if all is well.
    account: String,
    chats: BTreeMap<String, Vec<Value>>,
    /// Chats of phones that are switched off.
    off: BTreeSet<String>,
    queue: Vec<Queued>,
    acks: Vec<AckDue>,
    webhooks: Vec<WebhookDue>,
    faults: Vec<UltraStanding>,
    last_send: UnixMs,
    next_id: u64,
}

impl UltraWorld {
    /// A world in which nothing has happened yet.
    pub fn new(settings: UltraSettings) -> Self {
        Self {
            settings,
            account: "authenticated".into(),
            chats: BTreeMap::new(),
            off: BTreeSet::new(),
            queue: Vec::new(),
            acks: Vec::new(),
            webhooks: Vec::new(),
            faults: Vec::new(),
            last_send: UnixMs(0),
            next_id: 4_711,
        }
    }

    /// What it was told at its start.
    pub const fn settings(&self) -> &UltraSettings {
        &self.settings
    }

    /// Posts webhooks to another address from now on; to none if it is empty.
    pub fn set_callback_url(&mut self, url: &str) {
        url.clone_into(&mut self.settings.callback_url);
    }

    /// The linked phone is in this state from now on: `authenticated`, `qr`,
    /// `standby`, `loading`, …
    pub fn set_account(&mut self, status: &str) {
        status.clone_into(&mut self.account);
    }

    /// Sends out of its queue with this delay from now on, ms.
    pub const fn set_send_delay(&mut self, ms: i64) {
        self.settings.send_delay_ms = ms;
    }

    /// Somebody's phone is switched on or off. What is sent to one that is off
    /// comes as far as WhatsApp's servers, and arrives once it is on again.
    pub fn set_phone(&mut self, name: &str, on: bool) {
        if on {
            self.off.remove(&full(name));
        } else {
            self.off.insert(full(name));
        }
    }

    /// Makes something go wrong; false when too much stands already.
    pub fn add_fault(&mut self, standing: UltraStanding) -> bool {
        self.faults.retain(|it| it.times > 0);
        let room = self.faults.len() < STANDING_MAX;
        if room {
            self.faults.push(standing);
        }
        room
    }

    /// Every message it took, oldest first.
    pub fn taken(&self) -> &[Queued] {
        &self.queue
    }

    /// The messages of a chat, oldest first, as `GET chats/messages` gives them.
    pub fn chat(&self, name: &str) -> &[Value] {
        self.chats.get(&full(name)).map_or(&[], Vec::as_slice)
    }

    /// A person writes: `243970000001`, or `4711@lid` for one who hides the
    /// number. Returns the message's id.
    pub fn phone_writes(&mut self, name: &str, text: &str, now: UnixMs) -> String {
        let chat = full(name);
        let id = format!("false_{chat}_3EB0{:08X}", self.number());
        let message = json!({
            "id": id, "from": chat, "to": self.me(), "author": "", "pushname": "Marie",
            "ack": "", "type": "chat", "body": text, "media": "", "fromMe": false,
            "self": false, "isForwarded": false, "isMentioned": false, "quotedMsg": {},
            "mentionedIds": [], "time": now.0 / 1_000,
        });
        self.chats.entry(chat).or_default().push(message.clone());
        self.tell("message_received", "", "", &message, now);
        id
    }

    /// Tells something of a chat nobody asked the bot into (a group, a status).
    pub fn crowd_writes(&mut self, chat: &str, text: &str, now: UnixMs) {
        let id = format!("false_{chat}_3EB0{:08X}", self.number());
        let message = json!({
            "id": id, "from": chat, "to": self.me(), "author": "243970000099@c.us",
            "pushname": "Groupe", "type": "chat", "body": text, "fromMe": false,
            "time": now.0 / 1_000,
        });
        self.chats
            .entry(chat.into())
            .or_default()
            .push(message.clone());
        self.tell("message_received", "", "", &message, now);
    }

    /// `POST messages/chat`.
    pub fn take(&mut self, form: &[(String, String)], now: UnixMs) -> Reply {
        let field = |name: &str| {
            let found = form.iter().find(|(key, _)| key == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        let missing: Vec<Value> = ["to", "body"]
            .into_iter()
            .filter(|name| field(name).is_empty())
            .map(|name| json!({ name: "is required" }))
            .collect();
        if !missing.is_empty() {
            return Reply::json(200, &json!({ "error": missing }));
        }
        let spoilt = self.spoil(Spoilt::Send);
        if let Some(reply) = spoilt.as_ref().and_then(refusal) {
            return reply;
        }
        let mut id = 0;
        // A comma separates recipients: this is what ours must never send.
        for to in field("to").split(',') {
            id = self.number();
            self.queue.push(Queued {
                id,
                reference: field("referenceId").to_owned(),
                to: to.trim().to_owned(),
                body: field("body").to_owned(),
                priority: field("priority").parse().unwrap_or(10),
                status: "queue",
                ack: "pending",
                created_at: now,
                sent_at: None,
            });
        }
        let reply = Reply::json(200, &json!({ "sent": "true", "message": "ok", "id": id }));
        match spoilt {
            Some(UltraFault::LoseAnswer) => reply.in_manner(Manner::Reset),
            Some(_) | None => reply,
        }
    }

    /// A question, by its path.
    pub fn ask(&mut self, path: &str, query: &[(String, String)]) -> Reply {
        let asked = |name: &str| {
            let found = query.iter().find(|(key, _)| key == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        let answer = match path {
            "messages" => queue::page(&self.queue, query, &self.settings),
            "messages/statistics" => queue::statistics(&self.queue),
            "instance/status" => json!({ "status": { "accountStatus": {
                "status": self.account, "substatus": "connected",
            } } }),
            "chats" => self.list_chats(),
            "chats/messages" => {
                let limit = asked("limit").parse().unwrap_or(100);
                let limit = self.settings.rows_max.min(limit);
                let chat = self.chat(asked("chatId"));
                let newest = chat.iter().skip(chat.len().saturating_sub(limit));
                Value::from(newest.cloned().collect::<Vec<_>>())
            }
            _ => return Reply::json(404, &json!({ "error": "Path not found" })),
        };
        let answer = match self.spoil(Spoilt::Answer(path)) {
            Some(fault) => fault.spoil(answer),
            None => answer,
        };
        Reply::json(200, &answer)
    }

    /// Whether these are the instance and its token.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn authorise(&self, instance: &str, token: &str) -> Result<(), Reply> {
        if instance != self.settings.instance_id {
            return Err(Reply::page(404, "<html>Not Found</html>"));
        }
        if token != self.settings.token {
            let words = "Wrong token. Please provide token as a GET parameter.";
            return Err(Reply::json(200, &json!({ "error": words })));
        }
        Ok(())
    }

    /// Lets time pass: sends out of the queue, acknowledges, gives up; returns
    /// the webhooks to be posted now.
    pub fn tick(&mut self, now: UnixMs) -> Vec<WebhookDue> {
        self.expire(now);
        self.send_next(now);
        self.acknowledge(now);
        let (due, later) = std::mem::take(&mut self.webhooks)
            .into_iter()
            .partition(|hook| hook.at <= now);
        self.webhooks = later;
        due
    }

    /// A webhook was not answered 200: it is tried a few times and then lost.
    pub fn not_answered(&mut self, hook: WebhookDue, now: UnixMs) {
        if hook.tries < self.settings.webhook_retries {
            self.webhooks.push(WebhookDue {
                tries: hook.tries + 1,
                at: now.plus_ms(self.settings.retry_gap_ms),
                ..hook
            });
        }
    }

    fn expire(&mut self, now: UnixMs) {
        let age = self.settings.expiry_ms;
        let old = |row: &&mut Queued| row.status == "queue" && now.ms_since(row.created_at) >= age;
        for row in self.queue.iter_mut().filter(old) {
            row.status = "expired";
        }
    }

    fn send_next(&mut self, now: UnixMs) {
        let soon = now.ms_since(self.last_send) < self.settings.send_delay_ms;
        if soon || self.account != "authenticated" {
            return;
        }
        let me = self.me();
        let waiting = self.queue.iter_mut().filter(|row| row.status == "queue");
        let Some(row) = waiting.min_by_key(|row| (row.priority, row.id)) else {
            return;
        };
        row.status = "sent";
        row.sent_at = Some(now);
        let (id, reference, chat) = (row.id, row.reference.clone(), row.chat());
        let message = json!({
            "id": format!("true_{chat}_3EB0{id:08X}"), "from": me, "to": chat, "ack": "pending",
            "type": "chat", "body": row.body, "fromMe": true, "self": false,
            "time": now.0 / 1_000,
        });
        self.last_send = now;
        for (step, ack) in (1..).zip(["server", "device", "read"]) {
            let at = now.plus_ms(self.settings.ack_ms.saturating_mul(step));
            self.acks.push(AckDue { at, id, ack });
        }
        self.chats.entry(chat).or_default().push(message.clone());
        self.tell("message_create", &id.to_string(), &reference, &message, now);
    }

    fn acknowledge(&mut self, now: UnixMs) {
        let (queue, off) = (&self.queue, &self.off);
        let is_off = |id: u64| {
            let row = queue.iter().find(|row| row.id == id);
            row.is_some_and(|row| off.contains(&row.chat()))
        };
        let (due, later): (Vec<AckDue>, Vec<AckDue>) = std::mem::take(&mut self.acks)
            .into_iter()
            .partition(|ack| ack.at <= now && (ack.ack == "server" || !is_off(ack.id)));
        self.acks = later;
        let me = self.me();
        for AckDue { id, ack, .. } in due {
            let Some(row) = self.queue.iter_mut().find(|row| row.id == id) else {
                continue;
            };
            row.ack = ack;
            let (chat, reference) = (row.chat(), row.reference.clone());
            let message = json!({
                "id": format!("true_{chat}_3EB0{id:08X}"), "from": me, "to": chat, "ack": ack,
                "type": "chat", "body": row.body, "fromMe": true, "time": now.0 / 1_000,
            });
            self.tell("message_ack", &id.to_string(), &reference, &message, now);
        }
    }

    fn tell(&mut self, event: &str, id: &str, reference: &str, data: &Value, now: UnixMs) {
        if self.settings.callback_url.is_empty() {
            return;
        }
        let spoilt = self.spoil(Spoilt::Webhook);
        if spoilt == Some(UltraFault::DropWebhook) {
            return;
        }
        let body = json!({
            "event_type": event,
            "instanceId": self.settings.instance_id.trim_start_matches("instance"),
            "id": id, "referenceId": reference, "hash": "5f0c", "data": data,
        });
        let hook = WebhookDue {
            body: body.to_string(),
            tries: 0,
            at: now,
        };
        if spoilt == Some(UltraFault::DoubleWebhook) {
            self.webhooks.push(hook.clone());
        }
        self.webhooks.push(hook);
    }

    /// What goes wrong with what is at hand, if anything.
    fn spoil(&mut self, what: Spoilt<'_>) -> Option<UltraFault> {
        let due = self
            .faults
            .iter_mut()
            .find(|it| it.times > 0 && it.fault.spoils(what))?;
        due.times -= 1;
        Some(due.fault.clone())
    }

    fn list_chats(&self) -> Value {
        let list = self.chats.iter().map(|(id, messages)| {
            let last = messages.last().and_then(|it| it.get("time"));
            json!({
                "id": id, "name": "", "isGroup": id.ends_with("@g.us"), "unread": 0,
                "last_time": last.cloned().unwrap_or(Value::Null),
            })
        });
        Value::from(list.collect::<Vec<_>>())
    }

    fn me(&self) -> String {
        format!("{}@c.us", self.settings.number)
    }

    const fn number(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}

/// A chat's whole name.
fn full(name: &str) -> String {
    if name.contains('@') {
        name.to_owned()
    } else {
        format!("{}@c.us", name.trim_start_matches('+'))
    }
}

/// What is answered in place of taking the message.
fn refusal(fault: &UltraFault) -> Option<Reply> {
    let refused = |error: Value| Some(Reply::json(200, &json!({ "error": error })));
    match fault {
        UltraFault::ErrorText { words } => refused(json!(words)),
        UltraFault::ErrorList => refused(json!([{ "to": "is required" }])),
        UltraFault::ErrorObject => refused(json!({ "body": "is too long" })),
        UltraFault::NotSent => Some(Reply::json(
            200,
            &json!({ "sent": "false", "message": "not now", "id": "" }),
        )),
        UltraFault::LoseRequest => Some(Reply::json(200, &Value::Null).in_manner(Manner::Reset)),
        UltraFault::Portal => Some(Reply::page(200, "<html>Log in to go on</html>")),
        UltraFault::LoseAnswer
        | UltraFault::DoubleWebhook
        | UltraFault::DropWebhook
        | UltraFault::OddStatistics
        | UltraFault::OddChats
        | UltraFault::UnreadableRow => None,
    }
}
