//! The phone page's server side and the control API under `/simulator`. It
//! shows chats in clear: it must never be mounted outside the demo and tests.

use super::control_types::{Change, Faults, Line, NewPhone, Review, Writing};
use super::events;
use super::media::FileManner;
use super::page;
use super::person::Person;
use super::server::Shared;
use super::world::WorldError;
use crate::core::time::UnixMs;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Json, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

type World = State<Arc<Shared>>;

/// Everything under `/simulator`.
pub fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/simulator", get(page::html))
        .route("/simulator/phone.css", get(page::css))
        .route("/simulator/phone.js", get(page::js))
        .route("/simulator/line", get(line).post(set_line))
        .route("/simulator/waiting", get(waiting))
        .route("/simulator/phones", get(phones).post(add_phone))
        .route("/simulator/phones/{number}", post(change_phone))
        .route(
            "/simulator/phones/{number}/messages",
            get(messages).post(write),
        )
        .route(
            "/simulator/faults",
            get(faults).post(add_fault).delete(clear_faults),
        )
        .route("/simulator/log", get(log))
        .route("/simulator/counts", get(counts))
        .route("/simulator/inject", post(inject))
        .route("/simulator/account", get(account).post(change_account))
        .route("/simulator/templates", get(templates).post(review))
        .route("/simulator/files", post(files))
        .route("/simulator/events", get(events::stream))
        .with_state(shared)
}

/// A refusal, as JSON.
struct Refused(WorldError);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = match self.0 {
            WorldError::NoSuchPhone => StatusCode::NOT_FOUND,
            WorldError::NumberTaken => StatusCode::CONFLICT,
            WorldError::BadNumber
            | WorldError::ClinicsNumber
            | WorldError::TooManyPhones
            | WorldError::NothingToTap
            | WorldError::NoSuchMessage
            | WorldError::NothingSaid
            | WorldError::TooManyFaults => StatusCode::BAD_REQUEST,
        };
        (status, Json(json!({ "error": self.0.to_string() }))).into_response()
    }
}

impl From<WorldError> for Refused {
    fn from(error: WorldError) -> Self {
        Self(error)
    }
}

async fn line(State(shared): World) -> Json<Value> {
    let (up, hears) = shared.look(|world| (world.line_up(), world.hears));
    Json(json!({ "up": up, "webhooks": hears }))
}

async fn set_line(State(shared): World, Json(line): Json<Line>) -> Json<Value> {
    let hears = line.up || line.webhooks;
    shared.change(|world| world.set_stranger(line.stranger));
    shared.set_directions(line.up, hears);
    Json(json!({ "up": line.up, "webhooks": hears }))
}

async fn waiting(State(shared): World) -> Json<Value> {
    Json(json!({ "waiting": shared.waiting().await }))
}

async fn phones(State(shared): World) -> Json<Value> {
    let now = shared.now();
    let list = shared.look(|world| {
        world
            .people()
            .map(|(_, person)| phone_json(person, now))
            .collect::<Vec<_>>()
    });
    Json(json!({ "phones": list }))
}

async fn add_phone(State(shared): World, Json(new): Json<NewPhone>) -> Result<Response, Refused> {
    let now = shared.now();
    let phone = shared.change(|world| {
        let number = world.add_phone(new.into())?;
        let person = world.person(number.digits())?;
        Ok::<_, WorldError>(phone_json(person, now))
    })?;
    Ok((StatusCode::CREATED, Json(phone)).into_response())
}

async fn change_phone(
    State(shared): World,
    Path(number): Path<String>,
    Json(change): Json<Change>,
) -> Result<Json<Value>, Refused> {
    let now = shared.now();
    let phone = shared.change(|world| {
        if let Some(online) = change.online {
            world.set_online(&number, online, now)?;
        }
        if let Some(hidden) = change.hidden {
            world.set_hidden(&number, hidden)?;
        }
        if change.seen {
            world.phone_reads(&number, now)?;
        }
        if change.calls {
            world.phone_calls(&number, now)?;
        }
        if change.new_user_id {
            world.change_user_id(&number, now)?;
        }
        if let Some(to) = &change.number {
            world.change_number(&number, to, now)?;
        }
        let name = change.number.as_deref().unwrap_or(&number);
        Ok::<_, WorldError>(phone_json(world.person(name)?, now))
    })?;
    Ok(Json(phone))
}

async fn messages(
    State(shared): World,
    Path(number): Path<String>,
) -> Result<Json<Vec<Value>>, Refused> {
    let list = shared.look(|world| {
        let person = world.person(&number)?;
        Ok::<_, WorldError>(person.visible().map(|entry| entry.as_json()).collect())
    })?;
    Ok(Json(list))
}

async fn write(
    State(shared): World,
    Path(number): Path<String>,
    Json(writing): Json<Writing>,
) -> Result<Response, Refused> {
    let now = shared.now();
    let said = writing.said()?;
    let reply_to = writing.reply_to.as_deref();
    let id = shared.change(|world| world.phone_writes(&number, &said, reply_to, now))?;
    Ok((StatusCode::CREATED, Json(json!({ "id": id }))).into_response())
}

async fn faults(State(shared): World) -> Json<Value> {
    Json(
        shared.look(
            |world| json!({ "faults": world.faults().standing(), "webhooks": world.disorder() }),
        ),
    )
}

async fn add_fault(
    State(shared): World,
    Json(asked): Json<Faults>,
) -> Result<Json<Value>, Refused> {
    shared.change(|world| {
        if let Some(disorder) = asked.webhooks {
            world.set_disorder(disorder);
        }
        let schedule = asked.schedule;
        let taken = asked
            .fault
            .is_none_or(|fault| world.faults_mut().add_for(asked.to, fault, schedule));
        if taken {
            Ok(())
        } else {
            Err(WorldError::TooManyFaults)
        }
    })?;
    Ok(faults(State(shared)).await)
}

async fn clear_faults(State(shared): World) -> Json<Value> {
    shared.change(|world| {
        world.faults_mut().clear();
        world.set_disorder(super::world::Disorder::default());
    });
    faults(State(shared)).await
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: u64,
}

async fn log(State(shared): World, Query(query): Query<After>) -> Json<Value> {
    Json(shared.look(|world| {
        let sends: Vec<_> = world.sent_after(query.after).collect();
        json!({ "total": world.sends(), "sends": sends })
    }))
}

async fn counts(State(shared): World) -> Json<Value> {
    Json(shared.look(|world| {
        let [made, answered, waiting, given_up] = world.webhook_counts();
        let asked: Vec<i64> = world.asked().map(|at| at.0).collect();
        json!({
            "accepted": world.sends(),
            "refused": world.refused(),
            "asked_at_ms": asked,
            "webhooks": {
                "made": made,
                "answered": answered,
                "waiting": waiting,
                "given_up": given_up,
            },
        })
    }))
}

async fn inject(State(shared): World, body: Bytes) -> StatusCode {
    let now = shared.now();
    shared.change(|world| world.inject(body.to_vec(), now));
    StatusCode::ACCEPTED
}

async fn account(State(shared): World) -> Json<Value> {
    Json(shared.look(|world| json!(world.settings().account)))
}

/// Changes the fields that are named.
async fn change_account(State(shared): World, Json(changes): Json<Value>) -> Response {
    if shared.change(|world| world.change_account(&changes)) {
        account(State(shared)).await.into_response()
    } else {
        StatusCode::BAD_REQUEST.into_response()
    }
}

async fn templates(State(shared): World) -> Json<Value> {
    Json(shared.look(|world| json!(world.settings().templates)))
}

async fn review(State(shared): World, Json(review): Json<Review>) -> Response {
    let now = shared.now();
    let Review {
        name,
        language,
        status,
        reason,
    } = &review;
    if shared.change(|world| world.review_template(name, language, status, reason, now)) {
        templates(State(shared)).await.into_response()
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}

/// Hands files out in this manner from now on.
async fn files(State(shared): World, Json(manner): Json<FileManner>) -> Json<Value> {
    shared.change(|world| world.set_file_manner(manner.clone()));
    Json(json!(manner))
}

fn phone_json(person: &Person, now: UnixMs) -> Value {
    json!({
        "number": person.number.digits(),
        "user_id": person.user_id,
        "username": person.username,
        "name": person.name,
        "hidden": person.hides_number,
        "online": person.online,
        "typing": person.typing_until > now,
        "unread": person.unread(),
    })
}
