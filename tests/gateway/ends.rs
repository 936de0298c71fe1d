//! Nothing keeps it from going on, and nothing from its end: no reader of its log, no client that is slow.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::process::{Gateway, KEY, Server};
use super::{NEW_STORE, directory};

/// A log of more than any pipe holds.
const STARTS: usize = 1_000;

#[test]
fn one_who_stops_reading_its_log_stops_nothing() {
    let directory = directory();
    let at = directory.path();
    fs::write(
        at.join("gateway.yaml"),
        "policy: { limiter: { delay: 1h } }\n",
    )
    .unwrap();
    let server = Server::start(&[], at);
    let gateway = Gateway::start(&server, &NEW_STORE, at);
    let long = "a name of one hundred and twenty bytes ".repeat(3);
    assert_eq!(gateway.start_session(&long).status, 202);
    let process = &gateway.process;
    let reading = process.reading();
    let stopped = reading.lock().unwrap();
    for _ in 0..STARTS {
        assert_eq!(gateway.start_session(&long).status, 409);
    }
    process.ask_to_end();
    drop(stopped);
    // What was not read yet is there, and the end of it.
    let mut refused = 0;
    process.line(|line| {
        refused += usize::from(line["event"] == "denied");
        line["event"] == "stopped"
    });
    assert_eq!(refused, STARTS);
}

#[test]
fn a_log_that_nobody_reads_does_not_keep_it_from_its_end() {
    let directory = directory();
    let at = directory.path();
    let server = Server::start(&[], at);
    let gateway = Gateway::start(&server, &NEW_STORE, at);
    let long = "a name of one hundred and twenty bytes ".repeat(3);
    let reading = gateway.process.reading();
    let stopped = reading.lock().unwrap();
    for _ in 0..STARTS {
        gateway.start_session(&long);
    }
    assert_eq!(gateway.process.terminate(), Some(0));
    drop(stopped);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let directory = directory();
    let at = directory.path();
    let server = Server::start(&[], at);
    let gateway = Gateway::start(&server, &NEW_STORE, at);
    let mut slow = TcpStream::connect(&gateway.address).unwrap();
    write!(
        slow,
        "POST /api/start-session HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\nexpect: 100-continue\r\n\
         content-type: application/json\r\ncontent-length: 99\r\n\r\n"
    )
    .unwrap();
    // It waits for the body now.
    slow.read_exact(&mut [0; 25]).unwrap();
    gateway.process.ask_to_end();
    while TcpStream::connect(&gateway.address).is_ok() {}
    assert_eq!(gateway.process.terminate(), Some(1));
}
