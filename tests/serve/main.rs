//! `squall serve`: the real program, over real sockets.

mod client;
mod elsewhere;
mod server;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Instant;

use assert_cmd::cargo::CommandCargoExt;
use squall_protocol::Node;
use tokio_tungstenite::tungstenite::{Error, Message};

use client::{Client, PATIENCE, connect};
use server::Server;

/// What `squall serve` answers that does not come to serve anything.
fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = Command::cargo_bin("squall")
        .unwrap()
        .arg("serve")
        .args(arguments)
        .output()
        .unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

/// A scenario with these steps, in a file.
fn scenario(steps: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    let text = format!(
        "name: live\nruns_for: 10m\norganizations: {{ \"1\": {{}} }}\nlink: {{ latency: 0ms }}\nsteps:\n{steps}"
    );
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[test]
fn whoever_never_ends_the_head_of_a_request_is_let_go() {
    let mut server = Server::start(&["--head-within", "1500ms"]);
    let begun = [
        "",
        "GET /ws/chat HTTP/1.1\r\n",
        "GET /admin/faults HTTP/1.1\r\nhost: ",
    ];
    let mut streams = begun.map(|begun| {
        let mut stream = connect(server.address());
        stream.write_all(begun.as_bytes()).unwrap();
        stream
    });
    for stream in &mut streams {
        let read = stream.read_to_end(&mut Vec::new());
        assert_eq!(
            read.unwrap(),
            0,
            "ended, and not by the test's own patience"
        );
    }
    // The page is no connection of the run.
    for conn in [1, 2] {
        let sent = server.event("sent", conn);
        assert_eq!(
            (&sent["from"], &sent["message"]),
            (&"server".into(), &"eof".into())
        );
    }
}

#[test]
fn a_server_that_loses_its_address_says_so_and_ends() {
    let file = scenario("  - { at: 1s, server_restart: { down_for: 3s } }\n");
    let mut server = Server::start(&["--scenario", file.path().to_str().unwrap()]);
    server.event("server_down", 0);
    let address = server.address().to_owned();
    // The listener goes as soon as its task is told.
    let taken = loop {
        match TcpListener::bind(&address) {
            Ok(taken) => break taken,
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse),
        }
    };
    let (status, said) = server.ended();
    assert_eq!(status.code(), Some(2));
    let lost = format!("{address} cannot be listened on again");
    assert!(said.contains(&lost), "{said}");
    drop(taken);
}

#[test]
fn a_new_device_is_asked_to_pair_and_what_it_says_is_told() {
    let mut server = Server::start(&[]);
    let mut client = Client::upgrade(connect(server.address())).unwrap();
    client.register(server.root_key(), 1);
    let asked = client.stanza().expect("a first stanza");
    assert!(asked.find("pair-device").is_some(), "{asked}");
    let ping = Node::new("iq")
        .attr("id", "7")
        .attr("type", "get")
        .attr("xmlns", "w:p");
    client.say(&ping.child(Node::new("ping")));
    let pong = client.stanza().expect("an answer");
    assert_eq!(pong.get("id"), Some("7"), "{pong}");

    assert_eq!(server.event("dial", 1)["org"], "");
    server.event("accepted", 1);
    loop {
        let sent = server.event("sent", 1);
        if sent["from"] == "client" && sent["message"]["stanza"].is_object() {
            break;
        }
    }
    let delivered = server.event("delivered", 1);
    assert_eq!(delivered["to"], "server");
    assert!(delivered["message"]["stanza"].is_object(), "{delivered}");
    let (status, closed, _) = server.stop("-TERM");
    assert_eq!((status.code(), closed), (Some(0), 1));
    assert!(
        matches!(client.end(), Ok(Message::Close(Some(frame))) if u16::from(frame.code) == 1001)
    );
}

#[test]
fn an_interrupt_ends_it_too_and_an_unknown_request_is_answered_as_it_was_told() {
    let unknown = Node::new("iq")
        .attr("id", "9")
        .attr("type", "get")
        .attr("xmlns", "w:nothing");
    for (flags, answer) in [(&[][..], "result"), (&["--strict"], "error")] {
        let server = Server::start(flags);
        let mut client = Client::upgrade(connect(server.address())).unwrap();
        client.register(server.root_key(), 1);
        client.stanza();
        client.say(&unknown);
        assert_eq!(client.stanza().unwrap().get("type"), Some(answer));
        drop(client);
        assert_eq!(server.stop("-INT").0.code(), Some(0));
    }
}

#[test]
fn garbage_half_a_handshake_and_silence_disturb_nobody() {
    let mut server = Server::start(&[]);
    let silent = connect(server.address());
    let mut garbage = connect(server.address());
    garbage.write_all(&[0xff; 4_096]).unwrap();
    let mut torn = connect(server.address());
    torn.write_all(b"GET /ws/chat HTTP/1.1\r\nHost: x\r\nUpg")
        .unwrap();
    let mut mute = Client::upgrade(connect(server.address())).unwrap();
    let mut liar = Client::upgrade(connect(server.address())).unwrap();
    liar.transport()
        .write_all(&[0x82, 0x80, 0, 0, 0, 0, 0x03, 0x00])
        .unwrap();

    let mut honest = Client::upgrade(connect(server.address())).unwrap();
    honest.register(server.root_key(), 1);
    assert!(honest.stanza().is_some());

    // What is no HTTP is told so, and let go of.
    let mut answer = Vec::new();
    garbage.read_to_end(&mut answer).unwrap();
    assert!(
        answer.starts_with(b"HTTP/1.1 400"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    assert!(liar.end().is_err(), "an invalid frame ends its connection");
    server.event("released", 1);
    let (status, closed, said) = server.stop("-TERM");
    assert_eq!((status.code(), said.as_str()), (Some(0), ""));
    assert!(
        closed >= 4,
        "the silent, the torn, the mute and the honest: {closed}"
    );
    assert!(matches!(mute.end(), Ok(Message::Close(Some(_)))));
    drop((silent, torn));
}

#[test]
fn another_page_is_no_connection_of_a_client() {
    let mut server = Server::start(&[]);
    let mut reader = connect(server.address());
    reader
        .write_all(b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    reader.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    Client::upgrade(connect(server.address())).unwrap();
    assert_eq!(server.event("dial", 1)["conn"], 1, "the first one");
}

#[test]
fn its_faults_are_put_on_from_the_shell_by_whoever_has_its_token() {
    let server = Server::start(&["--token", "s3cret"]);
    let url = format!("http://{}", server.address());
    let inject = |token: &str| {
        let mut command = Command::cargo_bin("squall").unwrap();
        command.args(["inject", "refuse_upgrade", "status=503", "--server", &url]);
        command.env("SQUALL_TOKEN", token).output().unwrap()
    };
    assert_eq!(inject("wrong").status.code(), Some(2));
    let injected = String::from_utf8(inject("s3cret").stdout).unwrap();
    assert!(injected.contains("waits"), "{injected}");
    assert!(Client::upgrade(connect(server.address())).is_err());
    Client::upgrade(connect(server.address())).unwrap();
    let (code, complaint) = refused(&["--token", "two words"]);
    assert_eq!(code, Some(2));
    assert!(complaint.contains("--token"), "{complaint}");
}

#[test]
fn a_scenario_strikes_whoever_connects() {
    let file = scenario(
        "  - { at: 0s, start_session: { org: \"1\" } }\n  \
           - { at: 0s, inject: { refuse_upgrade: { status: 429, retry_after: \"7\" } } }\n  \
           - { on: { upgrade: { nth: 1 } }, inject: { reset: {} } }\n  \
           - { on: { upgrade: { nth: 2 } }, inject: { eof: {} } }\n  \
           - { on: { upgrade: { nth: 3 } }, inject: { close: { code: 1011, reason: later } } }\n",
    );
    let path = file.path().to_str().unwrap();
    let server = Server::start(&["--scenario", path]);
    let upgrade = || Client::upgrade(connect(server.address()));
    let Err(refusal) = upgrade() else {
        panic!("the upgrade is refused")
    };
    let Error::Http(response) = *refusal else {
        panic!("{refusal}")
    };
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "7");
    let reset = upgrade().unwrap().end().unwrap_err();
    assert!(
        matches!(&reset, Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionReset),
        "{reset}"
    );
    let ended = upgrade().unwrap().end().unwrap_err();
    assert!(
        !matches!(&ended, Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionReset)
    );
    let closed = upgrade().unwrap().end().unwrap();
    assert!(matches!(closed, Message::Close(Some(frame)) if frame.reason == "later"));
    let (_, _, said) = server.stop("-TERM");
    assert!(
        said.contains(":6: step 1 (start_session) is the client's to do, and left out"),
        "{said}"
    );
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the server is a process of its own, in real time"
)]
fn a_server_that_restarts_listens_at_the_same_address() {
    let file =
        scenario("  - { on: { upgrade: { nth: 1 } }, server_restart: { down_for: 200ms } }\n");
    let mut server = Server::start(&["--scenario", file.path().to_str().unwrap()]);
    let mut client = Client::upgrade(connect(server.address())).unwrap();
    assert!(client.end().is_err());
    server.event("server_up", 0);
    let patience = Instant::now() + PATIENCE;
    let stream = loop {
        match TcpStream::connect(server.address()) {
            Ok(stream) => break stream,
            Err(error) => assert!(Instant::now() < patience, "{error}"),
        }
    };
    Client::upgrade(stream).unwrap();
}

#[test]
fn tls_is_spoken_with_a_certificate_that_can_be_trusted() {
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::{self, ClientConnection, RootCertStore, StreamOwned};
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("server.pem");
    let server = Server::start(&["--tls", "--tls-cert", file.to_str().unwrap()]);
    assert!(
        server.listening["url"]
            .as_str()
            .unwrap()
            .starts_with("wss://127.0.0.1:")
    );
    let mut roots = RootCertStore::empty();
    let certificate = rustls::pki_types::CertificateDer::from_pem_slice(&fs::read(&file).unwrap());
    roots.add(certificate.unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let tls = ClientConnection::new(Arc::new(config), name).unwrap();
    // One that speaks no TLS is let go of, and disturbs nobody.
    let mut plain = connect(server.address());
    plain.write_all(b"GET /ws/chat HTTP/1.1\r\n\r\n").unwrap();
    let mut client = Client::upgrade(StreamOwned::new(tls, connect(server.address()))).unwrap();
    client.register(server.root_key(), 1);
    assert!(client.stanza().is_some());
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"));
    assert_eq!(server.stop("-TERM").0.code(), Some(0));
}

#[test]
fn what_cannot_be_served_is_said_and_nothing_listens() {
    let server = Server::start(&[]);
    let (code, said) = refused(&["--listen", server.address()]);
    assert_eq!(code, Some(2));
    assert!(
        said.contains("cannot be listened on") && said.contains("--port 0"),
        "{said}"
    );

    for more in [&[][..], &["--token", ""]] {
        let (code, said) = refused(&[&["--listen", "0.0.0.0:0"], more].concat());
        assert_eq!(code, Some(2));
        assert!(said.contains("only with a --token"), "{said}");
    }

    let file = scenario("  - { at: 0s, inject: { refuse_connect: {} } }\n");
    let (code, said) = refused(&["--scenario", file.path().to_str().unwrap()]);
    assert_eq!(code, Some(3));
    assert!(
        said.contains("no real socket can have refuse_connect"),
        "{said}"
    );
    let (code, said) = refused(&["--scenario", "tests/cli/nowhere.yaml"]);
    assert_eq!(code, Some(3));
    assert!(said.contains("tests/cli/nowhere.yaml"), "{said}");
}

#[test]
fn people_are_told_in_lines() {
    let mut process = Command::cargo_bin("squall")
        .unwrap()
        .args(["serve", "--port", "0", "--seed", "7"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let head: Vec<String> = lines.by_ref().take(3).map(Result::unwrap).collect();
    let [first, key, seed] = head.as_slice() else {
        panic!("three lines")
    };
    let address = first.strip_prefix("listening on ws://").unwrap();
    let address = address.strip_suffix("/ws/chat").unwrap();
    assert_eq!(key.len(), "root public key ".len() + 64, "{key}");
    assert_eq!(seed, "seed 7");
    drop(Client::upgrade(connect(address)).unwrap());
    let gone = |line: &String| !line.ends_with("conn 1: gone");
    let mut told: Vec<String> = lines
        .by_ref()
        .map(Result::unwrap)
        .take_while(gone)
        .collect();
    let id = process.id().to_string();
    assert!(Command::new("kill").arg(id).status().unwrap().success());
    told.extend(lines.map(Result::unwrap));
    assert!(process.wait().unwrap().success());
    let said: Vec<&str> = told
        .iter()
        .map(|line| line.rsplit("   ").next().unwrap())
        .collect();
    assert_eq!(
        said,
        [
            "conn 1: accepted",
            "conn 1: upgraded",
            "conn 1: client ends the stream",
            "conn 1: server ends the stream",
            "the run ends",
            "stopped: 0 connections closed",
        ]
    );
}
