//! `/admin/mock-phone`: a phone to hold to a QR code.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::accounts::Pairing;
use super::body::Text;
use super::parameters::Asked;
use super::problem::{Kind, Problem};
use super::{Controlled, MockServer};
use crate::id::ConnectionId;

/// Whose phone.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Whose {
    /// The account; without it the one that the connection belongs to, or a new one.
    account: Option<String>,
}

/// A phone scans the QR code whose text is the body, at once.
#[utoipa::path(
    post,
    path = "/admin/mock-phone/scan-qr",
    params(Whose),
    request_body(content = String, content_type = "text/plain", description = "What the QR code says"),
    responses((status = 200, body = Pairing), Problem)
)]
pub(super) async fn scan_qr(
    server: State<MockServer>,
    Asked(Whose { account }): Asked<Whose>,
    Text(text): Text,
) -> Result<axum::Json<Pairing>, Problem> {
    let text = text.trim();
    if let Err(error) = squall_protocol::pairing::parse_qr(text) {
        return Err(Problem::new(
            Kind::InvalidBody,
            format!("this is no QR code of a companion: {error}"),
        ));
    }
    let scanned = server.ask(|machine, now| machine.scan_qr(now, text, account.as_deref()));
    match scanned {
        Some((ConnectionId(connection), account)) => Ok(axum::Json(Pairing {
            connection,
            account: account.into(),
        })),
        None => Err(Problem::new(
            Kind::NotScanned,
            "no connection shows this code now: its time is over, it was scanned already, or its client is gone",
        )),
    }
}
