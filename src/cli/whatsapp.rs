//! `healthpost whatsapp`: the set-up at Meta, a test message, templates, costs.

use super::failure::{Failure, mismatch};
use super::reach::ask_once;
use super::{Globals, Opening, output};
use crate::core::phone;
use crate::ops::{Request, Response, SetupLine, TemplateLine, UsageFacts};
use clap::Subcommand;

/// Set WhatsApp up, test it, and see what it costs
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  healthpost whatsapp setup\n  healthpost whatsapp usage")]
pub enum Whatsapp {
    /// Walk through Meta's set-up and say what is wrong and where to click
    #[command(after_help = "Example:\n  healthpost whatsapp setup\n\n\
        Looks at the access token (kind, end, permissions), the phone number, the app secret, the\n\
        webhook, the templates and the API version, and subscribes the WhatsApp account to the\n\
        app. The token comes from business.facebook.com/settings: Users > System users >\n\
        Generate new token. Exit status 0 only when all that is needed is right.")]
    Setup {
        #[command(flatten)]
        opening: Opening,
    },
    /// Send "hello" to a phone and say how that ended
    #[command(
        after_help = "Example:\n  healthpost whatsapp test --to +243970000001\n\n\
        Use a colleague's phone, never a patient's: other programs on this machine can read the\n\
        number while the command runs. Nothing keeps it."
    )]
    Test {
        /// The phone's number with its country code
        #[arg(long, value_name = "N")]
        to: String,
        #[command(flatten)]
        opening: Opening,
    },
    /// The neutral templates for replies that come after the 24-hour window
    #[command(subcommand)]
    Templates(Templates),
    /// Show what this month's messages cost, and the bytes on the wire
    #[command(after_help = "Example:\n  healthpost whatsapp usage")]
    Usage {
        #[command(flatten)]
        opening: Opening,
    },
}

/// The neutral templates for replies that come after the 24-hour window
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  healthpost whatsapp templates list")]
pub enum Templates {
    /// List what Meta says of them
    #[command(after_help = "Example:\n  healthpost whatsapp templates list")]
    List {
        #[command(flatten)]
        opening: Opening,
    },
    /// Hand in those of the clinic's languages that Meta does not have
    #[command(after_help = "Example:\n  healthpost whatsapp templates submit")]
    Submit {
        #[command(flatten)]
        opening: Opening,
    },
}

impl Whatsapp {
    /// Runs the command.
    ///
    /// # Errors
    /// When the provider is out of reach, or something it needs is wrong.
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        match self {
            Self::Setup { opening } => set_up(globals, &opening).await,
            Self::Test { to, opening } => test(globals, &to, &opening).await,
            Self::Templates(Templates::List { opening }) => {
                templates(globals, &opening, false).await
            }
            Self::Templates(Templates::Submit { opening }) => {
                templates(globals, &opening, true).await
            }
            Self::Usage { opening } => {
                let Response::Usage(facts) = ask_once(globals, &opening, Request::Usage).await?
                else {
                    return Err(mismatch());
                };
                print_usage(globals, &facts)
            }
        }
    }
}

async fn set_up(globals: &Globals, opening: &Opening) -> Result<(), Failure> {
    let Response::Setup { list, sound } =
        ask_once(globals, opening, Request::WhatsAppSetup).await?
    else {
        return Err(mismatch());
    };
    if globals.json {
        let checks: Vec<_> = list.iter().map(as_json).collect();
        output::json(&serde_json::json!({ "ok": sound, "checks": checks }))?;
    } else {
        for line in &list {
            output::line(&format!(
                "{:<12} {}: {}",
                line.state,
                line.check,
                output::tame(&line.finding)
            ))?;
            if !line.remedy.is_empty() {
                output::line(&format!("             -> {}", output::tame(&line.remedy)))?;
            }
        }
    }
    if sound {
        return Ok(());
    }
    let hint = "each finding says what to do; run healthpost whatsapp setup again after it";
    Err(Failure::failed("the set-up is not complete", hint))
}

fn as_json(line: &SetupLine) -> serde_json::Value {
    serde_json::json!({
        "check": line.check,
        "state": line.state,
        "finding": line.finding,
        "remedy": line.remedy,
    })
}

async fn test(globals: &Globals, to: &str, opening: &Opening) -> Result<(), Failure> {
    let to = phone::parse_international(to).ok_or_else(|| {
        Failure::usage(
            "--to is no phone number",
            "write it with its country code, digits only: +243…",
        )
    })?;
    let asked = Request::WhatsAppTest { to };
    let Response::Tested { state, said } = ask_once(globals, opening, asked).await? else {
        return Err(mismatch());
    };
    if globals.json {
        return output::json(&serde_json::json!({ "state": state, "said": said }));
    }
    output::line(&format!("{state}: {said}"))
}

async fn templates(globals: &Globals, opening: &Opening, submit: bool) -> Result<(), Failure> {
    let asked = Request::Templates { submit };
    let Response::Templates { list, refused } = ask_once(globals, opening, asked).await? else {
        return Err(mismatch());
    };
    print_templates(globals, &list)?;
    if refused == 0 {
        return Ok(());
    }
    let hint = "its line says why; run healthpost whatsapp setup, then this again";
    let said = format!("{refused} of the templates were not taken");
    Err(Failure::failed(said, hint))
}

fn print_templates(globals: &Globals, list: &[TemplateLine]) -> Result<(), Failure> {
    if globals.json {
        let list = list.iter().map(|it| {
            serde_json::json!({
                "name": it.name,
                "language": it.language,
                "status": it.status,
                "category": it.category,
                "reason": it.reason,
                "ours": it.ours,
            })
        });
        return output::json(&list.collect());
    }
    let cells = |it: &TemplateLine| {
        vec![
            output::tame(&it.name),
            it.language.clone(),
            it.status.clone(),
            it.category.clone(),
            it.reason.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = list.iter().map(cells).collect();
    output::table(&["name", "language", "status", "category", "reason"], &rows)?;
    let named = list.iter().filter(|it| it.ours && it.status == "APPROVED");
    for it in named {
        let lang = it.language.split('_').next().unwrap_or_default();
        output::line(&format!(
            "under [outbox.templates]: {lang} = \"{}\"",
            output::tame(&it.name)
        ))?;
    }
    Ok(())
}

fn print_usage(globals: &Globals, facts: &UsageFacts) -> Result<(), Failure> {
    if globals.json {
        let wire: Vec<_> = facts
            .wire
            .iter()
            .map(|day| {
                serde_json::json!({
                    "day": day.day, "sent": day.sent, "received": day.received,
                })
            })
            .collect();
        return output::json(&serde_json::json!({
            "month": facts.month,
            "delivered": facts.delivered,
            "free_messages_per_month": facts.free,
            "quota": facts.quota,
            "taken_today": facts.taken_today,
            "daily_ceiling": facts.daily_ceiling,
            "wire_bytes": wire,
        }));
    }
    output::line(&format!("{}, messages that arrived:", facts.month))?;
    for (category, count) in &facts.delivered {
        output::line(&format!("  {category:<16} {count}"))?;
    }
    let service = facts.delivered.get("service").copied().unwrap_or(0);
    output::line(&format!(
        "{service} of {} free service messages are used: {}",
        facts.free, facts.quota
    ))?;
    let ceiling = match facts.daily_ceiling {
        0 => "no ceiling".to_owned(),
        most => format!("at most {most} a day"),
    };
    output::line(&format!("{} sent today, {ceiling}", facts.taken_today))?;
    let rows: Vec<Vec<String>> = facts
        .wire
        .iter()
        .map(|day| {
            let kib = |bytes: u64| format!("{}", bytes.div_ceil(1024));
            vec![day.day.clone(), kib(day.sent), kib(day.received)]
        })
        .collect();
    output::table(&["day", "KiB sent", "KiB received"], &rows)
}
