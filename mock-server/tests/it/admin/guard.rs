//! Who may ask, and who may not.

use squall_mock_server::app::{Access, Token};

use super::{ask_with, is_undisturbed, logged_in, open};
use crate::host::{self, Client};

fn with_token() -> Access {
    Access {
        token: Token::new("s3cret"),
        ..Access::default()
    }
}

#[test]
fn a_host_that_is_not_ours_is_refused() {
    open(|host| async move {
        for ours in [
            "localhost",
            "localhost:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
        ] {
            let headers = format!("host: {ours}\r\n");
            let answer = ask_with(&host, "GET", "/admin/faults", &headers, "").await;
            assert_eq!(answer.status, 200, "{ours}");
        }
        for foreign in [
            "evil.example",
            "evil.example:8080",
            "10.1.2.3",
            "localhost.evil.example",
        ] {
            let headers = format!("host: {foreign}\r\n");
            let answer = ask_with(&host, "GET", "/admin/faults", &headers, "").await;
            assert_eq!(answer.problem(), "urn:squall:foreign-host", "{foreign}");
            assert_eq!(answer.status, 403);
        }
    });
}

#[test]
fn a_page_of_another_origin_is_refused_and_no_answer_invites_one() {
    open(|host| async move {
        let device = host.paired("2");
        let mut client = logged_in(&host, &device).await;
        let eof = r#"{"fault":{"eof":{}}}"#;
        for foreign in [
            "http://evil.example",
            "http://localhost:3000",
            "http://localhost",
            "https://evil.example:8080",
            "file://localhost:8080",
            "null",
        ] {
            let headers = format!(
                "host: localhost:8080\r\norigin: {foreign}\r\ncontent-type: application/json\r\n"
            );
            let answer = ask_with(&host, "POST", "/admin/inject", &headers, eof).await;
            assert_eq!(answer.problem(), "urn:squall:foreign-origin", "{foreign}");
            assert_eq!(answer.status, 403);
            assert!(!answer.head.to_lowercase().contains("access-control"));
        }
        is_undisturbed(&mut client).await;

        let own = "host: localhost:8080\r\norigin: http://localhost:8080\r\n";
        let answer = ask_with(&host, "GET", "/admin/faults", own, "").await;
        assert_eq!(answer.status, 200);
        assert!(!answer.head.to_lowercase().contains("access-control"));
        let asks_first = "host: localhost:8080\r\norigin: http://evil.example\r\naccess-control-request-method: POST\r\n";
        let answer = ask_with(&host, "OPTIONS", "/admin/inject", asks_first, "").await;
        assert_eq!(answer.status, 403);
    });
}

#[test]
fn without_the_token_nothing_is_told_and_nothing_is_done() {
    host::controlled(with_token(), |host| async move {
        let device = host.paired("2");
        let mut client = logged_in(&host, &device).await;
        for wrong in [
            "",
            "authorization: Bearer \r\n",
            "authorization: Bearer wrong\r\n",
            "authorization: Bearer s3cretx\r\n",
            "authorization: Bearer s3cre\r\n",
            "authorization: Basic s3cret\r\n",
            "authorization: Basic YW55Ym9keTpzM2NyZQ==\r\n",
            "authorization: Basic czNjcmV0\r\n",
            "authorization: s3cret\r\n",
        ] {
            for path in [
                "/admin/inject",
                "/admin/nothing",
                "/",
                "/admin/openapi.json",
            ] {
                let headers =
                    format!("host: localhost\r\ncontent-type: application/json\r\n{wrong}");
                let answer =
                    ask_with(&host, "POST", path, &headers, r#"{"fault":{"eof":{}}}"#).await;
                assert_eq!(
                    answer.problem(),
                    "urn:squall:token-needed",
                    "{wrong} {path}"
                );
                assert_eq!(answer.status, 401);
                assert_eq!(
                    answer.header("www-authenticate"),
                    Some("Bearer realm=\"squall\"")
                );
            }
        }
        is_undisturbed(&mut client).await;
        // The last is `anybody:s3cret`, as a browser sends what was typed into its dialog.
        for right in [
            "Bearer s3cret",
            "bearer s3cret",
            "Basic YW55Ym9keTpzM2NyZXQ=",
        ] {
            let headers = format!("host: localhost\r\nauthorization: {right}\r\n");
            let answer = ask_with(&host, "GET", "/admin/faults", &headers, "").await;
            assert_eq!(answer.status, 200);
        }
    });
}

#[test]
fn clients_need_no_token_and_may_call_the_server_what_they_like() {
    host::controlled(with_token(), |host| async move {
        assert!(
            Client::upgraded(&host).await.is_ok(),
            "as ws://mock/ws/chat"
        );
    });
}

#[test]
fn a_server_without_control_has_no_such_pages() {
    host::run(Default::default(), |host| async move {
        let answer = host.raw_request("/admin/faults", "").await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    });
}
