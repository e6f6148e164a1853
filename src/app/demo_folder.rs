//! The demo's folder: made at the first start, reused after that. It holds
//! invented data only; its passphrase lies beside it and protects nothing.

use crate::app::init::{FirstWay, init};
use crate::app::key::{self, Custody, Way};
use crate::app::lan::Wanted;
use crate::app::opened::Opened;
use crate::app::serve::is_made;
use crate::config::Config;
use crate::core::access::Role;
use crate::core::secret::Secret;
use crate::durable;
use crate::keys::password;
use crate::simulator::{Delays, Settings};
use crate::store::secrets;
use crate::store::staff::{self, NewStaff};
use crate::store::{self, lock};
use anyhow::{Context, Result, bail};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::service::Machine;

/// The passphrase of every demo folder. It is here for all to read: the demo
/// shows how the box works, not how it keeps a secret.
const PASSPHRASE: &str = "this demo protects nothing";
/// Also said in the data folder, so that the other commands can be tried on it.
const PASSPHRASE_FILE: &str = "passphrase.txt";
const CONFIG_FILE: &str = "healthpost.toml";
const APP_SECRET: &str = "demo app secret";
const VERIFY_TOKEN: &str = "demo verify token";
const ACCESS_TOKEN: &str = "demo access token";
const PHONE_NUMBER_ID: &str = "106540352242922";

/// A sign-in of the demo.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Account {
    /// The name to sign in with.
    pub name: &'static str,
    /// Its password.
    pub password: &'static str,
    /// What it may do.
    pub roles: Vec<&'static str>,
}

/// An opened demo folder and the account at the far side that fits it.
pub struct Prepared {
    /// The data.
    pub opened: Opened,
    /// The simulated WhatsApp's account.
    pub settings: Settings,
    /// Who may sign in.
    pub users: Vec<Account>,
}

const USERS: [(&str, &str, Role); 4] = [
    ("nurse", "demo-nurse", Role::Clinician),
    ("records", "demo-records", Role::Records),
    ("reception", "demo-reception", Role::Reception),
    ("admin", "demo-admin", Role::Admin),
];

/// Opens the folder, making it first if it is not there.
///
/// # Errors
/// In words: the folder is in use, is something else, or cannot be written.
pub async fn prepare(folder: &Path, machine: &Machine) -> Result<Prepared> {
    let unusable = || {
        let shown = folder.display();
        format!("{shown} cannot be the demo's folder, choose another one with --dir")
    };
    let data = folder.join("data");
    let is_new = !is_made(&data).with_context(unusable)?;
    let is_there = is_new && folder.exists();
    if is_there
        && std::fs::read_dir(folder)
            .with_context(unusable)?
            .next()
            .is_some()
    {
        bail!(
            "{} is not empty and holds no demo: choose another folder with --dir",
            folder.display()
        );
    }
    if is_new {
        make(folder, &data, machine).await?;
    }
    let lock = match lock::take(&data) {
        Err(store::Error::AlreadyOpen) => bail!(
            "another demo runs in {}: stop it, or choose another folder with --dir",
            folder.display()
        ),
        taken => taken?,
    };
    let custody = Custody::without_tpm(&data, machine);
    let way = Way::Passphrase(Secret::from(PASSPHRASE));
    let key = key::open(&custody, way).await?.key;
    let opened = Opened::new(&data, &key, lock, &*machine.clock)?;
    if is_new {
        fill(&opened, machine).await?;
    }
    let users = USERS
        .iter()
        .map(|(name, password, role)| Account {
            name,
            password,
            roles: vec![role.as_str()],
        })
        .collect();
    Ok(Prepared {
        opened,
        settings: settings(),
        users,
    })
}

/// The demo's configuration, also written into the folder so that the other
/// commands can be tried on it.
///
/// # Errors
/// If it cannot be written.
pub fn config(data: &Path, graph_url: &str, webhook: SocketAddr) -> Result<Config> {
    let data = std::path::absolute(data)?;
    let folder: PathBuf = data.parent().unwrap_or(&data).to_owned();
    let source = format!(
        "version = 1\n\
         data_dir = {data}\n\n\
         [clinic]\n\
         id = \"demo-1\"\n\
         name = \"Demo Health Post\"\n\
         country = \"CD\"\n\
         timezone = \"Africa/Lubumbashi\"\n\
         languages = [\"en\", \"fr\", \"sw\", \"es\", \"pt\"]\n\
         emergency_number = \"112\"\n\n\
         [public]\n\
         listen = \"{webhook}\"\n\n\
         [whatsapp]\n\
         base_url = \"{graph_url}\"\n\
         phone_number_id = \"{PHONE_NUMBER_ID}\"\n\n\
         [outbox]\n\
         in_doubt_seconds = 20\n",
        data = toml::Value::from(data.display().to_string()),
    );
    let path = folder.join(CONFIG_FILE);
    durable::write(&path, source.as_bytes()).context("the demo's folder cannot be written")?;
    match Config::parse(&source, &path) {
        Ok(config) => Ok(config),
        Err(faults) => {
            let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
            bail!("{}", lines.join("\n"))
        }
    }
}

async fn make(folder: &Path, data: &Path, machine: &Machine) -> Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{} cannot be made", folder.display()))?;
    let path = folder.join(PASSPHRASE_FILE);
    durable::write(&path, format!("{PASSPHRASE}\n").as_bytes())
        .with_context(|| format!("{} cannot be written", path.display()))?;
    let (data, machine) = (data.to_owned(), machine.clone());
    tokio::task::spawn_blocking(move || {
        let (chance, now) = (&machine.chance, machine.clock.now());
        let custody = Custody::without_tpm(&data, &machine);
        let way = FirstWay::Passphrase(Secret::from(PASSPHRASE));
        // Nobody needs the way back into a demo.
        let (lan, quiet) = (Wanted::without_config(), &mut |_: &'static str| {});
        init(&custody, &way, &lan, chance, now, |_, _| Ok(()), quiet)
    })
    .await?
    .map(drop)
}

async fn fill(opened: &Opened, machine: &Machine) -> Result<()> {
    let now = machine.clock.now().at;
    opened
        .writer
        .run(move |conn| {
            secrets::set(conn, "whatsapp.app_secret", APP_SECRET.as_bytes(), now)?;
            secrets::set(conn, "whatsapp.verify_token", VERIFY_TOKEN.as_bytes(), now)?;
            secrets::set(conn, "whatsapp.access_token", ACCESS_TOKEN.as_bytes(), now)
        })
        .await?;
    for (name, password, role) in USERS {
        let chance = machine.chance.clone();
        let hash =
            tokio::task::spawn_blocking(move || password::hash(password, &*chance)).await??;
        opened
            .writer
            .run(move |conn| {
                let new = NewStaff {
                    name,
                    roles: &[role],
                    password_hash: &hash,
                    must_change: false,
                };
                staff::add(conn, &new, now)?;
                Ok(())
            })
            .await?;
    }
    Ok(())
}

fn settings() -> Settings {
    Settings {
        app_secret: APP_SECRET.to_owned(),
        verify_token: VERIFY_TOKEN.to_owned(),
        access_token: ACCESS_TOKEN.to_owned(),
        phone_number_id: PHONE_NUMBER_ID.to_owned(),
        delays: Delays {
            after_line_ms: Some(500),
            ..Delays::default()
        },
        ..Settings::default()
    }
}
