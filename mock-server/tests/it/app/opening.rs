//! How a client may open: in either dictionary, and as one that knows the server from before.

use squall_mock_server::fault::{EarlyFrame, FaultId, FaultSpec, RotateKey, Target};
use squall_mock_server::server::Settings;

use super::{inject, logged_in, ping};
use crate::host::{self, Client, at};

/// A ping that is answered shows that each side reads what the other writes.
async fn speaks(client: &mut Client) {
    while client.stanza().await.find("offline").is_none() {}
    client.send(&ping("1.2-3")).await;
    let answer = client.stanza().await;
    assert!(
        answer.is("iq", &[("id", "1.2-3"), ("type", "result")]),
        "{answer}"
    );
}

#[test]
fn a_client_that_knows_the_server_logs_in_by_one_round_trip() {
    host::run(Settings::default(), |host| async move {
        let device = host.paired("2");
        let known = logged_in(&host, &device).await.known.unwrap();
        let mut client = Client::upgraded(&host).await.unwrap();
        assert!(client.resume(&host, &device, known).await);
        speaks(&mut client).await;
    });
}

#[test]
fn a_client_that_knows_another_key_is_told_the_new_one_and_logs_in() {
    host::run(Settings::default(), |host| async move {
        let device = host.paired("2");
        let mut client = Client::upgraded(&host).await.unwrap();
        let other = host.device().noise.public();
        assert!(!client.resume(&host, &device, other).await);
        assert_ne!(client.known, Some(other));
        speaks(&mut client).await;
    });
}

#[test]
fn a_client_of_the_older_dictionary_is_understood() {
    host::run(Settings::default(), |host| async move {
        let device = host.paired("2");
        let mut client = Client::upgraded(&host).await.unwrap();
        client.intro[3] = 2;
        client.handshake(&host, &device).await.unwrap();
        speaks(&mut client).await;
    });
}

#[test]
fn a_client_of_an_unknown_dictionary_is_turned_away() {
    host::run(Settings::default(), |host| async move {
        let device = host.paired("2");
        let mut client = Client::upgraded(&host).await.unwrap();
        client.intro[3] = 9;
        assert!(client.handshake(&host, &device).await.is_err());
    });
}

#[test]
fn a_client_that_resumes_after_the_key_was_changed_falls_back_and_resumes_again_with_the_new_one() {
    host::run(Settings::default(), |host| async move {
        let device = host.paired("2");
        let known = logged_in(&host, &device).await.known.unwrap();
        inject(&host, RotateKey {});
        let mut client = Client::upgraded(&host).await.unwrap();
        assert!(!client.resume(&host, &device, known).await, "resumed");
        let another = client.known.unwrap();
        assert_ne!(another, known);
        speaks(&mut client).await;

        let mut client = Client::upgraded(&host).await.unwrap();
        assert!(
            client.resume(&host, &device, another).await,
            "once changed, it stays"
        );
        speaks(&mut client).await;
        assert_eq!(host.rotations(), [another]);
    });
}

#[test]
fn as_long_as_the_fault_stands_each_handshake_meets_another_key_and_the_last_one_stays() {
    let unguarded = Settings {
        guard: None,
        ..Settings::default()
    };
    host::run(unguarded, |host| async move {
        let device = host.paired("2");
        let first = logged_in(&host, &device).await.known.unwrap();
        let fault = FaultSpec::from(RotateKey {});
        host.server
            .put_fault(FaultId(1), fault, Target::default(), false);
        let second = logged_in(&host, &device).await.known.unwrap();
        let third = logged_in(&host, &device).await.known.unwrap();
        assert!(first != second && second != third && third != first);
        host.server.remove_fault(FaultId(1));
        assert_eq!(logged_in(&host, &device).await.known, Some(third));
    });
}

#[test]
fn the_first_stanza_comes_after_the_login_delay_and_by_a_fault_right_behind_the_handshake() {
    host::run(Settings::default(), |host| async move {
        let device = host.paired("2");
        let begin = at(&host);
        let known = logged_in(&host, &device).await.known.unwrap();
        assert_eq!(at(&host) - begin, 150);

        inject(&host, EarlyFrame {});
        let begin = at(&host);
        logged_in(&host, &device).await;
        assert_eq!(at(&host) - begin, 0);

        inject(&host, EarlyFrame {});
        let mut client = Client::upgraded(&host).await.unwrap();
        assert!(client.resume(&host, &device, known).await);
        assert_eq!(client.stanza().await.tag, "success");
        assert_eq!(at(&host) - begin, 0, "with the server's hello");
    });
}
