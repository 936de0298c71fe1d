//! One request to a server's control API.

use std::io;
use std::time::Duration;

use serde_json::Value;

/// How to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
    Delete,
}

/// Why there is no answer to show.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error(
        "--server {0}: not an address like http://127.0.0.1:8080; `squall` speaks plain HTTP to a server's control API"
    )]
    Address(String),
    #[error(
        "nobody listens at {0}; start a server with `squall serve`, or name another one with --server"
    )]
    NobodyListens(String),
    #[error("{0} does not answer: {1}")]
    Silent(String, String),
    #[error("{0} is no server of Squall's, or has no control API: it answered {1}")]
    Stranger(String, u16),
    #[error("{0}")]
    Problem(String),
    #[error("the server wants a token: pass --token, or set SQUALL_TOKEN")]
    Token,
}

/// Who asks.
pub(super) struct Client {
    agent: ureq::Agent,
    server: String,
    token: Option<String>,
}

impl Client {
    /// Asks this server.
    pub(super) fn new(server: &str, token: Option<String>) -> Result<Self, Refusal> {
        let server = server.trim_end_matches('/');
        let authority = server.strip_prefix("http://").unwrap_or_default();
        if authority.is_empty() || authority.contains(['/', '?', '#', '@', ' ']) {
            return Err(Refusal::Address(server.to_owned()));
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            // The server is on this machine, whatever leads out of it.
            .proxy(None)
            .build();
        Ok(Self {
            agent: config.new_agent(),
            server: server.to_owned(),
            token,
        })
    }

    /// What the server answers; nothing where it says nothing.
    pub(super) fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Refusal> {
        let url = format!("{}{path}", self.server);
        let bearer = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let request = http::Request::builder()
            .method(match method {
                Method::Get => http::Method::GET,
                Method::Post => http::Method::POST,
                Method::Delete => http::Method::DELETE,
            })
            .uri(&url);
        let request = match &bearer {
            Some(bearer) => request.header(http::header::AUTHORIZATION, bearer),
            None => request,
        };
        let request = match body {
            Some(_) => request.header(http::header::CONTENT_TYPE, "application/json"),
            None => request,
        };
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request
            .body(body)
            .map_err(|_| Refusal::Address(self.server.clone()))?;
        let mut response = self
            .agent
            .run(request)
            .map_err(|error| self.silent(&error))?;
        let status = response.status();
        let text = response
            .body_mut()
            .read_to_string()
            .map_err(|error| self.silent(&error))?;
        if status == http::StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        let answer: Option<Value> = serde_json::from_str(&text).ok();
        match answer {
            Some(answer) if status.is_success() => Ok(answer),
            Some(problem) if problem["type"] == "urn:squall:token-needed" => Err(match bearer {
                None => Refusal::Token,
                Some(_) => Refusal::Problem("that is not the server's token".to_owned()),
            }),
            Some(problem) if problem["detail"].is_string() => {
                let detail = problem["detail"].as_str().unwrap_or_default();
                Err(Refusal::Problem(detail.to_owned()))
            }
            _ => Err(Refusal::Stranger(self.server.clone(), status.as_u16())),
        }
    }

    fn silent(&self, error: &ureq::Error) -> Refusal {
        match error {
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Refusal::NobodyListens(self.server.clone())
            }
            error => Refusal::Silent(self.server.clone(), error.to_string()),
        }
    }
}

/// The server answers from memory.
const PATIENCE: Duration = Duration::from_secs(10);
