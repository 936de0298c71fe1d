//! The `date` of every answer, from the host's wall clock: hyper would write the system's.

use axum::extract::State;
use axum::response::Response;
use http::HeaderValue;
use http::header::DATE;
use jiff::fmt::rfc2822::DateTimePrinter;

use super::MockServer;

/// Stamps an answer.
pub(super) async fn stamp(State(server): State<MockServer>, mut response: Response) -> Response {
    let now = server.now().wall;
    // A year beyond 9999 has no HTTP date.
    if let Ok(text) = PRINTER.timestamp_to_rfc9110_string(&now)
        && let Ok(value) = HeaderValue::try_from(text)
    {
        response.headers_mut().insert(DATE, value);
    }
    response
}

static PRINTER: DateTimePrinter = DateTimePrinter::new();
