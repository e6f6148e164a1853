//! Fills the data folder of a stopped box with finished intakes: for each one
//! a contact, the message it began with, its conversation at rest, a complete
//! record and its receipt, delivered. Every row is written by the store's own
//! functions. The names are invented.
#![allow(clippy::print_stdout, reason = "a measuring program prints its result")]

use anyhow::{Context, Result};
use clap::Parser;
use healthpost::core::answers::Value;
use healthpost::core::delivery::{Limits, Link, PairRule, Policy, SendOutcome, WindowRule};
use healthpost::core::engine::{RecordChange, RecordStatus, Session, Triage};
use healthpost::core::id::{ContactId, OutboxKey, RecordId};
use healthpost::core::inbound::{Content, Identity, Inbound, Item, ReceivedItem};
use healthpost::core::lang::Lang;
use healthpost::core::outgoing::{Body, Outgoing, Purpose, Templates};
use healthpost::core::private::Private;
use healthpost::core::time::{DAY_MS, Now, UnixMs};
use healthpost::keys::SlotsFile;
use healthpost::store::audit::{self, Deed};
use healthpost::store::inbox::{self, Reception};
use healthpost::store::outbox::Rules;
use healthpost::store::{
    BoxKey, Try, contacts, lock, meta, open, outbox, pending, records, sessions,
};
use rusqlite::{Connection, TransactionBehavior};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Intakes written in one transaction.
const GROUP: u64 = 2_000;
/// Page cache while filling, KiB.
const CACHE_KIB: i64 = 131_072;
/// The first intake's time: 2026-01-01T00:00:00Z.
const BEGIN: UnixMs = UnixMs(1_767_225_600_000);
/// Time from one intake to the next, ms.
const APART_MS: i64 = 120_000;

const NAMES: [&str; 8] = [
    "Amina Bahati",
    "Jean-Pierre Kasongo",
    "Grâce Mwamba Ilunga",
    "Juma Said",
    "María Fernanda López",
    "João Macuácua",
    "Esther Wanjiru Kamau",
    "Patrick Lukusa",
];
const PLACES: [&str; 5] = [
    "Kipushi, avenue de la Mine 14",
    "Likasi",
    "Kasumbalesa, near the big market",
    "Kolwezi",
    "Mutshatsha, derrière l'église",
];
const COMPLAINTS: [&str; 5] = [
    "Fever and cough since the weekend, she does not sleep well at night",
    "Maux de tête et fatigue depuis trois jours, surtout le soir",
    "Homa na kikohozi, anakula kidogo",
    "Dolor de estómago después de comer",
    "A wound on the foot that does not heal",
];

#[derive(Parser)]
#[command(about = "fills an initialised data folder with finished intakes")]
struct Options {
    /// The data folder of a box that does not run.
    #[arg(long)]
    data_dir: PathBuf,
    /// A file with its passphrase.
    #[arg(long)]
    passphrase_file: PathBuf,
    /// How many records.
    #[arg(long, default_value_t = 100_000)]
    records: u64,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let _lock = lock::take(&options.data_dir)?;
    let passphrase =
        std::fs::read_to_string(&options.passphrase_file).context("the passphrase file")?;
    let opened = SlotsFile::load(&options.data_dir)?
        .open_with_passphrase(passphrase.trim_end_matches('\n'))?;
    let key = &opened.first().context("no key")?.key;
    let mut conn = open::open(&options.data_dir, key)?;
    // This process has no bound on memory to keep.
    conn.pragma_update(None, "cache_size", -CACHE_KIB)?;
    let box_key = meta::load_box_key(&conn)?;
    let mut done = 0;
    while done < options.records {
        let end = options.records.min(done + GROUP);
        let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for n in done..end {
            intake(&transaction, &box_key, n)?;
        }
        deliver(&transaction, &box_key, end)?;
        transaction.commit()?;
        done = end;
    }
    println!("{{\"records\":{done}}}");
    Ok(())
}

fn pick<'a>(from: &[&'a str], n: u64) -> &'a str {
    let at = usize::try_from(n).unwrap_or(0) % from.len();
    from.get(at).copied().unwrap_or_default()
}

fn text(text: impl Into<String>) -> Value {
    Value::Text {
        text: Private::new(text.into()),
    }
}

fn one(id: &str) -> Value {
    Value::One { id: id.to_owned() }
}

/// One finished intake.
fn intake(conn: &Connection, box_key: &BoxKey, n: u64) -> Result<()> {
    let at = BEGIN.plus_ms(i64::try_from(n)?.saturating_mul(APART_MS));
    let contact = take_in(conn, box_key, n, at)?;
    let change = RecordChange {
        // Odd, so that no two are alike in the 40 bits that count.
        id: RecordId::from_random(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        status: RecordStatus::Complete,
        triage: if n.is_multiple_of(20) {
            Triage::Urgent
        } else {
            Triage::None
        },
        language: Lang::En,
        fields: fields(n),
    };
    records::write(conn, contact, &change, "bot", at)?;
    let deed = Deed {
        at,
        actor: "bot",
        action: "record.write",
        subject: &format!("record:{}", change.id),
        detail: change.status.word(),
    };
    audit::append(conn, &deed)?;
    let session = Session {
        flow_version: "bench".to_owned(),
        language: Some(Lang::En),
        language_chosen: true,
        last_stamped: Some(at),
        questions: 11,
        ..Session::default()
    };
    sessions::save(conn, contact, &session, at)?;
    let receipt = Outgoing {
        purpose: Purpose::Notice,
        body: Body::Text {
            text: format!(
                "Thank you. Your answers reached the clinic. Your number is {}.",
                change.id
            ),
        },
    };
    let mut random = [0; 10];
    for (to, from) in random.iter_mut().zip(n.to_le_bytes()) {
        *to = from;
    }
    let now = Now { at, trusted: true };
    outbox::push(conn, contact, &OutboxKey::new(at, random), &receipt, now)?;
    Ok(())
}

/// The message an intake began with, taken in and handled.
fn take_in(conn: &Connection, box_key: &BoxKey, n: u64, at: UnixMs) -> Result<ContactId> {
    let from = Identity {
        phone: Some(Private::new(format!("24398{n:07}"))),
        profile_name: Some(Private::from(pick(&NAMES, n))),
        ..Identity::default()
    };
    let id = Private::new(format!("wamid.fill{n:016x}"));
    let message = Inbound {
        id: id.clone(),
        from: from.clone(),
        stamped: at,
        quoted: None,
        content: Content::Text {
            body: Private::from("Hello"),
        },
    };
    let item = ReceivedItem {
        dedup: id,
        phone_number_id: None,
        content: Ok(Item::Message(message)),
    };
    let reception = Reception {
        box_key,
        channel: "cloud",
        phone_number_id: "106540352242922",
        quiet_ms: 0,
        is_urgent: |_| false,
    };
    inbox::receive(conn, &reception, b"{}", &[item], at)?;
    let contact = contacts::resolve(conn, &from, at)?.context("a contact")?;
    for waiting in sessions::unhandled(conn, contact, box_key, 1)?.messages {
        sessions::mark_handled(conn, waiting.inbox)?;
    }
    pending::settle(conn, contact, true, 0, at)?;
    Ok(contact)
}

fn fields(n: u64) -> BTreeMap<String, Value> {
    let born = Private::new(format!(
        "{}-{:02}-{:02}",
        1950 + n % 75,
        1 + n % 12,
        1 + n % 28
    ));
    let years = u16::try_from(2026 - (1950 + n % 75)).unwrap_or(0);
    let symptoms = ["fever", "cough", "headache", "weakness", "vomiting"];
    let several = symptoms
        .iter()
        .skip(usize::try_from(n % 5).unwrap_or(0))
        .map(|id| (*id).to_owned())
        .collect();
    let since = Private::new(format!("2026-01-{:02}", 1 + n % 28));
    let pairs = [
        ("for_whom", one(pick(&["me", "my_child", "other"], n))),
        ("patient_name", text(pick(&NAMES, n / 3))),
        ("birth_date", Value::Date { date: born }),
        (
            "age_years",
            Value::Age {
                years,
                months: None,
                days: None,
            },
        ),
        ("sex", one(pick(&["female", "male"], n))),
        ("locality", text(pick(&PLACES, n / 2))),
        ("complaint", text(pick(&COMPLAINTS, n))),
        (
            "onset",
            Value::Since {
                date: since,
                said: Private::from("three days ago"),
            },
        ),
        ("symptoms", Value::Several { ids: several }),
        ("allergies", Value::Nothing),
        ("medications", text("paracetamol 500 mg, twice a day")),
        ("pregnant", Value::YesNo { yes: false }),
        (
            "emergency_contact",
            Value::Contact {
                name: Some(Private::from(pick(&NAMES, n + 1))),
                phone: Private::new(format!("24399{n:07}")),
            },
        ),
        ("consent_at", text("2026-01-01T08:00:00Z")),
        ("consent_version", text("2026-01")),
    ];
    pairs
        .into_iter()
        .map(|(id, value)| (id.to_owned(), value))
        .collect()
}

/// Lets every receipt leave, as if the provider had taken it at once.
fn deliver(conn: &Connection, box_key: &BoxKey, n: u64) -> Result<()> {
    let now = BEGIN.plus_ms(i64::try_from(n)?.saturating_mul(APART_MS));
    let policy = Policy {
        in_doubt_ms: 600_000,
    };
    let rules = Rules {
        limits: Limits {
            window: WindowRule::Day,
            pair: PairRule::CLOUD,
            max_age_ms: 7 * DAY_MS,
            asking: None,
        },
        templates: Templates::default(),
        zone: jiff::tz::TimeZone::UTC,
        language: Lang::En,
        daily_ceiling: 0,
    };
    let clock = Now {
        at: now,
        trusted: true,
    };
    let room = usize::try_from(2 * GROUP)?;
    for claim in outbox::turn(conn, &rules, Link::Works, clock, room, Try::Careful)?.claims {
        let outcome = SendOutcome::Accepted {
            wamid: Private::new(format!("wamid.sent{:016x}", claim.id.0)),
        };
        let taken = (claim.id, claim.attempt);
        outbox::settle(conn, box_key, taken, &outcome, policy, now, 0)?;
    }
    Ok(())
}
