//! Accounts: seen, paired with and without a phone, revoked, banned.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use squall_protocol::Millis;

use super::{ask, get, is_undisturbed, logged_in, open, registering};
use crate::host::Client;

#[test]
fn an_account_is_seen_with_its_devices() {
    open(|host| async move {
        let device = host.paired("2");
        assert_eq!(
            ask(&host, "PUT", "/admin/accounts/alice", Value::Null)
                .await
                .status,
            200
        );
        let _client = logged_in(&host, &device).await;
        let seen = get(&host, "/admin/accounts").await;
        let names: Vec<&str> = seen["accounts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["2", "alice"]);
        let account = get(&host, "/admin/accounts/2").await;
        assert_eq!(account["devices"][0]["jid"], json!(device.jid));
        assert_eq!(account["devices"][0]["lid"], json!(device.lid));
        assert_eq!(account["devices"][0]["connection"], 1);
        let answer = ask(&host, "GET", "/admin/accounts/bob", Value::Null).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (404, "urn:squall:no-such-account")
        );
    });
}

#[test]
fn a_phone_scans_the_text_that_it_is_shown() {
    open(|host| async move {
        let mut device = host.device();
        let (mut client, qr) = registering(&host, &device).await;
        let path = "/admin/mock-phone/scan-qr?account=alice";
        let answer = ask(&host, "POST", path, json!(qr)).await;
        assert_eq!(answer.json(), json!({"connection": 1, "account": "alice"}));
        let request = client.stanza().await;
        let paired = device
            .on_pair_success(request.find("pair-success").unwrap(), &mut host.rng())
            .unwrap();
        client.answer(&request, Some(paired.reply)).await;
        device = paired.device;
        assert_eq!(client.stanza().await.get("code"), Some("515"));
        let mut client = logged_in(&host, &device).await;
        is_undisturbed(&mut client).await;

        let again = ask(&host, "POST", path, json!(qr)).await;
        assert_eq!(
            (again.status, again.problem().as_str()),
            (409, "urn:squall:not-scanned")
        );
        let garbage = ask(&host, "POST", path, json!("2@abc,def")).await;
        assert_eq!(
            (garbage.status, garbage.problem().as_str()),
            (422, "urn:squall:invalid-body")
        );
        is_undisturbed(&mut client).await;
    });
}

#[test]
fn a_client_is_paired_without_a_phone_by_its_secret() {
    open(|host| async move {
        let mut device = host.device();
        let path = "/admin/accounts/alice/pair";
        let secret = json!({"adv_secret": BASE64_STANDARD.encode(device.adv_secret)});
        let nobody = ask(&host, "POST", path, secret.clone()).await;
        assert_eq!(
            (nobody.status, nobody.problem().as_str()),
            (409, "urn:squall:nobody-there")
        );

        let (mut client, _) = registering(&host, &device).await;
        let short = ask(&host, "POST", path, json!({"adv_secret": "c2hvcnQ="})).await;
        assert_eq!(short.problem(), "urn:squall:invalid-body");
        let answer = ask(&host, "POST", path, secret.clone()).await;
        assert_eq!(answer.json(), json!({"connection": 1, "account": "alice"}));
        let request = client.stanza().await;
        let paired = device
            .on_pair_success(request.find("pair-success").unwrap(), &mut host.rng())
            .unwrap();
        client.answer(&request, Some(paired.reply)).await;
        device = paired.device;
        assert_eq!(client.stanza().await.get("code"), Some("515"));
        logged_in(&host, &device).await;

        let generate = || squall_protocol::pairing::Device::generate(&mut host.rng());
        let (_one, _) = registering(&host, &generate()).await;
        host.settle().await;
        let (_two, _) = registering(&host, &generate()).await;
        let several = ask(&host, "POST", path, secret.clone()).await;
        assert!(several.detail().starts_with("several"), "{several:?}");
        let other = json!({"adv_secret": secret["adv_secret"], "connection": 1});
        assert_eq!(ask(&host, "POST", path, other).await.status, 409);
    });
}

#[test]
fn a_revoked_device_is_told_and_may_not_come_back() {
    open(|host| async move {
        let device = host.paired("2");
        let mut client = logged_in(&host, &device).await;
        let path = "/admin/accounts/2/devices/1";
        assert_eq!(ask(&host, "DELETE", path, Value::Null).await.status, 204);
        let error = client.stanza().await;
        assert_eq!(
            error.to_string(),
            r#"<stream:error code="401"><conflict type="device_removed"/></stream:error>"#
        );
        let mut client = Client::secured(&host, &device).await;
        assert_eq!(client.stanza().await.get("reason"), Some("401"));
        for path in [
            path,
            "/admin/accounts/2/devices/one",
            "/admin/accounts/2/devices/99999999999",
        ] {
            let answer = ask(&host, "DELETE", path, Value::Null).await;
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (404, "urn:squall:no-such-device")
            );
        }
        let answer = ask(&host, "DELETE", "/admin/accounts/3/devices/1", Value::Null).await;
        assert_eq!(answer.problem(), "urn:squall:no-such-account");
    });
}

#[test]
fn a_device_that_is_away_is_revoked_all_the_same() {
    open(|host| async move {
        let device = host.paired("2");
        ask(&host, "DELETE", "/admin/accounts/2/devices/1", Value::Null).await;
        assert_eq!(get(&host, "/admin/accounts/2").await["devices"], json!([]));
        let mut client = Client::secured(&host, &device).await;
        assert_eq!(client.stanza().await.get("reason"), Some("401"));
    });
}

#[test]
fn a_ban_ends_what_lives_keeps_out_what_comes_and_is_over_in_time() {
    open(|host| async move {
        let device = host.paired("2");
        let mut client = logged_in(&host, &device).await;
        let path = "/admin/accounts/2/ban";
        let answer = ask(&host, "PUT", path, json!({"for": "2h"})).await;
        assert_eq!(answer.json()["banned"]["until"], "2026-01-19T16:00:00.15Z");
        assert_eq!(client.stanza().await.get("code"), Some("403"));

        tokio::time::sleep(Millis::from_hours(1).to_duration()).await;
        let mut client = Client::secured(&host, &device).await;
        let refused = client.stanza().await;
        assert_eq!(refused.get("reason"), Some("402"));
        assert_eq!(refused.get("expire"), Some("3600"));

        tokio::time::sleep(Millis::from_hours(1).to_duration()).await;
        let mut client = logged_in(&host, &device).await;
        is_undisturbed(&mut client).await;
        assert!(
            get(&host, "/admin/accounts/2")
                .await
                .get("banned")
                .is_none()
        );

        ask(&host, "PUT", path, json!({})).await;
        assert_eq!(get(&host, "/admin/accounts/2").await["banned"], json!({}));
        let mut client = Client::secured(&host, &device).await;
        assert_eq!(client.stanza().await.get("reason"), Some("403"));
        assert_eq!(ask(&host, "DELETE", path, Value::Null).await.status, 204);
        logged_in(&host, &device).await;
        assert_eq!(ask(&host, "DELETE", path, Value::Null).await.status, 409);
        let answer = ask(&host, "PUT", "/admin/accounts/9/ban", json!({})).await;
        assert_eq!(answer.problem(), "urn:squall:no-such-account");
    });
}
