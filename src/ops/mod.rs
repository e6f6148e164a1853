//! What the command line asks of an opened data folder, as typed requests:
//! answered by a running service over its control socket, or by the command
//! itself when it opens the folder. One function answers both, so that both
//! print the same.
//!
//! Nothing in here prints, and no refusal may repeat what somebody typed.

pub mod client;
pub mod control;
mod drill;
mod files;
mod hello;
mod lines;
mod patients;
mod provider_wire;
mod queue;
mod secrets;
mod short_path;
mod sign_in;
mod staff;
mod tasks;
mod ultramsg;
mod usage;
mod whatsapp;
mod whatsapp_words;
mod wire;
mod wire_facts;
mod wire_lines;

pub use crate::export;
pub use crate::keys::slots::Fault as SlotFault;
pub use provider_wire::{
    FileLine, SaidLine, SecretLine, SetupLine, TaskLine, TemplateLine, UsageFacts, WhoLine, WireDay,
};
pub use sign_in::Caller;
pub use whatsapp::{Configured, judge_version};
pub use wire::{Period, Place, Request, Response, SignIn};
pub use wire_facts::{ClockFacts, DatabaseFacts, Integrity, LineFacts, NotFetched, ProviderFacts};
pub use wire_lines::{QueueLine, RecordLine, StaffLine};

use crate::core::limits;
use crate::core::tasks::Kind;
use crate::ports::{Chance, Clock};
use crate::store::{Error, Readers, Writer, audit, counters, meta, queue as store_queue};
use futures_util::future::BoxFuture;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What a request may change that somebody else has to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Credentials were set or deleted.
    Secrets,
    /// A message was put back into the queue or taken out.
    Outbox,
    /// The recovery key was proved to open the data.
    Drill,
}

/// Told after the commit of a change.
pub type OnChange = Arc<dyn Fn(Changed) -> BoxFuture<'static, ()> + Send + Sync>;

/// Says how the line stands now.
pub type SeeLine = Arc<dyn Fn() -> LineFacts + Send + Sync>;

/// An opened data folder, ready to answer.
#[derive(Clone)]
pub struct Context {
    /// The data folder.
    pub folder: PathBuf,
    /// The way to the writing thread.
    pub writer: Writer,
    /// Connections that only read.
    pub readers: Readers,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for salts.
    pub chance: Arc<dyn Chance>,
    /// What of the configuration is needed; none where a folder was named
    /// without one.
    pub configured: Option<Arc<Configured>>,
    /// Told after a change; nobody when the folder was opened by hand.
    pub on_change: Option<OnChange>,
    /// The line as the running service sees it; nobody does when the folder was
    /// opened by hand.
    pub line: Option<SeeLine>,
}

impl Context {
    async fn tell(&self, changed: Changed) {
        if let Some(on_change) = &self.on_change {
            on_change(changed).await;
        }
    }
}

/// Notes that the database was opened by a command and not by the service.
///
/// # Errors
/// If the entry cannot be committed; nothing may be done by hand then.
pub async fn note_break_glass(context: &Context) -> Result<(), Error> {
    let at = context.clock.now().at;
    context
        .writer
        .run(move |conn| {
            audit::append(
                conn,
                &audit::Deed {
                    at,
                    actor: "command line",
                    action: "database.opened_by_hand",
                    subject: "database",
                    detail: "break-glass",
                },
            )
        })
        .await
}

/// The kinds of a data folder's key slots, and what is wrong with them.
///
/// # Errors
/// When the slots' file is missing, damaged or of a newer version.
pub fn key_slots(folder: &Path) -> Result<(Vec<String>, Vec<SlotFault>), crate::keys::Error> {
    let slots = crate::keys::SlotsFile::load(folder)?;
    Ok((slots.kinds(), slots.faults()))
}

/// Answers one request of `caller`.
pub async fn run(context: &Context, caller: &mut Caller, request: Request) -> Response {
    let noted = is_noted_first(&request);
    let answered = match caller.look_again(context).await {
        Ok(()) => answer(context, caller, request).await,
        Err(error) => Err(error),
    };
    answered.unwrap_or_else(|error| {
        tracing::warn!(%error, "a command could not be carried out");
        not_done(&error, noted)
    })
}

async fn answer(
    context: &Context,
    caller: &mut Caller,
    request: Request,
) -> Result<Response, Error> {
    match request {
        Request::SignIn(sign_in) => sign_in::sign_in(context, caller, sign_in).await,
        Request::SecretSet { name, value } => secrets::set(context, name, value).await,
        Request::SecretDropPrevious { name } => secrets::drop_previous(context, name).await,
        Request::SecretList => secrets::list(context).await,
        Request::SecretDelete { name } => secrets::delete(context, name).await,
        Request::RecordList { period, limit } => {
            patients::list(context, caller, period, limit).await
        }
        Request::RecordShow { id } => patients::show(context, caller, id).await,
        Request::ExportPage {
            period,
            after,
            format,
        } => patients::export_page(context, caller, period, after, format).await,
        Request::OutboxList { waiting, limit } => queue::list(context, waiting, limit).await,
        Request::OutboxShow { id } => queue::show(context, caller, id).await,
        Request::OutboxRetry { id } => queue::retry(context, id).await,
        Request::OutboxCancel { id } => queue::cancel(context, id).await,
        Request::UserAdd {
            name,
            roles,
            password,
            one_time,
        } => staff::add(context, name, roles, password, one_time).await,
        Request::UserList => staff::list(context).await,
        Request::UserDisable { name } => staff::disable(context, name).await,
        Request::UserEnable { name } => staff::enable(context, name).await,
        Request::OwnPassword { password } => staff::own_password(context, caller, password).await,
        Request::UserPassword {
            name,
            password,
            one_time,
        } => staff::set_password(context, name, password, one_time).await,
        Request::WhatsAppSetup => whatsapp::set_up(context).await,
        Request::WhatsAppTest { to } => whatsapp::test(context, to).await,
        Request::Templates { submit } => whatsapp::list_templates(context, submit).await,
        Request::Usage => usage::usage(context).await,
        Request::TaskList { all, limit } => tasks::list(context, caller, all, limit).await,
        Request::TaskShow { id } => tasks::show(context, caller, id).await,
        Request::TaskClaim { id } => tasks::claim(context, caller, id).await,
        Request::TaskEnd { id, outcome } => tasks::end(context, caller, id, outcome).await,
        Request::FileList { record } => files::list(context, caller, record).await,
        Request::FilePiece { file, from } => files::piece(context, caller, file, from).await,
        Request::KeyDrill { recovery } => drill::drill(context, caller, recovery).await,
        Request::KeyDrilled => drill::drilled(context).await,
        Request::Facts => facts(context).await,
        Request::Unlock { .. } => Ok(Response::OpenAlready),
    }
}

/// Whether the audit log has to hold the request before it is answered.
const fn is_noted_first(request: &Request) -> bool {
    matches!(
        request,
        Request::SignIn(_)
            | Request::RecordList { .. }
            | Request::RecordShow { .. }
            | Request::ExportPage { .. }
            | Request::OutboxShow { .. }
            | Request::TaskList { .. }
            | Request::TaskShow { .. }
            | Request::FileList { .. }
            | Request::FilePiece { .. }
    )
}

/// What is said of a request that the database did not carry out.
fn not_done(error: &Error, noted: bool) -> Response {
    let hint = if matches!(error, Error::Full) {
        "make room on the disk, then try again"
    } else if matches!(error, Error::Busy) {
        "end the other program that has clinic.db open, then try again"
    } else {
        let hint = "run healthpost doctor to see what is wrong";
        return Response::refused(error.to_string(), hint);
    };
    let why = if noted {
        ": nothing of patients is shown before the audit log holds who asked"
    } else {
        ""
    };
    Response::refused(format!("{error}{why}"), hint)
}

async fn facts(context: &Context) -> Result<Response, Error> {
    let told = context.clock.now();
    let now = told.at;
    let configured = context.configured.clone();
    let (queue, secrets, counters, drilled, dead_letters, news) = context
        .readers
        .read(move |conn| {
            Ok((
                store_queue::summary(conn)?,
                crate::store::secrets::standing(conn)?,
                counters::list(conn)?,
                meta::find_number(conn, meta::DRILLED_AT)?,
                crate::store::tasks::count_open(conn, Kind::DeadLetter)?,
                provider_facts(conn, configured.as_deref(), now)?,
            ))
        })
        .await?;
    let facts = DatabaseFacts {
        integrity: integrity(context).await?,
        drilled: drilled.is_some(),
        waiting: queue.waiting,
        oldest_age_ms: queue.oldest.map(|oldest| now.ms_since(oldest)),
        secrets: secrets.set,
        unusable: secrets.unusable,
        counters,
        dead_letters,
        provider: news,
        memory_locked: crate::device::memory::is_locked(),
        clock: Some(ClockFacts {
            at: told.at,
            trusted: told.trusted,
        }),
        line: context.line.as_ref().map(|see| see()),
    };
    Ok(Response::Facts(Box::new(facts)))
}

fn provider_facts(
    conn: &rusqlite::Connection,
    configured: Option<&Configured>,
    now: crate::core::time::UnixMs,
) -> Result<ProviderFacts, Error> {
    let usage = match configured {
        Some(it) => Some(usage::facts(conn, &it.whatsapp, &it.zone, now)?),
        None => None,
    };
    let refused = crate::store::templates::list(conn)?
        .into_iter()
        .filter(|template| !crate::store::templates::is_usable(&template.news.status))
        .map(|template| {
            let news = template.news;
            format!("{} in {}: {}", news.name, news.language, news.status)
        })
        .collect();
    let (files_waiting, files_lost) = crate::store::media::counts(conn)?;
    let blocked = crate::store::polling::blocked(conn)?;
    Ok(ProviderFacts {
        usage,
        not_fetched: blocked.map(|blocked| NotFetched {
            since: blocked.since,
            why: blocked.why,
        }),
        templates_refused: refused,
        files_waiting,
        files_lost,
    })
}

/// Table by table, so that no read transaction outlives the log's patience.
async fn integrity(context: &Context) -> Result<Integrity, Error> {
    let bound = Duration::from_millis(limits::CHECK_MS_MAX);
    for table in context.readers.read(meta::tables).await? {
        let checked = context
            .readers
            .read_within(bound, move |conn| meta::integrity_fault(conn, &table))
            .await;
        match checked {
            Ok(None) => {}
            Ok(Some(fault)) => return Ok(Integrity::Fault(fault)),
            Err(Error::TooSlow) => return Ok(Integrity::NotChecked),
            Err(error) => return Err(error),
        }
    }
    Ok(Integrity::Sound)
}
