//! The set-up at Meta, a test message and templates. No answer in here holds a
//! token, a secret or a number.

use super::provider_wire::{SetupLine, TemplateLine};
use super::{Context, Response};
use crate::config::{Config, Provider, WhatsApp};
use crate::core::id::OutboxKey;
use crate::core::inbound::{Identity, TemplateNews};
use crate::core::lang::Lang;
use crate::core::outgoing::{Body, Outgoing, Purpose, neutral_templates};
use crate::core::private::Private;
use crate::core::secret::Secret;
use crate::ports::{Call, Clock, Messenger, SendOutcome};
use crate::store::{Error, audit, meta, parked, secrets, templates as heard};
use crate::whatsapp::client::{ClientError, Line, Timing};
use crate::whatsapp::cloud::setup::{self, Asked, Finding};
use crate::whatsapp::cloud::templates::{self, Standing};
use crate::whatsapp::cloud::{CloudClient, CloudSettings, Graph};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long the statuses of a test message are waited for.
const NEWS_WAIT: Duration = Duration::from_secs(15);
/// How often it is looked for them.
const NEWS_LOOK: Duration = Duration::from_millis(250);

/// What of the configuration answers need, and the way out.
pub struct Configured {
    /// The connections to the provider.
    pub http: Arc<Line>,
    /// Where the provider is and who we are there.
    pub whatsapp: WhatsApp,
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

type Refusal = Box<Response>;

fn refuse(message: &str, hint: &str) -> Refusal {
    Box::new(Response::refused(message, hint))
}

async fn ready(context: &Context) -> Result<Result<Ready, Refusal>, Error> {
    let Some(configured) = context.configured.clone() else {
        let hint = "name the configuration with --config FILE";
        return Ok(Err(refuse("this needs the configuration", hint)));
    };
    if configured.whatsapp.provider != Provider::Cloud {
        let hint = "healthpost doctor --online looks at the provider in use";
        let said = "this is for Meta's own WhatsApp, and whatsapp.provider is another";
        return Ok(Err(refuse(said, hint)));
    }
    let now = context.clock.now().at;
    let (token, app_secret, verify_token) = context
        .readers
        .read(move |conn| {
            Ok((
                secrets::find(conn, "whatsapp.access_token")?,
                secrets::accepted(conn, secrets::APP_SECRET, now)?,
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
            app_secret: app_secret.into_iter().next(),
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
        })
        .collect();
    context
        .writer
        .run(move |conn| {
            for news in &ours {
                heard::note(conn, news, at)?;
            }
            audit::append(conn, &deed(at, action, "whatsapp"))
        })
        .await
}

fn deed<'a>(at: crate::core::time::UnixMs, action: &'a str, subject: &'a str) -> audit::Deed<'a> {
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
        Ok((standing, list)) => {
            let action = if submit {
                "whatsapp.templates_submit"
            } else {
                "whatsapp.templates_list"
            };
            note_templates(context, &ready, &standing, action).await?;
            Ok(Response::Templates { list })
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

async fn look(
    context: &Context,
    ready: &Ready,
    submit: bool,
) -> Result<(Vec<Standing>, Vec<TemplateLine>), crate::whatsapp::cloud::Unanswered> {
    let account = setup::account(&ready.graph, &ready.asked(context)).await?;
    let mut standing = templates::standing(&ready.graph, &account).await?;
    let mut missing = Vec::new();
    for neutral in neutral_templates() {
        let lang = neutral.language;
        let twin = |known: &Standing| {
            known.name == neutral.name && templates::speaks(&known.language, lang)
        };
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
        };
        if !submit {
            missing.push(line);
            continue;
        }
        line.status = templates::submit(&ready.graph, &account, &neutral).await?;
        standing.push(line);
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
    Ok((standing, list))
}

/// Says hello to a number, and how that ended.
pub(super) async fn test(context: &Context, to: Private<String>) -> Result<Response, Error> {
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
    let at = context.clock.now().at;
    let mut random = [0; 10];
    context.chance.fill(&mut random);
    let call = Call {
        key: OutboxKey::new(at, random),
        to: Identity {
            phone: Some(to),
            ..Identity::default()
        },
        message: Outgoing {
            purpose: Purpose::Staff,
            body: Body::text("hello"),
        },
    };
    context
        .writer
        .run(move |conn| audit::append(conn, &deed(at, "whatsapp.test", "whatsapp")))
        .await?;
    let outcome = client.send(&call).await;
    let SendOutcome::Accepted { wamid } = &outcome else {
        return Ok(super::whatsapp_words::refused(&outcome));
    };
    let news = hear_of(context, wamid).await?;
    Ok(super::whatsapp_words::accepted(
        &news,
        context.on_change.is_some(),
    ))
}

/// The statuses of a message that stands in no queue, as long as they come:
/// only a running service hears any.
async fn hear_of(context: &Context, wamid: &Private<String>) -> Result<parked::News, Error> {
    let key = context.readers.read(meta::load_box_key).await?;
    let hashed = key.keyed_hash(wamid.expose());
    let mut news = parked::News::default();
    if context.on_change.is_none() {
        return Ok(news);
    }
    let looks = NEWS_WAIT.as_millis() / NEWS_LOOK.as_millis().max(1);
    for _ in 0..looks {
        tokio::time::sleep(NEWS_LOOK).await;
        news = context
            .readers
            .read(move |conn| parked::news(conn, &hashed))
            .await?;
        if news.is_final() {
            break;
        }
    }
    Ok(news)
}
