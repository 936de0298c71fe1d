//! Bodies of requests: small, in time, and read to the last field.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use squall_protocol::Millis;

use super::MockServer;
use super::hint::explained;
use super::problem::{Kind, Problem};

/// A JSON value; unknown fields are refused by its type.
#[derive(Debug)]
pub(super) struct Json<T>(pub(super) T);

/// A text, whatever its Content-Type says: `curl -d` calls it a form.
#[derive(Debug)]
pub(super) struct Text(pub(super) String);

impl<T: DeserializeOwned> FromRequest<MockServer> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, server: &MockServer) -> Result<Self, Problem> {
        expect_json(request.headers())?;
        let bytes = read(request.into_body(), server).await?;
        parse(&bytes).map(Self)
    }
}

impl FromRequest<MockServer> for Text {
    type Rejection = Problem;

    async fn from_request(request: Request, server: &MockServer) -> Result<Self, Problem> {
        let bytes = read(request.into_body(), server).await?;
        let text = String::from_utf8(bytes.into())
            .map_err(|_| Problem::new(Kind::InvalidBody, "the body is no text in UTF-8"))?;
        Ok(Self(text))
    }
}

fn expect_json(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim();
    if given.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let given = match given {
        "" => "it has no Content-Type".to_owned(),
        given => format!("it is {given}"),
    };
    Err(Problem::new(
        Kind::UnsupportedMediaType,
        format!("the body must be application/json, and {given}"),
    ))
}

/// The whole body.
async fn read(body: Body, server: &MockServer) -> Result<axum::body::Bytes, Problem> {
    let world = &server.0.world;
    let too_slow = world.sleep_until(world.now().mono + PATIENCE);
    tokio::select! {
        biased;
        bytes = to_bytes(body, LIMIT) => bytes.map_err(|_| {
            Problem::new(Kind::TooLarge, format!("a body here has at most {LIMIT} bytes"))
        }),
        () = too_slow => Err(Problem::new(
            Kind::TooSlow,
            format!("the body was not here after {} s", PATIENCE.get() / 1_000),
        )),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut text = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut text).map_err(|error| {
        let path = error.path().to_string();
        // Two faults in the place of one are JSON, and serde calls them a slip of syntax.
        let meaning = serde_json::from_slice(bytes)
            .ok()
            .and_then(|value: serde_json::Value| T::deserialize(value).err());
        match meaning {
            Some(error) if error.is_data() => refusal(&path, &error),
            _ => refusal(&path, &error.into_inner()),
        }
    })?;
    text.end().map_err(|error| refusal("", &error))?;
    Ok(value)
}

fn refusal(path: &str, error: &serde_json::Error) -> Problem {
    match error.classify() {
        Category::Data => Problem::new(Kind::InvalidBody, explained(path, &error.to_string())),
        Category::Io | Category::Syntax | Category::Eof => {
            Problem::new(Kind::MalformedJson, error.to_string())
        }
    }
}

/// A fault takes a few hundred bytes.
const LIMIT: usize = 64 << 10;
/// Nobody writes for so long.
const PATIENCE: Millis = Millis::from_secs(10);
