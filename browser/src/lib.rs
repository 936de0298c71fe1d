//! A headless Chromium for the tests of what Squall shows people, driven over WebDriver.
//!
//! It needs Debian's `chromium` and `chromium-driver`; `cargo xtask test` installs them where it may.

mod commands;
mod process;

use std::path::Path;

use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use commands::{Cdp, Log};
pub use process::{Driver, Squall};

/// A page in a browser of its own.
pub struct Page {
    client: Client,
}

impl Page {
    /// Opens this address in a new browser, runs the test and closes it, whatever came of it.
    ///
    /// # Panics
    /// Where no browser can be had, which says how to get one; or as the test does.
    pub fn open<F: Future<Output = ()>>(address: &str, test: impl FnOnce(Page) -> F) {
        let driver = Driver::start();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let client = ClientBuilder::new(HttpConnector::new())
                .capabilities(capabilities())
                .connect(driver.address())
                .await
                .expect("chromium starts");
            let page = Page {
                client: client.clone(),
            };
            page.resize(1280, 900, false).await;
            client.goto(address).await.expect("the page opens");
            test(page).await;
            client.close().await.expect("the browser closes");
        });
    }

    /// What this script returns.
    pub async fn run(&self, script: &str) -> Value {
        let result = self.client.execute(script, Vec::new()).await;
        result.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Waits until this expression is true. Of what is not there yet it is not.
    pub async fn until(&self, expression: &str) {
        let script = format!("try {{ return Boolean({expression}) }} catch {{ return false }}");
        for _ in 0..TRIES {
            if self.run(&script).await == json!(true) {
                return;
            }
            tokio::time::sleep(BETWEEN).await;
        }
        let body = self.run("return document.body.innerText").await;
        panic!(
            "never true: {expression}\n{}",
            body.as_str().unwrap_or_default()
        );
    }

    /// The text that can be seen of the first element like this.
    pub async fn text(&self, css: &str) -> String {
        let element = self.client.wait().for_element(Locator::Css(css)).await;
        let element = element.unwrap_or_else(|error| panic!("{css}: {error}"));
        element.text().await.expect("a text")
    }

    /// Clicks on the first element like this.
    pub async fn click(&self, css: &str) {
        let element = self.client.wait().for_element(Locator::Css(css)).await;
        let element = element.unwrap_or_else(|error| panic!("{css}: {error}"));
        element
            .click()
            .await
            .unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Types into the first element like this.
    pub async fn keys(&self, css: &str, keys: &str) {
        let element = self.client.wait().for_element(Locator::Css(css)).await;
        let element = element.unwrap_or_else(|error| panic!("{css}: {error}"));
        element.send_keys(keys).await.expect("keys");
    }

    /// Makes the window this large, in CSS pixels.
    pub async fn resize(&self, width: u32, height: u32, mobile: bool) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile});
        self.cdp("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// As of a person who likes it dark, or light.
    pub async fn prefer(&self, scheme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.cdp("Emulation.setEmulatedMedia", features).await;
    }

    /// Whether it is shown as it is printed, in a browser that goes on preferring what it was told.
    pub async fn prints(&self, paper: bool) {
        let media = json!({"media": if paper { "print" } else { "" }});
        self.cdp("Emulation.setEmulatedMedia", media).await;
    }

    /// The page as it would be printed, a PDF in base64.
    pub async fn printed(&self) -> String {
        let pdf = self.cdp("Page.printToPDF", json!({})).await;
        pdf["data"].as_str().unwrap_or_default().to_owned()
    }

    /// Every address that was asked for since the last call.
    pub async fn asked_for(&self) -> Vec<String> {
        let log = self.client.issue_cmd(Log).await.expect("a log");
        let lines = log.as_array().cloned().unwrap_or_default();
        lines
            .iter()
            .filter_map(|line| serde_json::from_str::<Value>(line["message"].as_str()?).ok())
            .filter(|line| line["message"]["method"] == "Network.requestWillBeSent")
            .filter_map(|line| {
                let request = &line["message"]["params"]["request"];
                request["url"].as_str().map(str::to_owned)
            })
            .collect()
    }

    /// The least contrast of these, each a text and its ground: an element and which of its properties is the colour. WCAG 2
    /// asks for 4.5 to 1.
    pub async fn contrast(&self, pairs: &[[(&str, &str); 2]]) -> f64 {
        let script = format!("return ({CONTRAST})({})", json!(pairs));
        let least = self.run(&script).await;
        least.as_f64().expect("a number")
    }

    /// Writes a picture into `docs/images`, where `SQUALL_SCREENSHOTS` is set.
    pub async fn picture(&self, name: &str) {
        let png = self.client.screenshot().await.expect("a picture");
        assert!(png.starts_with(b"\x89PNG"));
        if std::env::var_os("SQUALL_SCREENSHOTS").is_some() {
            let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images");
            std::fs::create_dir_all(&directory).expect("docs/images");
            std::fs::write(directory.join(name), png).expect("a picture is written");
        }
    }

    async fn cdp(&self, command: &'static str, parameters: Value) -> Value {
        let done = self.client.issue_cmd(Cdp(command, parameters)).await;
        done.unwrap_or_else(|error| panic!("{command}: {error}"))
    }
}

/// As WCAG 2 computes it, from the relative luminance of both colours.
const CONTRAST: &str = "(pairs) => {
  const light = ([css, property]) => {
    const channels = getComputedStyle(document.querySelector(css))[property].match(/[\\d.]+/g).map((part) => part / 255);
    const [r, g, b] = channels.map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return Math.min(...pairs.map((pair) => {
    const [dark, bright] = pair.map(light).sort((one, other) => one - other);
    return (bright + 0.05) / (dark + 0.05);
  }));
}";

fn capabilities() -> Capabilities {
    let arguments = [
        "--headless=new",
        // Whoever is root, as in most containers, has no sandbox.
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--hide-scrollbars",
    ];
    let value = json!({
        "goog:chromeOptions": { "args": arguments },
        "goog:loggingPrefs": { "performance": "ALL" },
    });
    match value {
        Value::Object(capabilities) => capabilities,
        _ => Capabilities::new(),
    }
}

/// So often something is looked for, and so long between two looks: what never comes fails after a minute.
const TRIES: u32 = 600;
const BETWEEN: std::time::Duration = std::time::Duration::from_millis(100);
