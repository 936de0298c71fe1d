//! Over real sockets: slow and idle clients, and an orderly end.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::*;
use crate::gateway::http::serve::connection;

/// A server on a port of its own, and what ends it.
async fn served() -> (
    std::net::SocketAddr,
    oneshot::Sender<()>,
    tokio::task::JoinHandle<()>,
) {
    let house = House::new();
    let app = app_of(&house);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (end, ended) = oneshot::channel();
    let task = tokio::spawn(async move {
        let ended = async {
            let _ = ended.await;
        };
        serve(listener, app, 8, ended).await;
        drop(house);
    });
    (address, end, task)
}

async fn health(address: std::net::SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.expect("it reads");
    let mut said = String::new();
    stream.read_to_string(&mut said).await.expect("it answers");
    said
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off_and_others_are_served_meanwhile() {
    let (address, _end, _task) = served().await;
    let mut slow = TcpStream::connect(address).await.expect("it listens");
    slow.write_all(b"GET /health HTTP/1.1\r\nhost: ")
        .await
        .expect("it reads");
    let idle = TcpStream::connect(address).await.expect("it listens");
    assert!(health(address).await.contains("200 OK"));
    for mut silent in [slow, idle] {
        let mut said = Vec::new();
        let cut = silent.read_to_end(&mut said);
        tokio::time::timeout(Duration::from_secs(15), cut)
            .await
            .expect("it is cut off")
            .expect("by an end");
    }
}

#[tokio::test]
async fn whoever_finds_no_place_waits_for_one() {
    let (address, _end, _task) = served().await;
    let mut idle = Vec::new();
    for _ in 0..8 {
        idle.push(TcpStream::connect(address).await.expect("it listens"));
    }
    let waiting = tokio::spawn(health(address));
    let mut idle = idle.into_iter();
    idle.next();
    assert!(waiting.await.expect("no panic").contains("200 OK"));
}

/// A script of Swagger's is larger than what is on its way at a time, and needs no key.
#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_takes_ends_its_connection() {
    const ASKED: &[u8] = b"GET /api/docs/swagger-ui-bundle.js HTTP/1.1\r\nhost: x\r\n\r\n";
    let house = House::new();
    for takes in [0, 1] {
        let (mut client, stream) = duplex(1_024);
        client.write_all(ASKED).await.expect("it reads");
        // A byte a second is too little too.
        let trickle = tokio::spawn(async move {
            let mut few = vec![0; takes];
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                client.read_exact(&mut few).await.expect("more of it");
            }
        });
        let ended = connection(stream, app_of(&house));
        let ended = tokio::time::timeout(Duration::from_secs(60), ended).await;
        assert!(ended.expect("it ends").is_err());
        trickle.abort();
    }
}

/// The body that is under way has not all been sent when the end comes.
#[tokio::test]
async fn an_end_lets_no_one_in_and_leaves_nobody_without_an_answer() {
    const BODY: &str = r#"{"organization_id":"2"}"#;
    let (address, end, task) = served().await;
    assert!(health(address).await.contains("200 OK"));
    let kept = TcpStream::connect(address).await.expect("it listens");
    let mut asks = TcpStream::connect(address).await.expect("it listens");
    let head = format!(
        "POST /api/start-session HTTP/1.1\r\nhost: x\r\nx-api-key: {}\r\nexpect: 100-continue\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        key(),
        BODY.len()
    );
    asks.write_all(head.as_bytes()).await.expect("it reads");
    let mut go_on = [0; 25];
    asks.read_exact(&mut go_on).await.expect("it is under way");
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    end.send(()).expect("it is served");
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    asks.write_all(BODY.as_bytes()).await.expect("it reads");
    let mut said = String::new();
    asks.read_to_string(&mut said).await.expect("it answers");
    assert!(said.starts_with("HTTP/1.1 202 Accepted"), "{said}");
    tokio::time::timeout(Duration::from_secs(6), task)
        .await
        .expect("it ends")
        .expect("without a panic");
    drop(kept);
}
