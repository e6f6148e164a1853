//! The control API under `/simulator`, as the simulated Meta's, as far as it
//! has it. It shows chats in clear: only tests mount it.

use super::account::UltraStanding;
use super::server::Shared;
use axum::Router;
use axum::extract::{Json, Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

type World = State<Arc<Shared>>;

/// Everything under `/simulator`.
pub fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/simulator/line", get(line).post(set_line))
        .route("/simulator/account", post(set_account))
        .route("/simulator/faults", post(add_fault))
        .route("/simulator/log", get(log))
        .route("/simulator/phones/{name}", post(set_phone))
        .route(
            "/simulator/phones/{name}/messages",
            get(messages).post(write),
        )
        .with_state(shared)
}

#[derive(Deserialize)]
struct LineSwitch {
    up: bool,
}

#[derive(Deserialize)]
struct Account {
    status: Option<String>,
    callback_url: Option<String>,
    send_delay_ms: Option<i64>,
}

#[derive(Deserialize)]
struct Phone {
    on: bool,
}

#[derive(Deserialize)]
struct Writing {
    text: String,
}

async fn line(State(shared): World) -> Json<Value> {
    Json(json!({ "up": shared.line_up() }))
}

async fn set_line(State(shared): World, Json(line): Json<LineSwitch>) -> Json<Value> {
    shared.set_line(line.up);
    Json(json!({ "up": line.up }))
}

async fn set_account(State(shared): World, Json(account): Json<Account>) -> Json<Value> {
    shared.change(|world| {
        if let Some(status) = &account.status {
            world.set_account(status);
        }
        if let Some(url) = &account.callback_url {
            world.set_callback_url(url);
        }
        if let Some(ms) = account.send_delay_ms {
            world.set_send_delay(ms);
        }
    });
    Json(json!({ "done": true }))
}

async fn add_fault(State(shared): World, Json(standing): Json<UltraStanding>) -> StatusCode {
    if shared.change(|world| world.add_fault(standing)) {
        StatusCode::CREATED
    } else {
        StatusCode::BAD_REQUEST
    }
}

async fn log(State(shared): World) -> Json<Value> {
    let sends = shared.change(|world| {
        let rows = world.taken().iter();
        rows.map(super::queue::Queued::row).collect::<Vec<_>>()
    });
    Json(json!({ "sends": sends }))
}

async fn set_phone(
    State(shared): World,
    Path(name): Path<String>,
    Json(phone): Json<Phone>,
) -> Json<Value> {
    shared.change(|world| world.set_phone(&name, phone.on));
    Json(json!({ "done": true }))
}

async fn messages(State(shared): World, Path(name): Path<String>) -> Json<Vec<Value>> {
    Json(shared.change(|world| world.chat(&name).to_vec()))
}

async fn write(
    State(shared): World,
    Path(name): Path<String>,
    Json(writing): Json<Writing>,
) -> (StatusCode, Json<Value>) {
    let now = shared.now();
    let id = shared.change(|world| {
        if name.ends_with("@g.us") || name.ends_with("@broadcast") {
            world.crowd_writes(&name, &writing.text, now);
            String::new()
        } else {
            world.phone_writes(&name, &writing.text, now)
        }
    });
    (StatusCode::CREATED, Json(json!({ "id": id })))
}
