//! The gateway's HTTP API, as an operator in the same process asks it: every request is a real one, answered by the real
//! app, and only the socket between them is left out.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use futures_util::FutureExt as _;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, Request, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::engine::recorder::Recorder;
use crate::trace::{Answered, Limits, Page, Shown, Verdict};
use crate::words::Denial;

/// The app, and the key to it.
#[derive(Clone)]
pub(super) struct Api {
    app: Router,
    recorder: Arc<Recorder>,
    key: HeaderValue,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// What was asked for: method and path.
    asked: String,
    pub(super) status: StatusCode,
    /// In seconds.
    pub(super) retry_after: Option<u64>,
    pub(super) body: Value,
}

impl Api {
    pub(super) fn new(app: Router, key: &str, recorder: &Arc<Recorder>) -> Self {
        let key = HeaderValue::from_str(key).expect("a key that the app takes is visible ASCII");
        let recorder = Arc::clone(recorder);
        Self { app, recorder, key }
    }

    /// Asks for a page.
    pub(super) fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, Body::empty())
    }

    /// Asks for something to be done for an organization.
    pub(super) fn post(&self, path: &str, org: &str) -> Answer {
        let body = json!({ "organization_id": org }).to_string();
        self.ask(Method::POST, path, Body::from(body))
    }

    fn ask(&self, method: Method, path: &str, body: Body) -> Answer {
        let asked = format!("{method} {path}");
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("x-api-key", &self.key)
            .header(CONTENT_TYPE, "application/json")
            .body(body)
            .expect("a path of ours is one");
        let app = self.app.clone();
        let answered = async move {
            let response = match app.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            let (head, body) = response.into_parts();
            (head, to_bytes(body, usize::MAX).await)
        };
        // It has its whole request at once, and nothing in it waits: no time passes between a request and its answer.
        let (head, body) = answered
            .now_or_never()
            .unwrap_or_else(|| panic!("{asked}: the app waits for something, which it must not"));
        let body = body.unwrap_or_else(|error| panic!("{asked}: no whole answer: {error}"));
        // The code is a secret, and is shown to be seen.
        if !asked.starts_with("GET /api/qr/") {
            self.recorder.search(&asked, &body);
        }
        let seconds = head.headers.get(RETRY_AFTER);
        Answer {
            status: head.status,
            retry_after: seconds.and_then(|value| value.to_str().ok()?.parse().ok()),
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
            asked,
        }
    }
}

/// The name of an organization, as a part of a path or of a query.
pub(super) fn in_path(org: &str) -> String {
    utf8_percent_encode(org, NON_ALPHANUMERIC).to_string()
}

impl Answer {
    /// The answer to a start-session, in the words of the trace.
    pub(super) fn verdict(&self) -> Verdict {
        if self.status == StatusCode::ACCEPTED {
            let attempt = self.body["attempt_id"].as_u64();
            return Verdict::Granted {
                attempt: attempt.unwrap_or_else(|| self.is_odd()),
            };
        }
        let cause = denial(&self.body["cause"]).unwrap_or_else(|| self.is_odd());
        let of_cause = match cause {
            Denial::StoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Denial::AlreadyActive => StatusCode::CONFLICT,
            Denial::Global | Denial::PerOrg | Denial::Cooldown | Denial::Block => {
                StatusCode::TOO_MANY_REQUESTS
            }
        };
        if self.status != of_cause {
            self.is_odd()
        }
        let also = self.body["also"].as_array();
        let also = also.map(|also| also.iter().map(denial).collect::<Option<Vec<_>>>());
        Verdict::Denied {
            cause,
            also: also.flatten().unwrap_or_else(|| self.is_odd()),
            retry_at: self.instant(&self.body, "retry_at"),
        }
    }

    /// An instant of an object in milliseconds of the Unix epoch, where it has one of this name.
    fn instant(&self, of: &Value, name: &str) -> Option<i64> {
        let text = of[name].as_str()?;
        let instant: jiff::Timestamp = text.parse().unwrap_or_else(|_| self.is_odd());
        Some(instant.as_millisecond())
    }

    /// The app gave an answer that its own document does not know.
    pub(super) fn is_odd(&self) -> ! {
        panic!(
            "{} was answered {} with {}: no answer that the API's document knows",
            self.asked, self.status, self.body
        )
    }
}

impl Answer {
    /// One page, as the trace keeps it.
    fn page(&self, of: &Value) -> Page {
        let word = |name: &str| of[name].clone();
        Page {
            state: serde_json::from_value(word("status")).unwrap_or_else(|_| self.is_odd()),
            connected: of["connected"].as_bool().unwrap_or_else(|| self.is_odd()),
            blocked_until: self.instant(of, "blocked_until"),
            reason: serde_json::from_value(word("disconnect_reason"))
                .unwrap_or_else(|_| self.is_odd()),
            ended: self.instant(of, "disconnected_at"),
            last_connected: self.instant(of, "last_connected"),
            last_activity: of["last_activity"].as_i64(),
            needs_pairing: of["needs_pairing"]
                .as_bool()
                .unwrap_or_else(|| self.is_odd()),
        }
    }

    fn limits(&self) -> Option<Limits> {
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            return None;
        }
        let refused_by = self.body["refused_by"].as_array();
        let refused_by = refused_by.and_then(|rules| rules.iter().map(denial).collect());
        Some(Limits {
            can_connect: self.body["can_connect"]
                .as_bool()
                .unwrap_or_else(|| self.is_odd()),
            refused_by: refused_by.unwrap_or_else(|| self.is_odd()),
            retry_at: self.instant(&self.body, "retry_at"),
        })
    }
}

impl Api {
    /// The page that lists every organization.
    pub(super) fn all(&self) -> Answer {
        self.get("/api/status")
    }

    /// What every page shows of an organization now, `all` among them; after this answer to a start if one was just asked
    /// for.
    pub(super) fn shows(&self, org: &str, all: &Answer, answered: Option<&Answer>) -> Shown {
        let one = self.get(&format!("/api/status/{}", in_path(org)));
        let listed = all.body["organizations"].as_array();
        let own = |page: &&Value| page["organization_id"] == org;
        let listed = listed.unwrap_or_else(|| all.is_odd()).iter().find(own);
        let path = format!("/api/rate-limit-status?organization_id={}", in_path(org));
        Shown {
            one: (one.status != StatusCode::NOT_FOUND).then(|| one.page(&one.body)),
            all: listed.map(|page| all.page(page)),
            limits: self.get(&path).limits(),
            answered: answered.map(|answer| Answered {
                status: answer.status.as_u16(),
                retry_after: answer.retry_after,
            }),
        }
    }
}

/// A denial by its name.
fn denial(name: &Value) -> Option<Denial> {
    serde_json::from_value(name.clone()).ok()
}
