//! The set-up at Meta, a test message and templates. No answer in here holds a
//! token, a secret or a number.

use super::provider_wire::{SetupLine, TemplateLine};
use super::{Context, Response, hello, ultramsg};
use crate::config::{Config, Provider, UltraMsg, WhatsApp};
use crate::core::inbound::TemplateNews;
use crate::core::lang::Lang;
use crate::core::outgoing::{neutral_templates, speaks};
use crate::core::private::Private;
use crate::core::secret::Secret;
use crate::ports::{Clock, SendOutcome};
use crate::store::{Error, audit, secrets, templates as heard};
use crate::whatsapp::client::{ClientError, Line, Timing};
use crate::whatsapp::cloud::setup::{self, Asked, Finding};
use crate::whatsapp::cloud::templates::{self, Standing};
use crate::whatsapp::cloud::{CloudClient, CloudSettings, Graph, Unanswered};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What of the configuration answers need, and the way out.
pub struct Configured {
    /// The connections to the provider.
    pub http: Arc<Line>,
    /// Where the provider is and who we are there.
    pub whatsapp: WhatsApp,
    /// Where UltraMsg is and who we are there.
    pub ultramsg: UltraMsg,
    /// The template of each language.
    pub templates: BTreeMap<String, String>,
    /// What the clinic speaks.
    pub languages: Vec<Lang>,
    /// The clinic's time zone.
    pub zone: TimeZone,
}

impl Configured {
    /// Out of a configuration, over connections that are there already.
    pub fn over(config: &Config, http: Arc<Line>) -> Self {
        Self {
            http,
            whatsapp: config.whatsapp.clone(),
            ultramsg: config.ultramsg.clone(),
            templates: config.outbox.templates.clone(),
            languages: config.clinic.languages.clone(),
            zone: config.clinic.zone.clone(),
        }
    }

    /// Out of a configuration, with connections of its own.
    ///
    /// # Errors
    /// When no client can be built.
    pub fn alone(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, ClientError> {
        let http = Line::new(Timing::default(), clock)?;
        Ok(Self::over(config, Arc::new(http)))
    }
}

/// Everything a walk needs, read at once.
struct Ready {
    configured: Arc<Configured>,
    token: Secret,
    app_secret: Option<Secret>,
    has_verify_token: bool,
    graph: Graph,
}

pub(super) type Refusal = Box<Response>;

pub(super) fn refuse(message: &str, hint: &str) -> Refusal {
    Box::new(Response::refused(message, hint))
}

async fn ready(context: &Context) -> Result<Result<Ready, Refusal>, Error> {
    let Some(configured) = context.configured.clone() else {
        let hint = "name the configuration with --config FILE";
        return Ok(Err(refuse("this needs the configuration", hint)));
    };
    if configured.whatsapp.provider != Provider::Cloud {
        let hint =
            "UltraMsg has no templates and no window: replies leave whenever its phone is linked";
        let said = "this is for Meta's own WhatsApp, and whatsapp.provider is another";
        return Ok(Err(refuse(said, hint)));
    }
    let (token, app_secret, verify_token) = context
        .readers
        .read(|conn| {
            Ok((
                secrets::find(conn, "whatsapp.access_token")?,
                secrets::find(conn, secrets::APP_SECRET)?,
                secrets::find(conn, "whatsapp.verify_token")?,
            ))
        })
        .await?;
    let Some(token) = token else {
        let hint = "run healthpost secret set whatsapp.access_token < FILE; healthpost whatsapp \
                    setup --help says where the token comes from";
        return Ok(Err(refuse("no access token is set", hint)));
    };
    let whatsapp = &configured.whatsapp;
    let http = Arc::clone(&configured.http);
    let graph = Graph::new(http, &whatsapp.base_url, &whatsapp.api_version, &token);
    Ok(match graph {
        Ok(graph) => Ok(Ready {
            token,
            app_secret,
            has_verify_token: verify_token.is_some(),
            graph,
            configured,
        }),
        Err(error) => Err(refuse(
            &error.to_string(),
            "set it anew: healthpost secret set whatsapp.access_token < FILE",
        )),
    })
}

impl Ready {
    fn asked(&self, context: &Context) -> Asked<'_> {
        let whatsapp = &self.configured.whatsapp;
        Asked {
            api_version: &whatsapp.api_version,
            phone_number_id: &whatsapp.phone_number_id,
            account: whatsapp.business_account_id.as_deref(),
            token: &self.token,
            app_secret: self.app_secret.as_ref(),
            has_verify_token: self.has_verify_token,
            templates: &self.configured.templates,
            languages: &self.configured.languages,
            now: context.clock.now(),
        }
    }
}

fn line(finding: Finding) -> SetupLine {
    SetupLine {
        check: finding.what.to_owned(),
        state: finding.verdict.word().to_owned(),
        finding: finding.said,
        remedy: finding.how,
    }
}

/// How long a version of the API lives.
pub fn judge_version(version: &str, now: crate::core::time::UnixMs) -> SetupLine {
    line(setup::judge_version(version, now))
}

/// Walks through the set-up.
pub(super) async fn set_up(context: &Context) -> Result<Response, Error> {
    if let Some(client) = ultramsg::client(context).await? {
        return Ok(match client {
            Ok(client) => ultramsg::set_up(&client).await,
            Err(refusal) => *refusal,
        });
    }
    let ready = match ready(context).await? {
        Ok(ready) => ready,
        Err(refusal) => return Ok(*refusal),
    };
    let walked = setup::walk(&ready.graph, &ready.asked(context)).await;
    let standing = walked.templates.unwrap_or_default();
    note_templates(context, &ready, &standing, "whatsapp.setup").await?;
    let sound = setup::is_sound(&walked.findings);
    let list = walked.findings.into_iter().map(line).collect();
    Ok(Response::Setup { list, sound })
}

/// Keeps what Meta says of our templates, and notes the deed.
async fn note_templates(
    context: &Context,
    ready: &Ready,
    standing: &[Standing],
    action: &'static str,
) -> Result<(), Error> {
    let at = context.clock.now().at;
    let ours: Vec<TemplateNews> = standing
        .iter()
        .filter(|known| is_ours(&ready.configured, &known.name))
        .map(|known| TemplateNews {
            name: known.name.clone(),
            language: known.language.clone(),
            status: known.status.clone(),
            reason: known.reason.clone(),
            said_at: None,
        })
        .collect();
    context
        .writer
        .run(move |conn| {
            for news in &ours {
                heard::note(conn, news, at)?;
                let same = ours.iter().filter(|other| other.name == news.name);
                let languages: Vec<&str> = same.map(|other| other.language.as_str()).collect();
                heard::keep_only(conn, &news.name, &languages)?;
            }
            audit::append(conn, &deed(at, action, "whatsapp"))
        })
        .await
}

pub(super) fn deed<'a>(
    at: crate::core::time::UnixMs,
    action: &'a str,
    subject: &'a str,
) -> audit::Deed<'a> {
    audit::Deed {
        at,
        actor: "command line",
        action,
        subject,
        detail: "",
    }
}

fn is_ours(configured: &Configured, name: &str) -> bool {
    configured.templates.values().any(|ours| ours == name)
        || neutral_templates().iter().any(|ours| ours.name == name)
}

/// What Meta says of its templates; those of ours it lacks are handed in first,
/// if that is asked for.
pub(super) async fn list_templates(context: &Context, submit: bool) -> Result<Response, Error> {
    let ready = match ready(context).await? {
        Ok(ready) => ready,
        Err(refusal) => return Ok(*refusal),
    };
    match look(context, &ready, submit).await {
        Ok((standing, list, refused)) => {
            let action = if submit {
                "whatsapp.templates_submit"
            } else {
                "whatsapp.templates_list"
            };
            note_templates(context, &ready, &standing, action).await?;
            Ok(Response::Templates { list, refused })
        }
        Err(unanswered) => Ok(Response::refused(
            format!(
                "the templates cannot be seen: {}",
                setup::trouble(&unanswered)
            ),
            "healthpost whatsapp setup says what is wrong",
        )),
    }
}

/// What stands at Meta, what is shown, and how many were not taken. One that
/// is not taken keeps none of the others back.
async fn look(
    context: &Context,
    ready: &Ready,
    submit: bool,
) -> Result<(Vec<Standing>, Vec<TemplateLine>, usize), Unanswered> {
    let account = setup::account(&ready.graph, &ready.asked(context)).await?;
    let mut standing = templates::standing(&ready.graph, &account).await?;
    let (mut missing, mut refused) = (Vec::new(), 0);
    for neutral in neutral_templates() {
        let lang = neutral.language;
        let twin = |known: &Standing| known.name == neutral.name && speaks(&known.language, lang);
        let wanted = ready.configured.languages.contains(&lang);
        if !wanted || standing.iter().any(twin) {
            continue;
        }
        let mut line = Standing {
            name: neutral.name.to_owned(),
            language: neutral.code.to_owned(),
            category: neutral.category.to_owned(),
            status: "not submitted".to_owned(),
            reason: String::new(),
            can_be_tapped: None,
        };
        if !submit {
            missing.push(line);
            continue;
        }
        match templates::submit(&ready.graph, &account, &neutral).await {
            Ok(status) => {
                line.status = status;
                standing.push(line);
            }
            Err(why) => {
                line.status = match &why {
                    Unanswered::Refused(error) => format!("refused, error {}", error.code),
                    Unanswered::Line(_) | Unanswered::Odd => "not submitted".to_owned(),
                };
                line.reason = setup::trouble(&why);
                refused += 1;
                missing.push(line);
            }
        }
    }
    let list = standing.iter().chain(&missing).map(|known| TemplateLine {
        name: known.name.clone(),
        language: known.language.clone(),
        status: known.status.clone(),
        category: known.category.clone(),
        reason: known.reason.clone(),
        ours: is_ours(&ready.configured, &known.name),
    });
    let list = list.collect();
    Ok((standing, list, refused))
}

/// Says hello to a number, and how that ended.
pub(super) async fn test(context: &Context, to: Private<String>) -> Result<Response, Error> {
    if let Some(client) = ultramsg::client(context).await? {
        return match client {
            Ok(client) => {
                let (outcome, news) = hello::say(context, &client, to).await?;
                Ok(ultramsg::tested(&outcome, &news))
            }
            Err(refusal) => Ok(*refusal),
        };
    }
    let ready = match ready(context).await? {
        Ok(ready) => ready,
        Err(refusal) => return Ok(*refusal),
    };
    let whatsapp = &ready.configured.whatsapp;
    let settings = CloudSettings {
        base_url: whatsapp.base_url.clone(),
        api_version: whatsapp.api_version.clone(),
        phone_number_id: whatsapp.phone_number_id.clone(),
        token: ready.token.clone(),
    };
    let http = Arc::clone(&ready.configured.http);
    let client = match CloudClient::new(http, Arc::clone(&context.clock), &settings) {
        Ok(client) => client,
        Err(error) => return Ok(Response::refused(error.to_string(), "")),
    };
    let (outcome, news) = hello::say(context, &client, to).await?;
    Ok(match outcome {
        SendOutcome::Accepted { .. } => {
            super::whatsapp_words::accepted(&news, context.on_change.is_some())
        }
        refused
        @ (SendOutcome::Refused { .. } | SendOutcome::NotSent(_) | SendOutcome::Unknown) => {
            super::whatsapp_words::refused(&refused)
        }
    })
}
