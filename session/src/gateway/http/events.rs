//! `/api/events`: what happens, while it happens, as server-sent events.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use futures_util::Stream;
use futures_util::future::{Either, select};
use futures_util::stream::unfold;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use squall_protocol::Millis;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::IntoParams;

use super::Api;
use super::body::Asks;
use super::problem::{Kind, Problem};
use crate::gateway::Operator;
use crate::gateway::events::Told;

/// From where on, and how long.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Range {
    /// Tells what comes after the event of this number, 0 for everything that is kept; by default what happens from now
    /// on, or after `Last-Event-ID`.
    since: Option<u64>,
    /// Whether to wait for more once everything is told.
    #[serde(default = "yes")]
    #[param(required = false)]
    follow: bool,
}

fn yes() -> bool {
    true
}

/// Tells what happens to every organization, an `Event` each: the last 2,048 are kept. A reader that is too slow is told
/// how many it missed, as an event `gap`.
#[utoipa::path(
    get, path = "/api/events",
    params(
        Range,
        ("last-event-id" = Option<u64>, Header, description = "What a reader saw last")
    ),
    responses((status = 200, body = String, content_type = "text/event-stream"), Problem)
)]
pub(super) async fn stream(
    State(api): State<Api>,
    headers: HeaderMap,
    Asks(range): Asks<Range>,
) -> Result<Response, Problem> {
    let place = Arc::clone(&api.readers).try_acquire_owned();
    let place = place.map_err(|_| {
        Problem::new(
            Kind::TooManyReaders,
            format!("{READERS} read the events already; one of them must end first"),
        )
    })?;
    let last = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok())
        .and_then(|id| id.parse().ok());
    let reader = Reader {
        seen: range
            .since
            .or(last)
            .unwrap_or_else(|| api.operator.events().written()),
        operator: api.operator,
        follow: range.follow,
        greeted: false,
        _place: place,
    };
    let mut response = Response::new(Body::from_stream(reader.run()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// One who reads. It holds what it saw last, and no event.
struct Reader {
    operator: Arc<dyn Operator>,
    seen: u64,
    follow: bool,
    /// Whether the head of the answer was pushed out by a first word.
    greeted: bool,
    _place: OwnedSemaphorePermit,
}

impl Reader {
    fn run(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        unfold(self, |mut reader| async move {
            let text = reader.next().await?;
            Some((Ok(Bytes::from(text)), reader))
        })
    }

    /// What is to be written next; nothing at the end.
    async fn next(&mut self) -> Option<String> {
        if !self.greeted {
            self.greeted = true;
            return Some(": squall\n\n".to_owned());
        }
        let events = self.operator.events();
        loop {
            let more = pin!(events.more());
            let told = events.after(&mut self.seen, AT_ONCE);
            if !told.is_empty() {
                return Some(told.iter().map(written).collect());
            }
            if !self.follow || events.is_over() {
                return None;
            }
            // A reader that has gone is noticed by writing to it.
            if let Either::Right(_) = select(more, self.operator.after(BEAT)).await {
                return Some(": nothing happens\n\n".to_owned());
            }
        }
    }
}

fn written(told: &Told) -> String {
    match told {
        Told::Entry(entry) => {
            let json = serde_json::to_string(entry).expect("an event is made of texts and numbers");
            format!("id: {}\ndata: {json}\n\n", entry.seq)
        }
        Told::Gap(missed) => format!("event: gap\ndata: {{\"missed\":{missed}}}\n\n"),
    }
}

/// So many read at a time: each keeps a connection, and others need theirs.
pub(super) const READERS: usize = 64;
/// So many events are written in one piece.
const AT_ONCE: usize = 64;
/// A stream that is silent for so long says so.
const BEAT: Millis = Millis::from_secs(15);
