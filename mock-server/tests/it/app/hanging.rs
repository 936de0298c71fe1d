//! A server that stops reading, or writing, and goes on.

use crate::app::{logged_in, ping};
use crate::host::{self, Client, Host};
use squall_mock_server::fault::{Backlog, FaultId, FaultSpec, StallMidFrame, StopReading, Target};
use squall_mock_server::server::{ServerEvent, Settings};
use squall_protocol::Millis;

fn put(host: &Host, id: u64, fault: impl Into<FaultSpec>, once: bool) {
    host.server
        .put_fault(FaultId(id), fault.into(), Target::default(), once);
}

async fn hears_nothing(client: &mut Client) {
    let hour = Millis::from_hours(1).to_duration();
    assert!(tokio::time::timeout(hour, client.message()).await.is_err());
}

/// The ids of the next answers.
async fn answers<const N: usize>(client: &mut Client) -> [String; N] {
    let mut ids = [const { String::new() }; N];
    for id in &mut ids {
        *id = client.stanza().await.get("id").unwrap().to_owned();
    }
    ids
}

fn acts(host: &Host) -> usize {
    let acted = |event: &ServerEvent| matches!(event, ServerEvent::FaultActed { .. });
    host.events().iter().filter(|event| acted(event)).count()
}

#[test]
fn a_server_that_stops_reading_writes_on_and_reads_everything_when_it_goes_on() {
    host::run(Settings::default(), |host| async move {
        let device = host.paired("2");
        let mut client = logged_in(&host, &device).await;
        put(&host, 1, StopReading {}, false);
        client.send(&ping("1")).await;
        client.ping(b"2").await;
        hears_nothing(&mut client).await;
        assert_eq!(acts(&host), 1, "told once");

        let backlog = Backlog {
            stanzas: std::num::NonZeroU32::MIN,
            over: Millis::ZERO,
        };
        put(&host, 2, backlog, true);
        assert_eq!(client.stanza().await.tag, "receipt");

        host.server.remove_fault(FaultId(1));
        let [id] = answers(&mut client).await;
        assert_eq!(id, "1");
        assert_eq!(client.pong().await, b"2");
    });
}

#[test]
fn what_one_fault_lets_be_read_another_still_leaves() {
    host::run(Settings::default(), |host| async move {
        let device = host.paired("2");
        let mut client = logged_in(&host, &device).await;
        put(&host, 1, StopReading {}, false);
        put(&host, 2, StopReading {}, true);
        client.send(&ping("1")).await;
        hears_nothing(&mut client).await;
        host.server.remove_fault(FaultId(1));
        hears_nothing(&mut client).await;
        host.server.remove_fault(FaultId(2));
        assert_eq!(answers(&mut client).await, ["1"]);
    });
}

#[test]
fn a_server_that_stalls_reads_on_and_says_everything_in_order_when_it_goes_on() {
    host::run(Settings::default(), |host| async move {
        let device = host.paired("2");
        let mut client = logged_in(&host, &device).await;
        let fault: StallMidFrame = serde_json::from_str("{}").unwrap();
        put(&host, 1, fault, false);
        client.send(&ping("1")).await;
        client.send(&ping("2")).await;
        hears_nothing(&mut client).await;
        assert_eq!(acts(&host), 1, "told once");
        client.send(&ping("3")).await;
        host.server.remove_fault(FaultId(1));
        assert_eq!(answers(&mut client).await, ["1", "2", "3"]);
    });
}
