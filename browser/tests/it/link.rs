//! The dashboard's link to its server, lost and found again.

use std::io::copy;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::json;
use squall_browser::{Page, Squall};

use crate::dashboard::{connected, serve, text};

/// Between a browser and a server: passes on what it gets, until it is cut.
struct Relay {
    host: String,
    links: Arc<Mutex<Links>>,
}

#[derive(Default)]
struct Links {
    is_cut: bool,
    open: Vec<TcpStream>,
}

impl Relay {
    fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let links = Arc::<Mutex<Links>>::default();
        let (held, server) = (links.clone(), server.to_owned());
        thread::spawn(move || {
            for browser in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(&server).unwrap();
                let mut links = held.lock().unwrap();
                if links.is_cut {
                    continue;
                }
                pass(&browser, &server);
                pass(&server, &browser);
                links.open.extend([browser, server]);
            }
        });
        Self { host, links }
    }

    /// Cuts every link, and each that is made from now on; or lets them be made.
    fn cut(&self, is_cut: bool) {
        let mut links = self.links.lock().unwrap();
        links.is_cut = is_cut;
        for link in links.open.drain(..) {
            let _ = link.shutdown(Shutdown::Both);
        }
    }
}

fn pass(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    thread::spawn(move || {
        let _ = copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
}

/// How many events of the list begin like this.
fn told(words: &str) -> String {
    format!(
        "[...document.querySelectorAll('#events li')].filter((one) => one.textContent.includes({})).length",
        json!(words)
    )
}

const LIVE: &str = "document.querySelector('#link').className === 'live'";
const GONE: &str = "document.querySelector('#link').className === 'gone'";

#[test]
fn a_link_that_comes_back_tells_what_was_missed_and_nothing_twice() {
    let directory = tempfile::tempdir().unwrap();
    let (_server, listening) = serve(directory.path(), &[]);
    let relay = Relay::to(text(&listening, "address"));
    Page::open(&format!("http://{}/", relay.host), |page| async move {
        page.until(LIVE).await;
        let _first = connected(&listening);
        page.until(&format!("{} === 1", told("conn 1: upgraded")))
            .await;
        relay.cut(true);
        page.until(GONE).await;
        let _second = connected(&listening);
        relay.cut(false);
        page.until(LIVE).await;
        page.until(&format!("{} === 1", told("conn 2: upgraded")))
            .await;
        let again = page
            .run(&format!("return {}", told("conn 1: upgraded")))
            .await;
        assert_eq!(again, 1);
        page.until("document.querySelectorAll('#timeline rect.connecting').length === 2")
            .await;
    });
}

/// Another server on the port of the first, by this arguments, after the first had two connections and a fault.
fn begun_anew(more: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let (server, listening) = serve(directory.path(), more);
    let host = text(&listening, "address").to_owned();
    let (_, port) = host.rsplit_once(':').unwrap();
    Page::open(&format!("http://{host}/"), |page| async move {
        page.until(LIVE).await;
        let clients = [connected(&listening), connected(&listening)];
        page.until(&format!("{} === 1", told("conn 2: upgraded")))
            .await;
        page.click("#switches button").await;
        page.until("document.querySelector('#switches button').ariaPressed === 'true'")
            .await;
        drop(server);
        page.until(GONE).await;
        drop(clients);

        let arguments = [&["serve", "--port", port, "--format", "json"], more].concat();
        let mut server = Squall::start(directory.path(), &arguments, &[]);
        let line = server.line(|line| line["listening"].is_object());
        let listening = &line["listening"];
        page.until(LIVE).await;
        page.until("document.querySelector('#events').textContent === ''")
            .await;
        assert_eq!(page.text("#root-key").await, text(listening, "root_key"));
        page.until("document.querySelector('#switches button').ariaPressed === 'false'")
            .await;
        let _client = connected(listening);
        page.until(&format!("{} === 1", told("conn 1: upgraded")))
            .await;
        page.until("document.querySelectorAll('#timeline rect.connecting').length === 1")
            .await;
        assert_eq!(
            page.run("return document.querySelectorAll('#connections tbody tr').length")
                .await,
            1
        );
    });
}

#[test]
fn another_server_on_its_port_is_shown_from_its_beginning_with_its_key() {
    begun_anew(&[]);
}

#[test]
fn a_server_begun_anew_with_the_same_key_is_shown_from_its_beginning() {
    begun_anew(&["--seed", "7"]);
}
