//! The report of a set of runs, opened from its file.

use std::fs;
use std::path::Path;

use base64::Engine;
use serde_json::json;
use squall_browser::{Page, Squall};

/// What must stay text, wherever it is said.
const HOSTILE: &str = "<img src=x onerror=owned()></script><script>owned()</script>";

/// A 515 after six hours; `before` dials into the block.
const BLOCKED: &str = r#"
name: a block and an operator
seed: 7
runs_for: 3d
organizations: { "2": { paired: true } }
link: { latency: 40ms..90ms }
before: { fails: [dial_attribution, limiter_shadow] }
steps:
  - { at: 0s, start_session: { org: "2" } }
  - { at: 6h, inject: { stream_error: { code: "515" } } }
  - { every: 1h, from: 7h, until: 30h, start_session: { org: "2" } }
"#;

/// Closed with markup for a reason, and named by it.
const NAMED: &str = r#"
name: "<img src=x onerror=owned()></script><script>owned()</script>"
runs_for: 2h
organizations: { "1": { paired: true } }
steps:
  - { at: 0s, start_session: { org: "1" } }
  - { at: 1h, inject: { close: { code: 1011, reason: "<img src=x onerror=owned()></script><script>owned()</script>" } } }
expect:
  - dials: { org: "1", count: 2 }
"#;

/// A hundred days of one session.
const LONG: &str = "name: a hundred days\nruns_for: 100d\norganizations: { \"1\": { paired: true } }\nsteps:\n  - { at: 0s, start_session: { org: \"1\" } }\n";

/// Runs these scenarios with a report, and opens it.
fn reported<F: Future<Output = ()>>(scenarios: &[(&str, &str)], test: impl FnOnce(Page) -> F) {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in scenarios {
        fs::write(directory.path().join(name), text).unwrap();
    }
    let ran = Squall::run(directory.path(), &["run", ".", "--report", "report"]);
    assert!(matches!(ran.code(), Some(0 | 1)), "{ran}");
    let file = directory.path().join("report/index.html");
    Page::open(&address(&file), test);
}

fn address(file: &Path) -> String {
    format!("file://{}", file.display())
}

#[test]
fn it_opens_from_a_file_and_asks_nobody_for_anything() {
    reported(
        &[("blocked.yaml", BLOCKED), ("named.yaml", NAMED)],
        |page| async move {
            assert!(
                page.text("#headline")
                    .await
                    .starts_with("2 runs of session")
            );
            page.click("#runs-table tbody a").await;
            page.until("document.querySelector('.chart .bar')").await;
            page.click(".show").await;
            let asked = page.asked_for().await;
            let beyond: Vec<_> = asked
                .iter()
                .filter(|url| !url.starts_with("file://"))
                .collect();
            assert!(beyond.is_empty(), "{beyond:?}");
            assert!(!asked.is_empty(), "the log tells of the page itself");
        },
    );
}

#[test]
fn runs_are_filtered_by_words_and_by_verdict() {
    reported(
        &[("blocked.yaml", BLOCKED), ("named.yaml", NAMED)],
        |page| async move {
            assert_eq!(page.text("#filter-count").await, "2 of 2");
            page.picture("report.png").await;
            page.keys("#filter-text", "OPERATOR").await;
            page.until("document.querySelector('#filter-count').textContent === '1 of 2'")
                .await;
            let shown = page.run("return [...document.querySelectorAll('#runs-table tbody tr')].filter((row) => row.checkVisibility()).map((row) => row.querySelector('a').textContent)").await;
            assert_eq!(shown, json!(["a block and an operator"]));
            page.click("#filter-verdicts input[value=held]").await;
            page.until("document.querySelector('#filter-count').textContent === '0 of 2'")
                .await;
        },
    );
}

#[test]
fn a_finding_is_followed_to_its_moment_and_its_replay_line_is_there_to_copy() {
    reported(&[("blocked.yaml", BLOCKED)], |page| async move {
        page.click("#runs-table tbody a").await;
        page.until("document.querySelectorAll('.finding-line').length > 0")
            .await;
        assert!(page.text(".range").await.starts_with("0.000s to 3d"));
        page.click(".show").await;
        page.until("document.querySelector('.range').textContent.startsWith('5h ')")
            .await;
        page.until("document.querySelector('.details pre')").await;
        let details = page.text(".details").await;
        assert!(details.contains("dial_attribution"), "{details}");
        assert!(details.contains("6h 0m 5."), "{details}");
        page.picture("report-finding.png").await;
        let lines = page.run("return [...document.querySelectorAll('.copyable code')].map((code) => code.textContent)").await;
        assert_eq!(
            lines,
            json!([
                "squall run ./blocked.yaml --seed 7 --explain",
                "squall run ./blocked.yaml --seed 7 --subject before --explain"
            ])
        );
        page.click(".copyable .copy").await;
        page.until("document.querySelector('.copyable .said').textContent === 'copied'")
            .await;
        let ledger = page.text(".ledger").await;
        assert!(
            ledger.contains("refused: block") && ledger.contains("next possible"),
            "{ledger}"
        );
        assert!(ledger.contains("0 of 3 attempts of all in 1h"), "{ledger}");
    });
}

#[test]
fn the_keyboard_opens_a_run_zooms_moves_and_goes_from_finding_to_finding() {
    reported(&[("blocked.yaml", BLOCKED)], |page| async move {
        page.keys("#runs-table tbody a", "\u{e007}").await;
        page.until("document.querySelector('.chart .bar')").await;
        let range = "document.querySelector('.range').textContent";
        page.until(&format!("{range}.endsWith('(3d)')")).await;
        page.keys(".timeline", "+").await;
        page.until(&format!("{range}.endsWith('(1d 12h)')")).await;
        let before = page.text(".range").await;
        page.keys(".timeline", "\u{e014}").await;
        page.until(&format!("{range} !== {}", json!(before))).await;
        page.keys(".timeline", "n").await;
        page.until("document.querySelector('.details').textContent.includes('dial_attribution')")
            .await;
        page.keys(".timeline", "n").await;
        page.until("document.querySelector('.details').textContent.includes('limiter_shadow')")
            .await;
        page.keys(".timeline", "0").await;
        page.until(&format!("{range}.endsWith('(3d)')")).await;
    });
}

#[test]
fn markup_in_a_name_or_a_close_reason_stays_text() {
    reported(&[("named.yaml", NAMED)], |page| async move {
        assert_eq!(page.text("#runs-table tbody a").await, HOSTILE);
        page.click("#runs-table tbody a").await;
        page.until("document.querySelector('.chart .bar')").await;
        assert!(page.text("#run h2").await.starts_with(HOSTILE));
        page.keys(".entries-part input", "close frame 1011").await;
        page.until("document.querySelectorAll('.entries li').length === 5")
            .await;
        let entries = page
            .run("return document.querySelector('.entries').textContent")
            .await;
        assert!(
            entries.as_str().unwrap().contains("close frame 1011"),
            "{entries}"
        );
        assert!(
            entries
                .as_str()
                .unwrap()
                .contains("<img src=x onerror=owned()>"),
            "{entries}"
        );
        let made = page.run("return [document.images.length, document.querySelectorAll('main script').length, typeof owned]").await;
        assert_eq!(made, json!([0, 0, "undefined"]));
    });
}

#[test]
fn it_can_be_read_in_the_light_and_in_the_dark() {
    reported(&[("blocked.yaml", BLOCKED)], |page| async move {
        let mut grounds = Vec::new();
        for scheme in ["light", "dark"] {
            page.prefer(scheme).await;
            let ground = page
                .run("return getComputedStyle(document.body).backgroundColor")
                .await;
            grounds.push(ground);
            let texts = ["body", "#headline", "#runs-table a", ".badge"];
            let pairs = texts.map(|css| [(css, "color"), ("body", "backgroundColor")]);
            let contrast = page.contrast(&pairs).await;
            assert!(contrast >= 4.5, "{scheme}: {contrast}");
        }
        assert_ne!(grounds[0], grounds[1]);
        page.click("#runs-table tbody a").await;
        page.until("document.querySelector('.chart .bar')").await;
        page.picture("report-dark.png").await;
    });
}

#[test]
fn a_narrow_window_scrolls_down_alone_and_paper_has_the_run() {
    reported(
        &[("blocked.yaml", BLOCKED), ("named.yaml", NAMED)],
        |page| async move {
            page.resize(390, 844, true).await;
            let overflow = "return document.documentElement.scrollWidth - innerWidth";
            assert_eq!(page.run(overflow).await, json!(0));
            page.click("#runs-table tbody a").await;
            page.until("document.querySelector('.chart .bar')").await;
            assert_eq!(page.run(overflow).await, json!(0));
            page.picture("report-narrow.png").await;
            let pdf = page.printed().await;
            let pdf = base64::prelude::BASE64_STANDARD.decode(pdf).unwrap();
            assert!(pdf.starts_with(b"%PDF"));
        },
    );
}

#[test]
fn of_a_long_run_little_is_drawn_and_everything_is_there() {
    reported(&[("long.yaml", LONG)], |page| async move {
        page.click("#runs-table tbody a").await;
        page.until("document.querySelector('.chart .bar')").await;
        let drawn = page
            .run("return document.querySelectorAll('.timeline svg *').length")
            .await;
        assert!(drawn.as_u64().unwrap() < 2_500, "{drawn}");
        page.until("document.querySelector('.entries-part output').textContent.startsWith('the first 250 of')").await;
        // 100 days of a ping every 25 s, none of which is left out of the folds.
        let folded = page.run("return timelineOf(known.runs[0]).then(({ marks }) => marks.flatMap(({ text }) => text.match(/(\\d+) IQ ping/)?.[1] ?? []).reduce((sum, count) => sum + Number(count), 0))").await;
        let pings = page.run("return known.runs[0].facts.iq_pings").await;
        assert_eq!(folded, pings);
        assert!(pings.as_u64().unwrap() > 345_000, "{pings}");
    });
}
