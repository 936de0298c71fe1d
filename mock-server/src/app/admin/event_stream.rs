//! `/admin/events`: what happens at the server, while it happens, as SSE or as JSON lines.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use futures_util::Stream;
use futures_util::stream::unfold;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use squall_protocol::Millis;
use utoipa::IntoParams;

use super::events::{Entry, Told};
use super::parameters::Asked;
use super::problem::{Kind, Problem};
use super::{Controlled, MockServer};

/// From where on, and how long.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Range {
    /// Tells what comes after the event of this number, 0 for everything that is kept; by default what happens from now
    /// on. `Last-Event-ID` goes first: a reader that comes back has seen what it says.
    since: Option<u64>,
    /// Whether to wait for more once everything is told.
    #[serde(default = "yes")]
    #[param(required = false)]
    follow: bool,
}

fn yes() -> bool {
    true
}

/// Tells the server's events: as `text/event-stream`, or as `application/x-ndjson`, a JSON value a line. A reader that is
/// too slow is told how many events it missed: `{"gap": {"missed": 12}}`.
#[utoipa::path(
    get,
    path = "/admin/events",
    params(
        Range,
        ("last-event-id" = Option<u64>, Header, description = "What a reader of SSE saw last")
    ),
    responses(
        (status = 200, content((String = "text/event-stream"), (String = "application/x-ndjson"))),
        Problem
    )
)]
pub(super) async fn stream(
    server: State<MockServer>,
    headers: HeaderMap,
    Asked(range): Asked<Range>,
) -> Result<Response, Problem> {
    let form = Form::accepted(&headers)?;
    let last = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok())
        .and_then(|id| id.parse().ok());
    let written = server.control().log.written();
    let seen = last.or(range.since).unwrap_or(written);
    let reader = Reader {
        server,
        form,
        seen,
        follow: range.follow,
        greeted: false,
    };
    let mut response = Response::new(Body::from_stream(reader.run()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(form.media_type()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Sse,
    Lines,
}

impl Form {
    /// The first of the client's that is known; lines for whoever takes anything.
    fn accepted(headers: &HeaderMap) -> Result<Self, Problem> {
        let accept = headers
            .get(ACCEPT)
            .map_or(Ok("*/*"), |value| value.to_str());
        let known = accept.ok().and_then(|accept| {
            accept.split(',').find_map(|part| {
                match part.split(';').next().unwrap_or_default().trim() {
                    "text/event-stream" | "text/*" => Some(Self::Sse),
                    "application/x-ndjson" | "application/jsonl" | "application/*" | "*/*" => {
                        Some(Self::Lines)
                    }
                    _ => None,
                }
            })
        });
        known.ok_or_else(|| {
            Problem::new(
                Kind::NotAcceptable,
                "events are told as text/event-stream or as application/x-ndjson",
            )
        })
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Sse => "text/event-stream",
            Self::Lines => "application/x-ndjson",
        }
    }

    fn write(self, told: &Told, text: &mut String) {
        let json = match told {
            Told::Entry(entry) => serde_json::to_string(entry),
            Told::Gap(missed) => Ok(format!(r#"{{"gap":{{"missed":{missed}}}}}"#)),
        }
        .expect("an event is made of texts and numbers");
        match (self, told) {
            (Self::Lines, _) => text.push_str(&format!("{json}\n")),
            (Self::Sse, Told::Gap(_)) => text.push_str(&format!("event: gap\ndata: {json}\n\n")),
            (Self::Sse, Told::Entry(Entry { seq, .. })) => {
                text.push_str(&format!("id: {seq}\ndata: {json}\n\n"));
            }
        }
    }
}

/// One who reads.
struct Reader {
    server: State<MockServer>,
    form: Form,
    seen: u64,
    follow: bool,
    /// Whether the head of the answer was pushed out by a first word.
    greeted: bool,
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
        if self.form == Form::Sse && !self.greeted {
            self.greeted = true;
            return Some(": squall\n\n".to_owned());
        }
        let server = self.server.0.clone();
        let control = self.server.control();
        loop {
            let more = control.log.more();
            let told = control.log.after(&mut self.seen, AT_ONCE);
            if !told.is_empty() {
                let mut text = String::new();
                told.iter().for_each(|it| self.form.write(it, &mut text));
                return Some(text);
            }
            if !self.follow {
                return None;
            }
            let silence = server.0.world.sleep_until(server.now().mono + BEAT);
            tokio::select! {
                biased;
                () = more => {}
                // A reader that has gone is noticed by writing to it.
                () = silence => return Some(self.form.beat().to_owned()),
            }
        }
    }
}

impl Form {
    /// What says nothing.
    const fn beat(self) -> &'static str {
        match self {
            Self::Sse => ": nothing happens\n\n",
            Self::Lines => "\n",
        }
    }
}

/// So many events are written in one piece.
const AT_ONCE: usize = 64;
/// A stream that is silent for so long says so.
const BEAT: Millis = Millis::from_secs(15);
