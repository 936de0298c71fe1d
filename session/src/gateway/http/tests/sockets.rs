//! Over real sockets: slow and idle clients, and an orderly end.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::*;

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
        serve(listener, app, ended).await;
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
async fn an_end_lets_no_one_in_and_leaves_nobody_without_an_answer() {
    let (address, end, task) = served().await;
    assert!(health(address).await.contains("200 OK"));
    let kept = TcpStream::connect(address).await.expect("it listens");
    end.send(()).expect("it is served");
    tokio::time::timeout(Duration::from_secs(6), task)
        .await
        .expect("it ends")
        .expect("without a panic");
    drop(kept);
    assert!(TcpStream::connect(address).await.is_err());
}
