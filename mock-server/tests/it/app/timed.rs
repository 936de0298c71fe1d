//! A server that does not wait for ever for the head of a request.

use squall_mock_server::server::ServerEvent;
use squall_protocol::Millis;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::app::{logged_in, ping};
use crate::host::{self, at};

const MINUTE: Millis = Millis::from_mins(1);

#[test]
fn whoever_never_ends_the_head_of_a_request_is_let_go_after_a_minute() {
    let answered = "GET /admin/faults HTTP/1.1\r\nhost: localhost\r\n\r\nGET /adm";
    for begun in [
        "",
        "GET /ws/chat HTTP/1.1\r\n",
        "GET /admin/faults HTTP/1.1\r\nhost: loc",
        answered,
    ] {
        host::timed(MINUTE, |host| async move {
            let mut stream = host.stream();
            stream.write_all(begun.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(at(&host).abs_diff(MINUTE.get()) <= 1, "{}", at(&host));
            assert_eq!(answer.starts_with("HTTP/1.1 200"), begun == answered);
            let closed = |event: &ServerEvent| matches!(event, ServerEvent::Closed { .. });
            assert!(host.events().iter().any(closed), "{begun}");
        });
    }
}

#[test]
fn whoever_has_ended_it_stays_as_long_as_it_likes() {
    host::timed(MINUTE, |host| async move {
        let device = host.paired("2");
        let mut client = logged_in(&host, &device).await;
        let mut reader = host.stream();
        let request = "GET /admin/events HTTP/1.1\r\nhost: localhost\r\n\r\n";
        reader.write_all(request.as_bytes()).await.unwrap();
        tokio::time::sleep(Millis::from_hours(1).to_duration()).await;
        client.send(&ping("1")).await;
        while client.stanza().await.get("id") != Some("1") {}
        let mut told = vec![0; 1 << 16];
        assert!(reader.read(&mut told).await.unwrap() > 0);
        host.server.put_fault(
            squall_mock_server::fault::FaultId(1),
            squall_mock_server::fault::Zombie {}.into(),
            Default::default(),
            false,
        );
        let mut told = String::new();
        while !told.contains("fault_on") {
            let mut piece = vec![0; 1 << 16];
            let read = reader.read(&mut piece).await.unwrap();
            assert!(read > 0, "the stream goes on");
            told += &String::from_utf8_lossy(&piece[..read]);
        }
    });
}
