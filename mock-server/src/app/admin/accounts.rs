//! `/admin/accounts`: phone numbers, their companions, and what is done to them.

use axum::extract::{Path, State};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use squall_protocol::{Millis, Now};
use utoipa::ToSchema;

use super::body::Json;
use super::parameters::number;
use super::problem::{Kind, Problem};
use super::{Controlled, MockServer, told};
use crate::id::ConnectionId;
use crate::server::{AccountState, Ban, Paired};

/// An account.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Account {
    /// Its name.
    name: String,
    /// Its phone number.
    phone: String,
    /// Its companions.
    devices: Vec<Device>,
    /// The ban that stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    banned: Option<Banned>,
    /// When the penalty ends that the guard gave it for dialing too often.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    penalty_until: Option<Timestamp>,
}

/// A companion.
#[derive(Debug, Serialize, ToSchema)]
struct Device {
    /// Its number.
    device: u32,
    /// Its name in stanzas.
    jid: String,
    /// Its other name in stanzas.
    lid: String,
    /// The connection on which it is logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<u64>,
}

/// A ban that stands.
#[derive(Debug, Serialize, ToSchema)]
struct Banned {
    /// Until when; without it for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

/// The accounts.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Accounts {
    accounts: Vec<Account>,
}

/// A ban to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBan {
    /// How long, as in `2h`; without it for ever.
    #[serde(default, rename = "for")]
    #[schema(value_type = Option<String>, example = "2h")]
    lasts: Option<Millis>,
}

/// A pairing without a phone.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPairing {
    /// The client's ADV secret: 32 bytes in base64, as the last part of its QR code but the platform says it.
    adv_secret: String,
    /// The connection; without it the only one that waits to be paired.
    #[serde(default)]
    connection: Option<u64>,
}

/// A connection that is paired with an account.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Pairing {
    /// The connection.
    pub(super) connection: u64,
    /// The account.
    pub(super) account: String,
}

/// Lists the accounts by name.
#[utoipa::path(get, path = "/admin/accounts", responses((status = 200, body = Accounts), Problem))]
pub(super) async fn list(server: State<MockServer>) -> axum::Json<Accounts> {
    let accounts = server.ask(|machine, now| {
        let states = machine.account_states(now).into_iter();
        states.map(|state| account(now, state)).collect()
    });
    axum::Json(Accounts { accounts })
}

/// Shows one account.
#[utoipa::path(
    get,
    path = "/admin/accounts/{name}",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, body = Account), Problem)
)]
pub(super) async fn show(
    server: State<MockServer>,
    Path(name): Path<String>,
) -> Result<axum::Json<Account>, Problem> {
    look(&server, &name).map(axum::Json)
}

/// Makes an account of this name, if there is none.
#[utoipa::path(
    put,
    path = "/admin/accounts/{name}",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, body = Account), Problem)
)]
pub(super) async fn make(
    server: State<MockServer>,
    Path(name): Path<String>,
) -> Result<axum::Json<Account>, Problem> {
    server.create_account(&name, None);
    look(&server, &name).map(axum::Json)
}

/// Pairs a client that waits to be paired with this account, although no phone sees its QR code. The account is made if
/// there is none.
#[utoipa::path(
    post,
    path = "/admin/accounts/{name}/pair",
    params(("name" = String, Path, description = "The account's name")),
    request_body = NewPairing,
    responses((status = 200, body = Pairing), Problem)
)]
pub(super) async fn pair(
    server: State<MockServer>,
    Path(name): Path<String>,
    Json(new): Json<NewPairing>,
) -> Result<axum::Json<Pairing>, Problem> {
    let secret = BASE64_STANDARD.decode(&new.adv_secret).ok();
    let secret = secret.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let secret = secret.ok_or_else(|| {
        Problem::new(Kind::InvalidBody, "adv_secret: expected 32 bytes in base64")
    })?;
    let connection = new.connection.map(ConnectionId);
    let paired =
        server.ask(|machine, now| machine.pair_without_phone(now, &name, connection, &secret));
    let why_not = match paired {
        Paired::Told(ConnectionId(connection)) => {
            return Ok(axum::Json(Pairing {
                connection,
                account: name,
            }));
        }
        Paired::Nobody => "no such connection waits to be paired",
        Paired::Several => "several connections wait to be paired; say which by `connection`",
    };
    Err(Problem::new(Kind::NobodyThere, why_not))
}

/// Removes a device, as the account's phone would: its connection gets `device_removed`.
#[utoipa::path(
    delete,
    path = "/admin/accounts/{name}/devices/{device}",
    params(
        ("name" = String, Path, description = "The account's name"),
        ("device" = u32, Path, description = "The device's number")
    ),
    responses((status = 204), Problem)
)]
pub(super) async fn revoke(
    server: State<MockServer>,
    Path((name, device)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    look(&server, &name)?;
    let device = number(&device, Kind::NoSuchDevice)?;
    let known = u32::try_from(device)
        .is_ok_and(|device| server.ask(|machine, now| machine.revoke_device(now, &name, device)));
    match known {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::new(
            Kind::NoSuchDevice,
            format!("account {name:?} has no device {device}"),
        )),
    }
}

/// Keeps an account out: its connections get a stream error 403, its logins a failure with reason 402 and the seconds
/// that are left, or 403 where the ban has no end.
#[utoipa::path(
    put,
    path = "/admin/accounts/{name}/ban",
    params(("name" = String, Path, description = "The account's name")),
    request_body = NewBan,
    responses((status = 200, body = Account), Problem)
)]
pub(super) async fn ban(
    server: State<MockServer>,
    Path(name): Path<String>,
    Json(new): Json<NewBan>,
) -> Result<axum::Json<Account>, Problem> {
    server.ask(|machine, now| machine.ban(now, &name, new.lasts));
    look(&server, &name).map(axum::Json)
}

/// Lets an account in again.
#[utoipa::path(
    delete,
    path = "/admin/accounts/{name}/ban",
    params(("name" = String, Path, description = "The account's name")),
    responses((status = 204), Problem)
)]
pub(super) async fn lift_ban(
    server: State<MockServer>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    look(&server, &name)?;
    match server.ask(|machine, now| machine.lift_ban(now, &name)) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::new(
            Kind::NobodyThere,
            format!("account {name:?} is not banned"),
        )),
    }
}

fn look(server: &State<MockServer>, name: &str) -> Result<Account, Problem> {
    let state = server.ask(|machine, now| {
        let state = machine.account_state(now, name)?;
        Some(account(now, state))
    });
    state.ok_or_else(|| {
        Problem::new(
            Kind::NoSuchAccount,
            format!("there is no account {name:?}; GET /admin/accounts lists those that there are"),
        )
    })
}

fn account(now: Now, state: AccountState) -> Account {
    let devices = state.devices.into_iter().map(|it| Device {
        device: it.device,
        jid: it.jid,
        lid: it.lid,
        connection: it.connection.map(|it| it.0),
    });
    Account {
        name: state.name.into(),
        phone: state.phone.to_string(),
        devices: devices.collect(),
        banned: state.ban.map(|Ban { until }| Banned {
            until: until.map(|at| told(now, at)),
        }),
        penalty_until: state.penalty_until.map(|at| told(now, at)),
    }
}
