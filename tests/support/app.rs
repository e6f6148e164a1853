//! The real service inside the test: the real store, workers and routes on
//! real sockets, with the test's own clock and chance in place of the
//! machine's.

use super::far_side::{ACCESS_TOKEN, APP_SECRET, PHONE_NUMBER_ID, VERIFY_TOKEN};
use healthpost::app::listen;
use healthpost::app::opened::Opened;
use healthpost::app::service::{self, Machine};
use healthpost::config::Config;
use healthpost::core::data_key::DataKey;
use healthpost::core::flow::Flow;
use healthpost::core::time::{Now, UnixMs};
use healthpost::ports::{Chance, Clock};
use healthpost::store::{BoxKey, Readers, lock, open, secrets};
use healthpost::work::runner::Runner;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// This machine's clock, believed.
pub struct MachineClock;

impl Clock for MachineClock {
    fn now(&self) -> Now {
        Now {
            at: UnixMs(super::wait::now_ms()),
            trusted: true,
        }
    }
}

/// The key of every such data folder.
pub fn key() -> DataKey {
    DataKey::take(&mut [7; 32])
}

/// A data folder with its credentials, made without a passphrase's cost.
pub fn make(folder: &Path) {
    open::create(folder, &key(), &BoxKey::new([9; 32])).unwrap();
    let conn = open::open(folder, &key()).unwrap();
    for (name, value) in [
        ("whatsapp.app_secret", APP_SECRET),
        ("whatsapp.verify_token", VERIFY_TOKEN),
        ("whatsapp.access_token", ACCESS_TOKEN),
    ] {
        secrets::set(&conn, name, value.as_bytes(), UnixMs(0)).unwrap();
    }
}

/// A running service.
pub struct App {
    runtime: Runtime,
    runner: Option<Runner>,
    opened: Option<Opened>,
    port: u16,
}

impl App {
    /// Opens the folder and serves its webhooks on `port`.
    pub fn start(folder: &Path, port: u16, graph: &str, chance: Arc<dyn Chance>) -> Self {
        let runtime = Runtime::new().unwrap();
        let config = config(folder, port, graph);
        let opened =
            Opened::new(folder, &key(), lock::take(folder).unwrap(), &MachineClock).unwrap();
        let mut runner = Runner::new();
        let machine = Machine {
            clock: Arc::new(MachineClock),
            chance,
        };
        runtime.block_on(async {
            let flow = Flow::built_in();
            let service = service::start(&config, flow, &opened, &machine, &mut runner)
                .await
                .unwrap();
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            let listener = listen::bind(address, "public.listen").unwrap();
            let stop = runner.stop_signal();
            runner.start(
                "public listener",
                listen::serve(listener, service.public, stop),
            );
        });
        Self {
            runtime,
            runner: Some(runner),
            opened: Some(opened),
            port,
        }
    }

    /// Where webhooks go.
    pub fn webhook(&self) -> String {
        webhook_of(self.port)
    }

    /// Reads a number out of the database.
    pub fn count(&self, sql: &str) -> i64 {
        let readers: &Readers = &self.opened.as_ref().unwrap().readers;
        let read = readers.read_blocking(|conn| Ok(conn.query_row(sql, [], |row| row.get(0))?));
        read.unwrap()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        if let Some(runner) = self.runner.take() {
            self.runtime
                .block_on(runner.shut_down(Duration::from_secs(10)));
        }
        if let Some(opened) = self.opened.take() {
            let closed = opened.close();
            assert!(closed.is_ok() || std::thread::panicking(), "{closed:?}");
        }
    }
}

/// Where the webhooks of a service on `port` go.
pub fn webhook_of(port: u16) -> String {
    format!("http://127.0.0.1:{port}/webhooks/whatsapp")
}

fn config(folder: &Path, port: u16, graph: &str) -> Config {
    let source = format!(
        "version = 1\ndata_dir = {data:?}\n\
         [clinic]\nid = \"e2e-1\"\nname = \"Test Post\"\ncountry = \"CD\"\n\
         timezone = \"Africa/Lubumbashi\"\nlanguages = [\"en\", \"fr\"]\n\
         emergency_number = \"112\"\n\
         [public]\nlisten = \"127.0.0.1:{port}\"\n\
         [whatsapp]\nbase_url = \"{graph}\"\nphone_number_id = \"{PHONE_NUMBER_ID}\"\n\
         [outbox]\nmessages_per_second = 1000\nin_doubt_seconds = 2\n\
         [flow]\nquiet_ms = 50\n",
        data = folder.display().to_string(),
    );
    Config::parse(&source, &folder.join("healthpost.toml")).unwrap()
}
