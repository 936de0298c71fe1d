//! The page is whole, holds hostile text as data, and is written whole or not at all.

use std::time::Duration;

use super::*;
use crate::report::tests::{found, held};

fn page(outcomes: &[Outcome]) -> String {
    let report = Report {
        outcomes,
        compared: &[],
        wall: Duration::from_secs(1),
        keep_alive: None,
    };
    report.page().unwrap()
}

#[test]
fn a_name_cannot_end_the_element_that_holds_the_data() {
    let outcome = Outcome {
        scenario: "</script><script>owned()</script><!--{{script}}".to_owned(),
        ..held("x")
    };
    let page = page(&[outcome]);
    assert!(!page.contains("<script>owned"));
    assert!(page.contains("\\u003c/script>\\u003cscript>owned()"));
    let ends = page.matches("</script>").count();
    assert_eq!(ends, 2, "of the data and of the script");
}

/// The policy names the script and the style that are there: change one and not the other, and no browser runs it.
#[test]
fn the_policy_names_the_script_and_the_style_that_are_there() {
    let page = page(&[held("calm"), found()]);
    let between = |from: &str, to: &str| {
        let (_, rest) = page.split_once(from).unwrap();
        rest.split_once(to).unwrap().0.to_owned()
    };
    for (kind, text) in [
        ("script", between("<script>", "</script>")),
        ("style", between("<style>", "</style>")),
    ] {
        let digest = <sha2::Sha256 as sha2::Digest>::digest(&text);
        let hash = format!("{kind}-src 'sha256-{}'", BASE64_STANDARD.encode(digest));
        assert!(page.contains(&hash), "{kind}");
    }
    for beyond in ["src=", "href=\"http", "@import", "url("] {
        let markup = page.split("<script type").next().unwrap();
        assert!(!markup.contains(beyond), "{beyond}");
    }
}

#[test]
fn a_report_is_written_whole_in_the_place_of_the_one_before_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let outcomes = [held("calm")];
    let report = Report {
        outcomes: &outcomes,
        compared: &[],
        wall: Duration::ZERO,
        keep_alive: None,
    };
    for _ in 0..2 {
        assert_eq!(report.write(at).unwrap(), at.join(FILE));
        let files: Vec<_> = std::fs::read_dir(at).unwrap().collect();
        assert_eq!(files.len(), 1, "{files:?}");
    }
    std::fs::remove_file(at.join(FILE)).unwrap();
    std::fs::create_dir(at.join(FILE)).unwrap();
    assert!(prepare(at).is_err());
    assert!(report.write(at).is_err());
    let files: Vec<_> = std::fs::read_dir(at).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");
}
