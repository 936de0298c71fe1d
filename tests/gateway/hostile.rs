//! Requests that nobody should make: each is refused cleanly, while a session stays up.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use super::process::{Answer, Gateway, KEY, PATIENCE, Server};
use super::{NEW_STORE, directory};

/// As many as a client can hold open, nearly as many as there are places.
const IDLE: usize = 1_000;

/// Whoever is not let in so soon finds no room to wait either.
const MOMENT: Duration = Duration::from_millis(200);

fn raw(gateway: &Gateway, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(&gateway.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // It may answer and close before it has read all of it.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    Answer::of(&String::from_utf8_lossy(&answer))
}

/// The answer to a request of which it reads a part alone: read while the rest is written.
fn refused_early(gateway: &Gateway, request: Vec<u8>) -> Answer {
    let mut stream = TcpStream::connect(&gateway.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut writes = stream.try_clone().unwrap();
    let writing = thread::spawn(move || {
        // It closes before it has read all of it.
        let _ = writes.write_all(&request);
    });
    let mut answer = Vec::new();
    let mut part = [0; 4_096];
    while !answer.ends_with(b"}") {
        let read = stream.read(&mut part).unwrap();
        assert!(
            read > 0,
            "it ended after {}",
            String::from_utf8_lossy(&answer)
        );
        answer.extend_from_slice(&part[..read]);
    }
    drop(stream);
    writing.join().unwrap();
    Answer::of(&String::from_utf8_lossy(&answer))
}

#[test]
fn whatever_is_asked_the_session_stays_up() {
    let directory = directory();
    let at = directory.path();
    fs::write(
        at.join("gateway.yaml"),
        "policy:\n  active_ping: { interval: 300ms }\n  limiter: { delay: 200ms }\n",
    )
    .unwrap();
    let server = Server::start(&[], at);
    let gateway = Gateway::start(&server, &NEW_STORE, at);
    assert_eq!(gateway.start_session("2").status, 202);
    gateway.state("awaiting_qr_scan");
    let shown = gateway.get_unheard("/api/qr/2?format=json");
    server.scan(shown.body["qr"].as_str().unwrap());
    gateway.state("connected");

    let key = format!("x-api-key: {KEY}\r\n");
    let end = "host: x\r\nconnection: close\r\n\r\n";
    for (head, status) in [
        (format!("GET /api/status HTTP/1.1\r\n{end}"), 401),
        (
            format!(
                "GET /api/status HTTP/1.1\r\nx-api-key: {}\r\n{end}",
                KEY.to_uppercase()
            ),
            401,
        ),
        (
            format!("GET /api/status/../../etc/passwd HTTP/1.1\r\n{key}{end}"),
            404,
        ),
        (
            format!("GET /api/docs/..%2f..%2fetc%2fpasswd HTTP/1.1\r\n{end}"),
            404,
        ),
        (format!("GET //api/status HTTP/1.1\r\n{end}"), 401),
        (
            format!("GET /api/status/%ff%fe HTTP/1.1\r\n{key}{end}"),
            400,
        ),
        (
            format!("GET /api/qr/%c0%af?format=json HTTP/1.1\r\n{key}{end}"),
            400,
        ),
        (format!("TRACE /api/status HTTP/1.1\r\n{key}{end}"), 405),
        (format!("GET /api/status HTTP/9.9\r\n{key}{end}"), 400),
        ("\0\u{1}\u{2} nonsense\r\n\r\n".to_owned(), 400),
    ] {
        let answer = raw(&gateway, head.as_bytes());
        assert_eq!(answer.status, status, "{head:?}: {answer:?}");
        assert!(!answer.text.contains(KEY));
    }
    let mut name = format!(
        "POST /api/start-session HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 26\r\n{key}{end}"
    )
    .into_bytes();
    name.extend(b"{\"organization_id\":\"\xff\xfe\xfd..\"}");
    assert_eq!(raw(&gateway, &name).status, 400);
    let large = 10 << 20;
    let mut large_body = format!(
        "POST /api/start-session HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: {large}\r\n{key}{end}"
    )
    .into_bytes();
    large_body.resize(large_body.len() + large, b' ');
    let refused = refused_early(&gateway, large_body);
    assert!(
        refused.head.contains("application/problem+json"),
        "{refused:?}"
    );
    assert_eq!(
        (refused.status, &refused.body["type"]),
        (413, &"urn:squall:too-large".into())
    );

    let idle: Vec<_> = (0..IDLE)
        .map(|_| TcpStream::connect(&gateway.address).unwrap())
        .collect();
    let mut slow = TcpStream::connect(&gateway.address).unwrap();
    slow.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "POST /api/start-session HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 99\r\n{key}{end}"
    );
    slow.write_all(head.as_bytes()).unwrap();
    slow.write_all(b"{\"organi").unwrap();
    assert_eq!(gateway.get("/api/status/2").body["connected"], true);
    gateway
        .process
        .line(|line| line["event"] == "keep_alive_ok");
    let mut late = String::new();
    slow.read_to_string(&mut late).unwrap();
    assert!(late.starts_with("HTTP/1.1 408"), "{late}");
    drop(idle);
    let status = gateway.get("/api/status").body;
    let organizations = status["organizations"].as_array().unwrap();
    assert_eq!(organizations.len(), 1, "nothing else was started: {status}");
    assert_eq!(organizations[0]["status"], "connected");
    assert_eq!(gateway.process.terminate(), Some(0));
}

/// Where a process may open few files, those who only keep a connection to the API open leave enough of them for a dial.
#[test]
fn idle_clients_cost_nobody_an_attempt() {
    // The one it begins with, and the one that it may raise it to.
    for (soft, hard) in [(256, 4_096), (256, 256)] {
        let directory = directory();
        let at = directory.path();
        fs::write(
            at.join("gateway.yaml"),
            "policy:\n  limiter: { delay: 1s }\n",
        )
        .unwrap();
        let server = Server::start(&[], at);
        let limits = format!("ulimit -Sn {soft}; ulimit -Hn {hard}");
        let gateway = Gateway::under(&limits, &server, &NEW_STORE, at);
        assert_eq!(gateway.start_session("2").status, 202);
        // As many as get a place, or can wait for one.
        let address = gateway.address.parse().unwrap();
        let idle: Vec<_> = (0..IDLE)
            .map_while(|_| TcpStream::connect_timeout(&address, MOMENT).ok())
            .collect();
        gateway.state("awaiting_qr_scan");
        drop(idle);
        assert_eq!(gateway.process.terminate(), Some(0));
    }
}
