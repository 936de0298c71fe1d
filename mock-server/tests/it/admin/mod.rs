//! The control API, asked over HTTP. Every answer in JSON is held to the API's own document.

mod accounts;
mod connections;
mod document;
mod events;
mod faults;
mod guard;
mod refusals;

use crate::host::{self, Client, Host};
use serde_json::{Value, json};
use squall_mock_server::app::Access;
use squall_protocol::pairing::Device;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// An answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// The kind of problem that it tells.
    #[track_caller]
    fn problem(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        assert_eq!(self.json()["status"], self.status, "{self:?}");
        self.json()["type"].as_str().unwrap().to_owned()
    }

    fn detail(&self) -> String {
        self.json()["detail"].as_str().unwrap().to_owned()
    }
}

/// Runs a test with a host that anybody on this machine may control.
fn open<F: Future<Output = ()>>(test: impl FnOnce(Host) -> F) {
    host::controlled(Access::default(), test);
}

/// Sends a request as it is written and reads the whole answer.
async fn raw(host: &Host, request: &str) -> Answer {
    let mut stream = host.unannounced();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).unwrap_or_default();
    Answer {
        status: status.parse().unwrap_or_else(|_| panic!("{answer}")),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// Asks with these headers and this body.
async fn ask_with(host: &Host, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    );
    let answer = raw(host, &request).await;
    document::holds(method, path, &answer);
    answer
}

/// Asks as a well-behaved client does.
async fn ask(host: &Host, method: &str, path: &str, body: Value) -> Answer {
    let (kind, body) = match body {
        Value::Null => ("", String::new()),
        Value::String(text) => ("content-type: text/plain\r\n", text),
        body => ("content-type: application/json\r\n", body.to_string()),
    };
    let headers = format!("host: localhost:8080\r\n{kind}");
    ask_with(host, method, path, &headers, &body).await
}

async fn get(host: &Host, path: &str) -> Value {
    let answer = ask(host, "GET", path, Value::Null).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// A client that is logged in, with what the server said at first already taken.
async fn logged_in(host: &Host, device: &Device) -> Client {
    let mut client = Client::secured(host, device).await;
    while client.stanza().await.find("offline").is_none() {}
    client
}

/// Shows that the connection of this client goes on.
async fn is_undisturbed(client: &mut Client) {
    client.send(&crate::app::ping("still here")).await;
    let mut answer = client.stanza().await;
    // What the phone writes to a new companion.
    while answer.tag == "message" {
        answer = client.stanza().await;
    }
    assert_eq!(answer.get("id"), Some("still here"), "{answer}");
}

/// A client that waits to be paired, and its QR code's text.
async fn registering(host: &Host, device: &Device) -> (Client, String) {
    let mut client = Client::secured(host, device).await;
    let request = client.stanza().await;
    client.answer(&request, None).await;
    let reference = &request.find("pair-device").unwrap().children()[0];
    let reference = std::str::from_utf8(reference.content_bytes().unwrap()).unwrap();
    (client, squall_protocol::pairing::qr_text(device, reference))
}

/// A fault that every message would show.
fn eof() -> Value {
    json!({"fault": {"eof": {}}})
}
