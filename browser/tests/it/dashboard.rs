//! The dashboard of a running server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use serde_json::{Value, json};
use squall_browser::{Page, Squall};

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// A server, and where its pages are.
pub(crate) fn serve(directory: &Path, more: &[&str]) -> (Squall, Value) {
    let arguments = [&["serve", "--port", "0", "--format", "json"], more].concat();
    let mut server = Squall::start(directory, &arguments, &[]);
    let first = server.line(|line| line["listening"].is_object());
    (server, first["listening"].clone())
}

pub(crate) fn text<'a>(listening: &'a Value, name: &str) -> &'a str {
    listening[name].as_str().unwrap()
}

/// A client that gets as far as the WebSocket and says nothing more.
pub(crate) fn connected(listening: &Value) -> TcpStream {
    let mut stream = TcpStream::connect(text(listening, "address")).unwrap();
    let head = "GET /ws/chat HTTP/1.1\r\nhost: mock\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    stream
}

#[test]
fn connections_appear_as_they_come_and_are_ended_with_a_click() {
    let directory = tempfile::tempdir().unwrap();
    let (_server, listening) = serve(directory.path(), &[]);
    let address = format!("http://{}/", text(&listening, "address"));
    Page::open(&address, |page| async move {
        page.until("document.querySelector('#link').textContent === 'live'")
            .await;
        assert_eq!(page.text("#root-key").await, text(&listening, "root_key"));
        let mut client = connected(&listening);
        page.until(
            "document.querySelector('#connections tbody')?.textContent.includes('upgraded')",
        )
        .await;
        page.until("document.querySelector('#events').textContent.includes('conn 1: upgraded')")
            .await;
        page.until("document.querySelector('#timeline rect.connecting')")
            .await;
        page.click("#connections button[aria-label='eof connection 1']")
            .await;
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).unwrap();
        // Its row stays under the pointer, and goes with it.
        page.until("document.querySelector('#connections tr.gone button').disabled")
            .await;
        page.click("#events-title").await;
        page.until("document.querySelector('#nobody').checkVisibility()")
            .await;
        let asked = page.asked_for().await;
        let own =
            |url: &&String| !url.starts_with(&format!("http://{}/", text(&listening, "address")));
        assert!(
            asked.iter().filter(own).count() == 0 && !asked.is_empty(),
            "{asked:?}"
        );
    });
}

#[test]
fn a_fault_is_put_on_and_taken_off_with_one_click_each() {
    let directory = tempfile::tempdir().unwrap();
    let (_server, listening) = serve(directory.path(), &[]);
    let address = format!("http://{}/", text(&listening, "address"));
    Page::open(&address, |page| async move {
        let pressed = |wanted: bool| {
            format!("document.querySelector('#switches button').ariaPressed === '{wanted}'")
        };
        page.until(&pressed(false)).await;
        page.click("#switches button").await;
        page.until(&pressed(true)).await;
        assert!(
            page.text("#standing")
                .await
                .contains(r#"{"delay_reply":{"by":"30s""#)
        );
        page.until("document.querySelector('#timeline rect.fault')")
            .await;
        page.click("#switches button").await;
        page.until(&pressed(false)).await;
        page.until("document.querySelector('#standing').textContent === ''")
            .await;

        page.keys("#fault-name", "refuse_upgrade").await;
        page.run("document.querySelector('#fault-parameters').value = '{\"status\": 503}'")
            .await;
        page.click("#fault button[value=faults]").await;
        page.until("document.querySelector('#standing').textContent.includes('refuse_upgrade')")
            .await;
        page.click("#standing button").await;
        page.until("document.querySelector('#standing').textContent === ''")
            .await;
        // Nobody is there to be closed: it is said, and how to go on.
        page.click("#blows button").await;
        page.until(
            "document.querySelector('#problem').textContent.includes('connections that live')",
        )
        .await;
    });
}

#[test]
fn a_switch_takes_off_what_it_put_on_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let (_server, listening) = serve(directory.path(), &[]);
    let address = format!("http://{}/", text(&listening, "address"));
    // What the first switch would put on, of one account.
    ureq::post(format!("{address}admin/faults"))
        .content_type("application/json")
        .send(r#"{"fault":{"delay_reply":{"by":"30s"}},"target":{"account":"2"}}"#)
        .unwrap();
    Page::open(&address, |page| async move {
        let stand =
            |count: usize| format!("document.querySelectorAll('#standing li').length === {count}");
        let pressed = "document.querySelector('#switches button').ariaPressed";
        page.until(&stand(1)).await;
        assert!(page.text("#standing").await.contains("of account 2"));
        assert_eq!(page.run(&format!("return {pressed}")).await, "false");
        page.click("#switches button").await;
        page.until(&stand(2)).await;
        page.until(&format!("{pressed} === 'true'")).await;
        page.click("#switches button").await;
        page.until(&stand(1)).await;
        assert!(page.text("#standing").await.contains("of account 2"));
        assert_eq!(page.run(&format!("return {pressed}")).await, "false");
    });
}

#[test]
fn what_a_click_caused_stays_to_be_read_while_the_page_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let (_server, listening) = serve(directory.path(), &[]);
    let address = format!("http://{}/", text(&listening, "address"));
    Page::open(&address, |page| async move {
        page.until("document.querySelector('#link').textContent === 'live'")
            .await;
        page.click("#blows button").await;
        let problem = "document.querySelector('#problem:not([hidden])')";
        page.until(problem).await;
        let _client = connected(&listening);
        page.until(
            "document.querySelector('#connections tbody')?.textContent.includes('upgraded')",
        )
        .await;
        assert_eq!(page.run(&format!("return Boolean({problem})")).await, true);
        page.click("#switches button").await;
        page.until(&format!("!{problem}")).await;
    });
}

#[test]
fn a_row_goes_on_while_one_of_its_buttons_has_the_focus_and_the_focus_stays() {
    let directory = tempfile::tempdir().unwrap();
    let (_server, listening) = serve(directory.path(), &[]);
    let address = format!("http://{}/", text(&listening, "address"));
    Page::open(&address, |page| async move {
        let _client = connected(&listening);
        let since = "document.querySelector('#connections tbody td:nth-child(4)')";
        page.until(since).await;
        page.run("document.querySelector('#connections tbody button').focus()")
            .await;
        page.until(&format!("{since}.textContent === '3s ago'"))
            .await;
        let focused = page
            .run("return document.activeElement.getAttribute('aria-label')")
            .await;
        assert_eq!(focused, "close connection 1");
    });
}

#[test]
fn it_can_be_read_in_the_light_and_in_the_dark() {
    let directory = tempfile::tempdir().unwrap();
    let (_server, listening) = serve(directory.path(), &[]);
    let address = format!("http://{}/", text(&listening, "address"));
    Page::open(&address, |page| async move {
        page.click("#blows button").await;
        page.until("document.querySelector('#problem:not([hidden])')")
            .await;
        page.click("#switches button").await;
        page.until("document.querySelector('#events .fault')").await;
        page.until("document.querySelector('#link').className === 'live'")
            .await;
        let mut grounds = Vec::new();
        for scheme in ["light", "dark"] {
            page.prefer(scheme).await;
            let ground = "return getComputedStyle(document.body).backgroundColor";
            grounds.push(page.run(ground).await);
            let texts = [
                "body",
                "#link",
                ".key",
                "label",
                "#events .fault",
                "#events time",
                "#problem",
            ];
            let on_page = texts.map(|css| [(css, "color"), ("body", "backgroundColor")]);
            let button = "#switches button";
            let on_button = [(button, "color"), (button, "backgroundColor")];
            let contrast = page.contrast(&[&on_page[..], &[on_button]].concat()).await;
            assert!(contrast >= 4.5, "{scheme}: {contrast}");
        }
        assert_ne!(grounds[0], grounds[1]);
    });
}

#[test]
fn a_gateway_is_paired_by_pasting_its_code() {
    let directory = tempfile::tempdir().unwrap();
    let (_server, listening) = serve(directory.path(), &[]);
    std::fs::write(
        directory.path().join("gateway.yaml"),
        "policy: { limiter: { delay: 200ms } }\n",
    )
    .unwrap();
    let arguments = [
        "gateway",
        "--config",
        "gateway.yaml",
        "--init-store",
        "--listen",
        "127.0.0.1:0",
        "--log",
        "json",
        "--server",
        text(&listening, "url"),
        "--root-key",
        text(&listening, "root_key"),
    ];
    let mut gateway = Squall::start(directory.path(), &arguments, &[("SQUALL_API_KEY", KEY)]);
    let api = gateway.line(|line| line["event"] == "listening")["url"]
        .as_str()
        .unwrap()
        .to_owned();
    ureq::post(format!("{api}/api/start-session"))
        .header("x-api-key", KEY)
        .content_type("application/json")
        .send(r#"{"organization_id":"2"}"#)
        .unwrap();
    gateway.line(|line| line["event"] == "state" && line["state"] == "awaiting_qr_scan");
    let shown = ureq::get(format!("{api}/api/qr/2?format=json"))
        .header("x-api-key", KEY)
        .call()
        .unwrap()
        .body_mut()
        .read_to_string()
        .unwrap();
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let address = format!("http://{}/", text(&listening, "address"));
    Page::open(&address, |page| async move {
        page.until("document.querySelector('#waiting').textContent.includes('conn 1')")
            .await;
        page.run(&format!(
            "const data = new DataTransfer(); data.setData('text', {}); document.querySelector('#qr').dispatchEvent(new ClipboardEvent('paste', {{ clipboardData: data, bubbles: true, cancelable: true }}))",
            json!(shown["qr"])
        ))
        .await;
        page.until("document.querySelector('#scanned').textContent.startsWith('Scanned: conn 1')")
            .await;
        gateway.line(|line| line["event"] == "state" && line["state"] == "connected");
        page.until("document.querySelector('#timeline rect.open')")
            .await;
        page.until("document.querySelector('#connections tbody')?.textContent.includes('open')")
            .await;
        page.keys("#stretch", "minute").await;
        page.click("#switches button:nth-child(3)").await;
        page.until("document.querySelector('#timeline rect.fault')")
            .await;
        page.until("document.querySelector('#events').textContent.includes('fault on')")
            .await;
        page.picture("dashboard.png").await;
        page.prefer("dark").await;
        page.resize(390, 844, true).await;
        assert_eq!(
            page.run("return document.documentElement.scrollWidth - innerWidth")
                .await,
            json!(0)
        );
        page.picture("dashboard-narrow.png").await;
    });
}

#[test]
fn with_a_token_the_page_is_for_whoever_knows_it() {
    let directory = tempfile::tempdir().unwrap();
    let (_server, listening) = serve(directory.path(), &["--token", "s3cret"]);
    let host = text(&listening, "address").to_owned();
    Page::open(
        &format!("http://anybody:s3cret@{host}/"),
        |page| async move {
            page.until("document.querySelector('#link').textContent === 'live'")
                .await;
            page.click("#switches button").await;
            page.until("document.querySelector('#switches button').ariaPressed === 'true'")
                .await;
        },
    );
    let refused = ureq::get(format!("http://{host}/")).call();
    assert!(matches!(refused, Err(ureq::Error::StatusCode(401))));
}

#[test]
fn markup_in_what_is_told_stays_text() {
    let directory = tempfile::tempdir().unwrap();
    let (_server, listening) = serve(directory.path(), &[]);
    let address = format!("http://{}/", text(&listening, "address"));
    ureq::post(format!("{address}admin/faults"))
        .content_type("application/json")
        .send(r#"{"fault":{"close":{"code":1011,"reason":"<img src=x onerror=owned()>"}},"target":{"account":"<script>owned()</script>"}}"#)
        .unwrap();
    Page::open(&address, |page| async move {
        page.until("document.querySelector('#standing').textContent.includes('<img src=x onerror=owned()>')").await;
        assert!(
            page.text("#standing")
                .await
                .contains("<script>owned()</script>")
        );
        let made = page.run("return [document.images.length, document.querySelectorAll('script').length, typeof owned]").await;
        assert_eq!(made, json!([0, 1, "undefined"]));
    });
}
