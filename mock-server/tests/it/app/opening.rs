//! How a client may open: in either dictionary, and as one that knows the server from before.

use squall_mock_server::server::Settings;

use super::{logged_in, ping};
use crate::host::{self, Client};

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
