//! The report for whoever has no use for its picture: by the keyboard, in words, on paper.

use base64::Engine;
use serde_json::json;

use crate::report::{BLOCKED, reported};

/// A connection that is closed, a cooldown, a process that is suspended, and a fault that stands.
const EVENTFUL: &str = r#"
name: something of everything
runs_for: 5h
organizations: { "1": { paired: true } }
steps:
  - { at: 0s, start_session: { org: "1" } }
  - { at: 30m, fault: { delay_reply: { by: 12s } }, for: 1m }
  - { at: 1h, suspend: { for: 5m } }
  - { at: 2h, inject: { close: { code: 1011 } } }
  - { at: 4h 30m, start_session: { org: "1" } }
"#;

const ENTRIES: &str = "[...document.querySelectorAll('.entries button')]";

#[test]
fn what_bars_show_is_in_the_entries_and_is_chosen_by_the_keyboard() {
    reported(&[("eventful.yaml", EVENTFUL)], |page| async move {
        page.click("#runs-table tbody a").await;
        page.until("document.querySelector('.chart .bar')").await;
        let bars = page
            .run("return timelineOf(known.runs[0]).then(({ bars, lanes }) => bars.map((bar) => [`${point(bar.from)} to ${point(bar.to)}`, laneName(lanes[bar.lane]), bar.text]))")
            .await;
        let entries = page
            .run(&format!("return {ENTRIES}.map((one) => [...one.children].map((part) => part.textContent.replace('session, ', '')))"))
            .await;
        let (bars, entries) = (bars.as_array().unwrap(), entries.as_array().unwrap());
        for bar in bars {
            assert!(entries.contains(bar), "{bar} is not in {entries:#?}");
        }
        for kind in ["cooldown", "suspended", "degraded", "delay_reply", "conn 1"] {
            let told = |bar: &serde_json::Value| bar[2].as_str().unwrap().contains(kind);
            assert!(bars.iter().any(told), "{kind} in {bars:#?}");
        }

        page.keys(".entries-part input", "limiter session org 1: cooldown")
            .await;
        page.until(&format!("{ENTRIES}.length === 1")).await;
        page.keys(".entries button", "\u{e007}").await;
        page.until("document.querySelector('.details').textContent.includes('cooldown')")
            .await;
        let kept = page
            .run("const { ariaPressed, className } = document.activeElement; return [ariaPressed, className.split(' ')[0]]")
            .await;
        assert_eq!(kept, json!(["true", "entry"]));
        let details = page.text(".details").await;
        assert!(
            details.contains("for") && details.contains("2h"),
            "{details}"
        );

        // Of some minutes within it, it is still told.
        page.keys(".timeline", "+++++").await;
        page.until("document.querySelector('.range').textContent.startsWith('2h 2')")
            .await;
        page.until(&format!("{ENTRIES}.length === 1")).await;
    });
}

#[test]
fn the_legend_explains_whatever_is_drawn() {
    reported(
        &[("blocked.yaml", BLOCKED), ("eventful.yaml", EVENTFUL)],
        |page| async move {
            for run in 1..=2 {
                page.click(&format!("#runs-table tbody tr:nth-child({run}) a"))
                    .await;
                page.until("document.querySelector('.chart .bar')").await;
                let unexplained = page
                    .run("const of = (where) => new Set([...document.querySelectorAll(`${where} :is(.bar, .mark, .finding-line)`)].map((one) => one.getAttribute('class'))); const known = of('.legend'); return [[...of('.chart')].filter((one) => !known.has(one)), of('.chart').size > 5];")
                    .await;
                assert_eq!(unexplained, json!([[], true]));
                page.click("#run nav a").await;
                page.until("document.querySelector('#overview').checkVisibility()")
                    .await;
            }
        },
    );
}

#[test]
fn a_browser_that_cannot_open_a_timeline_says_so_and_shows_the_rest() {
    reported(&[("blocked.yaml", BLOCKED)], |page| async move {
        page.run("delete window.DecompressionStream").await;
        page.click("#runs-table tbody a").await;
        page.until("document.querySelector('.lack')").await;
        let said = page.text(".lack").await;
        assert!(
            said.contains("this browser") && said.contains("Firefox 113"),
            "{said}"
        );
        let found = page.text("#run .found").await;
        assert!(found.contains("dial_attribution"), "{found}");
    });
}

/// What can be seen is looked at as for paper, by somebody who otherwise likes it dark: paper is white.
#[test]
fn paper_has_the_run() {
    reported(&[("blocked.yaml", BLOCKED)], |page| async move {
        page.prefer("dark").await;
        page.click("#runs-table tbody a").await;
        page.until("document.querySelector('.chart .bar')").await;
        page.prints(true).await;
        for css in [
            "#run h2",
            "#run .found",
            ".copyable code",
            ".chart .bar rect",
            ".entries .what",
            ".ledger td",
            ".legend",
        ] {
            let shown = page
                .run(&format!("const one = document.querySelector({}); const box = one.getBoundingClientRect(); return one.checkVisibility() && box.width > 0 && box.height > 0", json!(css)))
                .await;
            assert_eq!(shown, true, "{css}");
        }
        let text = page.text("#run").await;
        for words in [
            "a block and an operator",
            "before: findings, 2 findings",
            "limiter_shadow",
            "org 2: block",
        ] {
            assert!(text.contains(words), "{words:?} is not in {text}");
        }
        let ink = page
            .run("return ['#run h2', '.entries .what', '.chart .tick'].map((css) => { const style = getComputedStyle(document.querySelector(css)); const [r, g, b] = (css.startsWith('.chart') ? style.fill : style.color).match(/[\\d.]+/g); return Math.max(r, g, b); })")
            .await;
        let light = ink
            .as_array()
            .unwrap()
            .iter()
            .filter(|most| most.as_f64() > Some(150.0));
        assert_eq!(light.count(), 0, "{ink}");
        let controls = page
            .run("return ['.controls button', '.copy', '#run nav'].filter((css) => document.querySelector(css).checkVisibility())")
            .await;
        assert_eq!(controls, json!([]));
        let pdf = page.printed().await;
        let pdf = base64::prelude::BASE64_STANDARD.decode(pdf).unwrap();
        assert!(pdf.starts_with(b"%PDF"));
    });
}
