//! The command line: one command a file, thin. Parsing, exit statuses and what
//! is printed; the work itself is elsewhere. No secret is ever taken from
//! argv, and no failure repeats what was typed.

mod argument;
mod config;
mod demo;
mod doctor;
mod erase;
mod export;
mod failure;
mod files;
mod flow;
mod init;
mod input;
mod interrupt;
mod key;
mod outbox;
mod output;
mod pin;
mod reach;
mod records;
mod secret;
mod serve;
mod tasks;
mod unlock;
mod user;
mod whatsapp;

use crate::app::key::Custody;
use crate::app::lan::Wanted;
use crate::app::service::Machine;
use crate::config::{Config, KeyHome};
use crate::core::plain_text;
use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use failure::Failure;
use jiff::tz::TimeZone;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Once;
use std::time::Duration;

/// Largest configuration file, bytes.
const CONFIG_BYTES_MAX: u64 = 256 * 1024;

/// How long the end waits for what still keeps a thread, such as a TPM that does
/// not answer. What must be whole on the disk is waited for before, or stands a
/// power cut.
const LEFT_WAITING: Duration = Duration::from_secs(3);

/// A clinic's WhatsApp intake that never loses a word, even when the line is
/// down for days.
#[derive(Debug, Parser)]
#[command(name = "healthpost", version, max_term_width = 100)]
#[command(after_help = "Example:\n  healthpost demo")]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// Options every command takes.
#[derive(Clone, Debug, Args)]
struct Globals {
    /// The configuration file
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "HEALTHPOST_CONFIG",
        default_value = "/etc/healthpost/healthpost.toml",
        hide_env_values = true
    )]
    config: PathBuf,
    /// The data folder, instead of the configuration's
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// How much is logged on standard error: error, warn, info, debug [default: warn; serve and demo: info]
    #[arg(long, global = true, value_name = "LEVEL")]
    log: Option<tracing::Level>,
    /// Print JSON for programs instead of lines for people
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Init(init::Init),
    Serve(serve::Serve),
    Unlock(unlock::Unlock),
    #[command(subcommand)]
    Key(key::Key),
    #[command(subcommand)]
    Secret(secret::Secret),
    #[command(subcommand)]
    User(user::User),
    #[command(subcommand)]
    Config(config::ConfigCommand),
    #[command(subcommand)]
    Flow(flow::FlowCommand),
    #[command(subcommand)]
    Records(records::Records),
    Export(export::Export),
    #[command(subcommand)]
    Outbox(outbox::Outbox),
    #[command(subcommand)]
    Tasks(tasks::Tasks),
    #[command(subcommand)]
    Whatsapp(whatsapp::Whatsapp),
    Doctor(doctor::Doctor),
    EraseEverything(erase::EraseEverything),
}

impl Command {
    /// Commands that run for long log what happens; the others only trouble.
    const fn runs_long(&self) -> bool {
        matches!(self, Self::Demo(_) | Self::Serve(_))
    }
}

/// Runs the program with its arguments.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return unparsed(&error),
    };
    log_to_stderr(&cli);
    hide_panic_texts();
    crate::app::by_hand::close_memory(matches!(cli.command, Command::Serve(_)));
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(8)
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("the program cannot start: {error}"), ""))
        .and_then(|runtime| {
            let done = runtime.block_on(Box::pin(run(cli)));
            runtime.shutdown_timeout(LEFT_WAITING);
            done
        });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&format!("healthpost: {failure}"));
            failure.status()
        }
    }
}

fn unparsed(error: &clap::Error) -> ExitCode {
    let shown = matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    if shown {
        // A reader that left early is no fault of the command.
        let _ = error.print();
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    }
    let failure = failure::wrong_arguments(error);
    output::complain(&format!("healthpost: {failure}"));
    failure.status()
}

fn log_to_stderr(cli: &Cli) {
    let runs_long = cli.command.runs_long();
    let usual = if runs_long {
        tracing::Level::INFO
    } else {
        tracing::Level::WARN
    };
    let log = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_max_level(cli.globals.log.unwrap_or(usual))
        .with_target(false);
    if runs_long {
        log.init();
    } else {
        // Whoever typed the command knows the hour.
        log.without_time().init();
    }
}

/// A panic's text may hold what a patient wrote: only its place is told.
fn hide_panic_texts() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(
            || "an unknown place".to_owned(),
            |place| format!("{}:{}", place.file(), place.line()),
        );
        tracing::error!("a piece of work broke off at {place}");
    }));
}

async fn run(cli: Cli) -> Result<(), Failure> {
    let globals = &cli.globals;
    match cli.command {
        Command::Demo(command) => command.run(globals).await,
        Command::Init(command) => command.run(globals).await,
        Command::Serve(command) => command.run(globals).await,
        Command::Unlock(command) => command.run(globals).await,
        Command::Key(command) => command.run(globals).await,
        Command::Secret(command) => command.run(globals).await,
        Command::User(command) => command.run(globals).await,
        Command::Config(command) => command.run(globals),
        Command::Flow(command) => command.run(globals),
        Command::Records(command) => command.run(globals).await,
        Command::Export(command) => command.run(globals).await,
        Command::Outbox(command) => command.run(globals).await,
        Command::Tasks(command) => command.run(globals).await,
        Command::Whatsapp(command) => command.run(globals).await,
        Command::Doctor(command) => command.run(globals).await,
        Command::EraseEverything(command) => command.run(globals).await,
    }
}

impl Globals {
    /// Reads and checks the configuration; warnings go to standard error.
    fn load_config(&self) -> Result<Config, Failure> {
        let source = read_config(&self.config)?;
        let mut config =
            Config::parse(&source, &self.config).map_err(|faults| Failure::config(&faults))?;
        // A command may read it several times.
        static TOLD: Once = Once::new();
        TOLD.call_once(|| {
            for warning in &config.warnings {
                output::complain(&format!("warning: {warning}"));
            }
        });
        if let Some(folder) = &self.data_dir {
            config.data_dir.clone_from(folder);
        }
        Ok(config)
    }

    /// The configuration, if there is a sound one; its warnings are told by
    /// commands that need it.
    fn find_config(&self) -> Option<Config> {
        let source = read_config(&self.config).ok()?;
        Config::parse(&source, &self.config).ok()
    }

    /// The clinic's zone, in which every time is told; UTC where nobody named it.
    fn zone(&self) -> TimeZone {
        let config = self.find_config();
        config.map_or(TimeZone::UTC, |config| config.clinic.zone)
    }

    /// The key slots of a folder, with the TPM named here, else the
    /// configuration's. A folder that is named without a configuration is on a
    /// machine whose TPM nobody told us.
    fn custody(&self, folder: &Path, tpm: Option<String>) -> Result<Custody, Failure> {
        let home = match self.load_config() {
            Ok(config) => config.key,
            Err(_) if self.data_dir.is_some() => KeyHome {
                tpm: None,
                pcrs: Vec::new(),
            },
            Err(failure) => return Err(failure),
        };
        let home = KeyHome {
            tpm: tpm.or(home.tpm),
            ..home
        };
        Ok(Custody::new(folder, &home, &machine()?)?)
    }

    /// How the box is known on the clinic's network, by the configuration if
    /// there is one.
    fn lan(&self) -> Wanted {
        let config = self.load_config();
        config.map_or_else(
            |_| Wanted::without_config(),
            |config| Wanted::of(&config.lan),
        )
    }

    /// The data folder: named on the command line, else the configuration's.
    fn data_folder(&self) -> Result<PathBuf, Failure> {
        match &self.data_dir {
            Some(folder) => Ok(folder.clone()),
            None => Ok(self.load_config()?.data_dir),
        }
    }
}

fn read_config(path: &Path) -> Result<String, Failure> {
    let hint = "name it with --config FILE; healthpost config check --help shows an example";
    let unread = |error: std::io::Error| {
        let what = format!("the configuration cannot be read: {error}");
        Failure::unread_config(path, 0, what, hint)
    };
    let facts = std::fs::metadata(path).map_err(unread)?;
    if facts.len() > CONFIG_BYTES_MAX {
        let what = "larger than 256 KiB".to_owned();
        return Err(Failure::unread_config(path, 0, what, hint));
    }
    let bytes = std::fs::read(path).map_err(unread)?;
    plain_text::read(bytes).map_err(|wrong| {
        let hint = "then run healthpost config check";
        Failure::unread_config(path, wrong.line, plain_text::NOT_UTF8.to_owned(), hint)
    })
}

/// The machine's own clock and randomness.
fn machine() -> Result<Machine, Failure> {
    crate::app::by_hand::this_machine().map_err(|error| {
        Failure::failed(
            format!("the kernel gives no randomness: {error}"),
            "restart the machine",
        )
    })
}

/// Options of commands that open the data folder when no service has it open.
#[derive(Debug, Args)]
struct Opening {
    /// A file with the passphrase, where no running service has the folder open
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// A file with the PIN, where the TPM's slot has one
    #[arg(long, value_name = "FILE")]
    pin_file: Option<PathBuf>,
}

/// Options of commands that show or take out patient data.
#[derive(Debug, Args)]
struct SigningIn {
    /// The member of staff who asks
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    /// A file with their password, where there is no terminal to ask on
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

#[cfg(test)]
mod tests;
