//! The unlocked appliance: its workers and its routes.

use crate::app::opened::Opened;
use crate::app::reload::Reload;
use crate::app::sending::{self, Sending};
use crate::config::{Config, Provider};
use crate::core::engine::Clinic;
use crate::core::flow::Flow;
use crate::core::limits::{PATIENCE_QUIETS, RESERVE_BYTES};
use crate::core::time::MINUTE_MS;
use crate::ports::{Chance, Clock};
use crate::store::reserve::Reserve;
use crate::store::{meta, rest};
use crate::web::console::Console;
use crate::web::health::Health;
use crate::web::public::{self, Hook};
use crate::web::room::MemoryBudget;
use crate::web::ultramsg::{PathSecret, UltraMsgHook};
use crate::web::unlock::Drilled;
use crate::web::webhook::{Credentials, Webhook};
use crate::whatsapp::client::{Line as HttpLine, Timing};
use crate::work::Bells;
use crate::work::housekeeping::{self, Keeping};
use crate::work::intake::{Context as StepContext, Flows, Intake};
use crate::work::line::Line;
use crate::work::media::Fetcher;
use crate::work::poll::{Hold, Pulse};
use crate::work::runner::Runner;
use crate::work::start;
use crate::work::steps::Steps;
use crate::work::taking::Taking;
use crate::work::usage::Count;
use anyhow::{Context, Result};
use axum::Router;
use std::sync::Arc;

/// The machine's own clock and chance.
#[derive(Clone)]
pub struct Machine {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub chance: Arc<dyn Chance>,
}

/// A running, unlocked appliance, still without its sockets.
pub struct Service {
    /// The public listener's routes.
    pub public: Router,
    /// What the staff page is drawn from.
    pub console: Console,
    /// What `/healthz` looks at.
    pub health: Health,
    /// What is known of the line.
    pub line: Line,
    /// Renews what a `secret set` changes.
    pub credentials: Reload,
    /// The workers' bells.
    pub bells: Bells,
    /// Whether the recovery key was ever proved.
    pub drilled: Drilled,
    /// Who the clinic is at its provider.
    our_id: Arc<str>,
}

/// Starts the workers of an opened data folder on `runner`.
///
/// # Errors
/// In words: a database that cannot be read, a client that cannot be built.
pub async fn start(
    config: &Config,
    flow: Flow,
    opened: &Opened,
    machine: &Machine,
    runner: &mut Runner,
) -> Result<Service> {
    let (line, bells) = (Line::default(), Bells::default());
    let steps = Steps::since(line.moment(machine.clock.now().at));
    let flows = prepare(config, opened, machine, flow).await?;
    resume(config, opened, machine, &line).await?;
    let credentials = connect(config, opened, machine).await?;
    let context = Arc::new(StepContext {
        flows,
        clinic: clinic(config),
        box_key: opened.box_key.clone(),
        quiet_ms: config.flow.quiet_ms,
    });
    start_intake(opened, machine, runner, &bells, context);
    start_media(opened, machine, runner, &line, &bells, &credentials);
    start_count(config, opened, machine, runner, &credentials);
    let hold = Hold::default();
    let sending = Sending {
        line: &line,
        bells: &bells,
        hold: &hold,
        steps,
        credentials: &credentials,
    };
    sending::start_sender(config, opened, machine, runner, sending);
    let taking = taking(config, opened, machine, &bells, &line);
    let pulse = Pulse::default();
    sending::start_poll(config, opened, runner, sending, &pulse, &taking);
    start_housekeeping(config, opened, machine, runner);
    sending::start_unheard(config, opened, machine, runner, sending);
    start_store_watch(opened, runner);
    runner.start("credentials", credentials.clone().run(runner.stop_signal()));
    let health = Health {
        store: Some(opened.writer.clone()),
        line: line.clone(),
    };
    let hook = hook(config, taking, pulse, &credentials);
    let console = Console {
        clinic: config.clinic.name.as_str().into(),
        clinic_id: config.clinic.id.as_str().into(),
        zone: config.clinic.zone.clone(),
        readers: opened.readers.clone(),
        line: line.clone(),
        clock: Arc::clone(&machine.clock),
    };
    Ok(Service {
        public: public::router(hook, health.clone()),
        console,
        health,
        line,
        credentials,
        bells,
        drilled: find_drilled(opened).await?,
        our_id: sending::our_id(config).into(),
    })
}

impl Service {
    /// Keeps what the last calls have said of the number, once every worker has
    /// ended: those that keep it else are gone by then.
    pub async fn keep_rest(&self, opened: &Opened) {
        let (our_id, rest) = (Arc::clone(&self.our_id), self.line.rest());
        let keep = move |conn: &_| rest::keep(conn, &our_id, rest);
        if let Err(error) = opened.writer.run(keep).await {
            tracing::warn!(%error, "a pause of the line was not kept");
        }
    }
}

fn start_housekeeping(config: &Config, opened: &Opened, machine: &Machine, runner: &mut Runner) {
    let keeping = Keeping {
        webhooks_days: config.retention.webhooks_days,
        messages_days: config.retention.messages_days,
        records_days: config.retention.records_days,
        in_doubt_ms: sending::policy(config).in_doubt_ms,
    };
    let (writer, clock, stop) = (
        opened.writer.clone(),
        Arc::clone(&machine.clock),
        runner.stop_signal(),
    );
    runner.start(
        "housekeeping",
        housekeeping::run(writer, clock, keeping, stop),
    );
}

/// A box that went live before anybody tried its paper says so, again and again.
async fn find_drilled(opened: &Opened) -> Result<Drilled> {
    let at = opened
        .readers
        .read(|conn| meta::find_number(conn, meta::DRILLED_AT))
        .await
        .context("the database could not be read")?;
    Ok(Drilled::new(at.is_some()))
}

/// Makes the database ready, and reads back the flows of running conversations.
async fn prepare(config: &Config, opened: &Opened, machine: &Machine, flow: Flow) -> Result<Flows> {
    let now = machine.clock.now().at;
    let in_doubt_ms = sending::policy(config).in_doubt_ms;
    let current = flow.clone();
    let spoken = opened
        .writer
        .run(move |conn| start::make_ready(conn, in_doubt_ms, &current, now))
        .await
        .context("the database could not be made ready")?;
    Ok(Flows::new(flow, &spoken))
}

/// A pause that the provider asked for, or a trial of the account, goes on.
async fn resume(config: &Config, opened: &Opened, machine: &Machine, line: &Line) -> Result<()> {
    let our_id = sending::our_id(config).to_owned();
    let kept = opened.readers.read(move |conn| rest::load(conn, &our_id));
    let kept = kept.await;
    let kept = kept.context("the database could not be read")?;
    line.resume(kept, machine.clock.now().at);
    Ok(())
}

async fn connect(config: &Config, opened: &Opened, machine: &Machine) -> Result<Reload> {
    let http = HttpLine::new(Timing::default(), Arc::clone(&machine.clock))
        .context("the client for WhatsApp cannot be made")?;
    let reload = Reload {
        webhook: Credentials::default(),
        path_secret: PathSecret::default(),
        client: Arc::default(),
        readers: opened.readers.clone(),
        clock: Arc::clone(&machine.clock),
        http: Arc::new(http),
        whatsapp: config.whatsapp.clone(),
        ultramsg: config.ultramsg.clone(),
        turn: Arc::default(),
    };
    reload
        .now()
        .await
        .context("the credentials cannot be read")?;
    Ok(reload)
}

/// Without its writer the box can keep nothing: it must not look alive.
fn start_store_watch(opened: &Opened, runner: &mut Runner) {
    let (writer, stop) = (opened.writer.clone(), runner.stop_signal());
    runner.start("database writer", async move {
        tokio::select! {
            () = writer.ended() => {}
            () = stop.cancelled() => {}
        }
    });
}

fn start_intake(
    opened: &Opened,
    machine: &Machine,
    runner: &mut Runner,
    bells: &Bells,
    context: Arc<StepContext>,
) {
    let intake = Intake {
        context,
        writer: opened.writer.clone(),
        clock: Arc::clone(&machine.clock),
        chance: Arc::clone(&machine.chance),
        bells: bells.clone(),
    };
    let stop = runner.stop_signal();
    runner.start("intake", intake.run(stop));
}

fn taking(
    config: &Config,
    opened: &Opened,
    machine: &Machine,
    bells: &Bells,
    line: &Line,
) -> Taking {
    let channel = match config.whatsapp.provider {
        Provider::Cloud => "cloud",
        Provider::UltraMsg => "ultramsg",
    };
    Taking {
        writer: opened.writer.clone(),
        box_key: opened.box_key.clone(),
        clock: Arc::clone(&machine.clock),
        channel,
        our_id: sending::our_id(config).into(),
        vouched: true,
        quiet_ms: config.flow.quiet_ms,
        bells: bells.clone(),
        line: line.clone(),
    }
}

fn hook(config: &Config, taking: Taking, pulse: Pulse, credentials: &Reload) -> Hook {
    let memory = MemoryBudget::default();
    match config.whatsapp.provider {
        Provider::Cloud => Hook::Cloud(Webhook {
            taking,
            credentials: credentials.webhook.clone(),
            account: config
                .whatsapp
                .business_account_id
                .as_deref()
                .map(Arc::from),
            memory,
        }),
        Provider::UltraMsg => Hook::UltraMsg(UltraMsgHook {
            // Nobody signs these: no stamp in them may set our clock.
            taking: Taking {
                vouched: false,
                ..taking
            },
            secret: credentials.path_secret.clone(),
            pulse,
            memory,
        }),
    }
}

fn start_count(
    config: &Config,
    opened: &Opened,
    machine: &Machine,
    runner: &mut Runner,
    credentials: &Reload,
) {
    let count = Count {
        writer: opened.writer.clone(),
        clock: Arc::clone(&machine.clock),
        meter: Arc::clone(credentials.http.meter()),
        zone: config.clinic.zone.clone(),
        free: config.whatsapp.free_messages_per_month,
    };
    runner.start("usage", count.run(runner.stop_signal()));
}

fn start_media(
    opened: &Opened,
    machine: &Machine,
    runner: &mut Runner,
    line: &Line,
    bells: &Bells,
    credentials: &Reload,
) {
    let fetcher = Fetcher {
        files: Arc::clone(&credentials.client),
        writer: opened.writer.clone(),
        readers: opened.readers.clone(),
        clock: Arc::clone(&machine.clock),
        chance: Arc::clone(&machine.chance),
        line: line.clone(),
        disk: Reserve::new(&opened.folder, RESERVE_BYTES),
        bell: bells.media.clone(),
    };
    runner.start("patients' files", fetcher.run(runner.stop_signal()));
}

fn clinic(config: &Config) -> Clinic {
    Clinic {
        id: config.clinic.id.clone(),
        name: config.clinic.name.clone(),
        country: config.clinic.country.clone(),
        zone: config.clinic.zone.clone(),
        languages: config.clinic.languages.clone(),
        emergency_number: config.clinic.emergency_number.clone(),
        session_idle_ms: i64::from(config.retention.session_idle_minutes) * MINUTE_MS,
        patience_ms: config.flow.quiet_ms.saturating_mul(PATIENCE_QUIETS),
    }
}

/// How long a shutdown may take before what is left is cut off.
pub const SHUTDOWN: std::time::Duration = std::time::Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{by_hand, demo_folder, flow_file};
    use crate::core::delivery::Channel;
    use crate::core::inbound::ProviderError;
    use crate::core::time::HOUR_MS;
    use crate::ports::SendOutcome;
    use crate::store::rest::Rest;
    use std::net::SocketAddr;

    /// A start whose workers have ended again, and what it read back of the line.
    async fn ended(config: &Config, opened: &Opened, machine: &Machine) -> (Service, Rest) {
        let (flow, mut runner) = (flow_file::of(config).unwrap(), Runner::new());
        let started = start(config, flow, opened, machine, &mut runner).await;
        let service = started.unwrap();
        let found = service.line.rest();
        runner.shut_down(SHUTDOWN).await;
        (service, found)
    }

    #[tokio::test]
    async fn a_pause_that_the_last_call_tells_of_outlives_the_restart() {
        let place = tempfile::tempdir().unwrap();
        let machine = by_hand::this_machine().unwrap();
        let prepared = demo_folder::prepare(place.path(), &machine).await.unwrap();
        let opened = prepared.opened;
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let config = demo_folder::config(&opened.folder, "http://127.0.0.1:1", nowhere).unwrap();
        let (service, _) = ended(&config, &opened, &machine).await;
        let now = machine.clock.now().at;
        let until = now.plus_ms(4 * HOUR_MS);
        let limited = SendOutcome::Refused {
            error: ProviderError {
                code: 131_048,
                subcode: None,
            },
            http: 400,
            wait: None,
        };
        let (line, pause) = (&service.line, Channel::PauseUntil(until));
        line.sent(&limited, pause, line.stretch(), now);
        // Whoever keeps it else is gone by now.
        service.keep_rest(&opened).await;
        let (_, found) = ended(&config, &opened, &machine).await;
        assert_eq!(found.until, Some(until));
        opened.close().unwrap();
    }
}
