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
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::{fs, io};

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

/// What a first start that was killed may leave beside no data yet.
const LEFT: [&str; 3] = [PASSPHRASE_FILE, LEFT_FIRST, ".data.new"];
/// The first of it.
const LEFT_FIRST: &str = ".passphrase.txt.new";
const SECRETS: [(&str, &str); 3] = [
    ("whatsapp.app_secret", APP_SECRET),
    ("whatsapp.verify_token", VERIFY_TOKEN),
    ("whatsapp.access_token", ACCESS_TOKEN),
];

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
    if is_new {
        if !is_ours(folder).with_context(unusable)? {
            bail!(
                "{} is not empty and holds no demo: choose another folder with --dir",
                folder.display()
            );
        }
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
    fill(&opened, machine).await?;
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

fn passphrase_said() -> String {
    format!("{PASSPHRASE}\n")
}

/// Whether a folder without data may become the demo's: nothing is in it, or only
/// what a first start leaves that was killed. The passphrase is written before
/// anything else, so what lies there without it is somebody's own.
fn is_ours(folder: &Path) -> io::Result<bool> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        read => read?,
    };
    let names = entries.map(|entry| Ok(entry?.file_name()));
    let names = names.collect::<io::Result<Vec<_>>>()?;
    let is_left = |name: &OsString| LEFT.iter().any(|left| name == left);
    let is_begun = || match fs::read(folder.join(PASSPHRASE_FILE)) {
        Ok(bytes) => Ok(bytes == passphrase_said().as_bytes()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(names.iter().all(|name| name == LEFT_FIRST))
        }
        Err(error) => Err(error),
    };
    Ok(names.iter().all(is_left) && is_begun()?)
}

async fn make(folder: &Path, data: &Path, machine: &Machine) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let path = folder.join(PASSPHRASE_FILE);
    durable::write(&path, passphrase_said().as_bytes())
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

/// What is not there yet. A start that was killed may have left any of it out;
/// what somebody changed since stays as it is.
async fn fill(opened: &Opened, machine: &Machine) -> Result<()> {
    let now = machine.clock.now().at;
    opened
        .writer
        .run(move |conn| {
            for (name, value) in SECRETS {
                if secrets::find(conn, name)?.is_none() {
                    secrets::set(conn, name, value.as_bytes(), now)?;
                }
            }
            Ok(())
        })
        .await?;
    let known = opened.readers.read(staff::list).await?;
    for (name, password, role) in USERS {
        if known
            .iter()
            .any(|user| user.name.eq_ignore_ascii_case(name))
        {
            continue;
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::by_hand::this_machine;

    async fn names_and_secrets(prepared: &Prepared) -> (Vec<String>, Vec<String>) {
        let read = |conn: &rusqlite::Connection| Ok((staff::list(conn)?, secrets::list(conn)?));
        let (users, kept) = prepared.opened.readers.read(read).await.unwrap();
        (
            users.into_iter().map(|user| user.name).collect(),
            kept.into_iter().map(|kept| kept.name).collect(),
        )
    }

    async fn starts_whole(folder: &Path) {
        let prepared = prepare(folder, &this_machine().unwrap()).await.unwrap();
        let (users, kept) = names_and_secrets(&prepared).await;
        assert_eq!(users, ["admin", "nurse", "reception", "records"]);
        assert_eq!(kept.len(), SECRETS.len());
        prepared.opened.close().unwrap();
    }

    #[tokio::test]
    async fn a_first_start_that_was_killed_before_there_was_data_is_made_good() {
        let place = tempfile::tempdir().unwrap();
        durable::write(&place.path().join(LEFT_FIRST), b"this demo pro").unwrap();
        assert!(is_ours(place.path()).unwrap());
        let said = passphrase_said();
        durable::write(&place.path().join(PASSPHRASE_FILE), said.as_bytes()).unwrap();
        fs::create_dir(place.path().join(".data.new")).unwrap();
        durable::write(&place.path().join(".data.new/clinic.db.new"), b"torn").unwrap();
        starts_whole(place.path()).await;
    }

    #[tokio::test]
    async fn a_first_start_that_was_killed_before_the_data_was_filled_is_made_good() {
        let place = tempfile::tempdir().unwrap();
        let (data, machine) = (place.path().join("data"), this_machine().unwrap());
        make(place.path(), &data, &machine).await.unwrap();
        starts_whole(place.path()).await;
        let conn = rusqlite_of(&data).await;
        conn.execute("DELETE FROM staff WHERE name <> 'nurse'", [])
            .unwrap();
        conn.execute(
            "DELETE FROM secret WHERE name = 'whatsapp.access_token'",
            [],
        )
        .unwrap();
        conn.execute("UPDATE staff SET name = 'Nurse', password = 'changed'", [])
            .unwrap();
        drop(conn);
        let prepared = prepare(place.path(), &machine).await.unwrap();
        let (users, kept) = names_and_secrets(&prepared).await;
        assert_eq!(users, ["admin", "Nurse", "reception", "records"]);
        assert_eq!(kept.len(), SECRETS.len());
        let nurse = prepared
            .opened
            .readers
            .read(|conn| staff::find(conn, "nurse"));
        assert_eq!(nurse.await.unwrap().unwrap().1, "changed");
    }

    async fn rusqlite_of(data: &Path) -> rusqlite::Connection {
        let custody = Custody::without_tpm(data, &this_machine().unwrap());
        let way = Way::Passphrase(Secret::from(PASSPHRASE));
        let key = key::open(&custody, way).await.unwrap().key;
        store::open::open(data, &key).unwrap()
    }

    #[tokio::test]
    async fn what_is_somebodys_own_is_left_alone() {
        let own = [
            (PASSPHRASE_FILE, "my own"),
            (".data.new", "a file without a passphrase beside it"),
            ("letter.txt", "dear Amina"),
        ];
        for (name, text) in own {
            let place = tempfile::tempdir().unwrap();
            durable::write(&place.path().join(name), text.as_bytes()).unwrap();
            let refused = prepare(place.path(), &this_machine().unwrap()).await;
            let said = refused.err().unwrap().to_string();
            assert!(said.contains("holds no demo"), "{said}");
            assert_eq!(fs::read_to_string(place.path().join(name)).unwrap(), text);
            assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
        }
    }
}
