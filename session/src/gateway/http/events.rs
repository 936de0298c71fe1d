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
use crate::gateway::events::{Place, Told, What};

/// From where on, and how long.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Range {
    /// Tells what comes after the event of this number or id, 0 for everything that is kept; by default what happens from
    /// now on. `Last-Event-ID`, by which a reader goes on, goes before it.
    #[param(value_type = Option<String>, pattern = "^([0-9]{1,18}-)?[0-9]{1,18}$")]
    since: Option<Since>,
    /// Whether to wait for more once everything is told.
    #[serde(default = "yes")]
    #[param(required = false)]
    follow: bool,
}

/// A place, as a query writes it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Since(Place);

impl TryFrom<String> for Since {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

fn yes() -> bool {
    true
}

/// Tells what happens to every organization, an `Event` each: the last 2,048 are kept. A reader that is too slow, or that
/// goes on after a restart of the gateway, is told so by an event `gap`, a `Gap`.
#[utoipa::path(
    get, path = "/api/events",
    params(
        Range,
        ("last-event-id" = Option<String>, Header, description = "The id of the event that a reader saw last")
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
    let since = range.since.map(|Since(place)| place);
    let reader = Reader {
        seen: last_seen(&headers)
            .or(since)
            .unwrap_or_else(|| api.operator.events().last()),
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

/// What a reader saw that goes on. An id that none of ours is like is of another process, as one of an earlier version.
fn last_seen(headers: &HeaderMap) -> Option<Place> {
    let id = headers.get("last-event-id")?.to_str().unwrap_or("");
    let place = id.parse().ok();
    Some(
        place
            .filter(|place: &Place| place.life.is_some())
            .unwrap_or(NOBODYS),
    )
}

/// Of no process that ever was.
const NOBODYS: Place = Place {
    life: Some(i64::MIN),
    seq: 0,
};

/// One who reads. It holds what it saw last, and no event.
struct Reader {
    operator: Arc<dyn Operator>,
    seen: Place,
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
    let (event, json) = match &told.what {
        What::Entry(entry) => ("", serde_json::to_string(entry)),
        What::Gap(gap) => ("event: gap\n", serde_json::to_string(gap)),
    };
    let json = json.expect("it is made of texts and numbers");
    format!("id: {}\n{event}data: {json}\n\n", told.place)
}

/// So many read at a time: each keeps a connection, and others need theirs.
pub(super) const READERS: usize = 64;
/// So many events are written in one piece.
const AT_ONCE: usize = 64;
/// A stream that is silent for so long says so.
const BEAT: Millis = Millis::from_secs(15);
