//! The study of keep-alive policies in a report: alone, and below the runs.

use std::fs;

use serde_json::json;
use squall_browser::{Page, Squall};

/// One session for an hour.
const HOUR: &str = "name: an hour\nruns_for: 1h\norganizations: { \"1\": { paired: true } }\nsteps:\n  - { at: 0s, start_session: { org: \"1\" } }\n";

fn opened<F: Future<Output = ()>>(arguments: &[&str], test: impl FnOnce(Page) -> F) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("an-hour.yaml"), HOUR).unwrap();
    let ran = Squall::run(
        directory.path(),
        &[arguments, &["--report", "report"]].concat(),
    );
    assert_eq!(ran.code(), Some(0));
    let file = directory.path().join("report/index.html");
    Page::open(&format!("file://{}", file.display()), test);
}

/// A study that is soon made, of every kind of policy.
fn studied<F: Future<Output = ()>>(test: impl FnOnce(Page) -> F) {
    let few = [
        "bench",
        "keep-alive",
        "--phases",
        "20",
        "--interval",
        "25s,60s,240s",
    ];
    opened(&few, test);
}

/// What can be seen, of these.
fn seen(css: &str) -> String {
    format!(
        "return [...document.querySelectorAll({})].filter((part) => part.checkVisibility()).map((part) => part.id)",
        json!(css)
    )
}

#[test]
fn a_study_alone_has_its_answer_its_picture_and_its_tables_and_nothing_of_runs() {
    studied(|page| async move {
        let headline = page.text("#headline").await;
        assert!(
            headline.starts_with("11 keep-alive policies, seed 1, by squall "),
            "{headline}"
        );
        let answer = page.text("#keep-alive-answer").await;
        assert!(
            answer.starts_with("The session's policy, an IQ ping every 25s"),
            "{answer}"
        );
        assert_eq!(
            page.run(&seen("#overview > [id]")).await,
            json!(["keep-alive"])
        );
        let tables = page.run("return [...document.querySelectorAll('.study')].map((table) => [table.tHead.rows[0].cells[0].textContent, table.tBodies[0].rows.length])").await;
        assert_eq!(tables, json!([["policy", 5], ["policy", 5], ["policy", 6]]));
        let assumed = page.text("#keep-alive-assumed").await;
        assert!(assumed.contains("--nat-idle 5m"), "{assumed}");
        // The picture is drawn in the page's one style: a dot for each policy, and the front in its width.
        let drawn = page.run("return [document.querySelectorAll('svg.keep-alive circle').length, getComputedStyle(document.querySelector('.keep-alive .front')).strokeWidth]").await;
        assert_eq!(drawn, json!([11, "3px"]));
        let asked = page.asked_for().await;
        assert!(
            !asked.is_empty() && asked.iter().all(|url| url.starts_with("file://")),
            "{asked:?}"
        );
    });
}

#[test]
fn a_phone_scrolls_the_page_down_and_a_table_aside_by_the_keyboard_too() {
    studied(|page| async move {
        page.resize(390, 844, true).await;
        let overflow = "return document.documentElement.scrollWidth - innerWidth";
        assert_eq!(page.run(overflow).await, json!(0));
        for part in ["figure", "#keep-alive-tables .scroll"] {
            page.keys(part, "\u{e014}\u{e014}").await;
            page.until(&format!("document.querySelector('{part}').scrollLeft > 0"))
                .await;
        }
        // Whose row it is stays in sight.
        let name = page
            .run("return document.querySelector('.study tbody th').getBoundingClientRect().left")
            .await;
        assert!(name.as_f64().unwrap() >= 0.0, "{name}");
        page.picture("report-keep-alive-narrow.png").await;
    });
}

#[test]
fn it_can_be_read_in_the_light_and_in_the_dark() {
    studied(|page| async move {
        let mut papers = Vec::new();
        for scheme in ["light", "dark"] {
            page.prefer(scheme).await;
            papers.push(
                page.run(
                    "return getComputedStyle(document.querySelector('.keep-alive .ground')).fill",
                )
                .await,
            );
            let words = ["#keep-alive-answer", ".study th", "#keep-alive-assumed dt"];
            let words = words.map(|css| [(css, "color"), ("body", "backgroundColor")]);
            let drawn = [
                ".keep-alive .title",
                ".keep-alive .tick",
                ".keep-alive .name",
            ];
            let drawn = drawn.map(|css| [(css, "fill"), (".keep-alive .ground", "fill")]);
            let contrast = page.contrast(&[words, drawn].concat()).await;
            assert!(contrast >= 4.5, "{scheme}: {contrast}");
        }
        assert_ne!(papers[0], papers[1]);
    });
}

#[test]
fn below_the_runs_it_is_found_from_the_top_and_out_of_the_way_of_a_run() {
    opened(&["run", ".", "--keep-alive"], |page| async move {
        assert!(page.text("#headline").await.starts_with("1 run of session"));
        assert_eq!(
            page.run(&seen("#parts, #totals, #runs, #keep-alive")).await,
            json!(["parts", "totals", "runs", "keep-alive"])
        );
        page.click("#parts a[href='#keep-alive']").await;
        page.until(
            "document.querySelector('#keep-alive').getBoundingClientRect().top < innerHeight / 2",
        )
        .await;
        assert_eq!(
            page.run("return document.querySelectorAll('svg.keep-alive circle').length")
                .await,
            json!(33)
        );
        page.picture("report-keep-alive.png").await;
        page.click("#runs-table tbody a").await;
        page.until("document.querySelector('.chart .bar')").await;
        assert_eq!(page.run(&seen("#keep-alive, #run")).await, json!(["run"]));
        page.run("history.back()").await;
        page.until("document.querySelector('#keep-alive').checkVisibility()")
            .await;
    });
}
