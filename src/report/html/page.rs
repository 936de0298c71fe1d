//! The page around the data: its markup, its one style and its one script.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use crate::report::keep_alive::picture;

const MARKUP: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");

/// The script, in the order in which its parts build upon each other.
const SCRIPT: &[&str] = &[
    include_str!("dom.js"),
    include_str!("time.js"),
    include_str!("data.js"),
    include_str!("summary.js"),
    include_str!("comparison.js"),
    include_str!("scale.js"),
    include_str!("thin.js"),
    include_str!("lanes.js"),
    include_str!("chart.js"),
    include_str!("entries.js"),
    include_str!("ledger.js"),
    include_str!("run.js"),
    include_str!("keep_alive.js"),
    include_str!("main.js"),
];

/// The page with this picture, which is an element of our own or nothing, and this data: JSON that is fit to stand in an
/// element, and blocks of base64 with their names.
pub(super) fn page(picture: &str, known: &str, blocks: &[(String, String)]) -> String {
    let script = format!("\n\"use strict\";\n{}", SCRIPT.join("\n"));
    let style = format!("\n{STYLE}{}", picture::STYLE);
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'",
        hash(&script),
        hash(&style)
    );
    let blocks: String = blocks
        .iter()
        .map(|(id, block)| format!("<script type=\"text/plain\" id=\"{id}\">{block}</script>\n"))
        .collect();
    // What is put in last is the data, in which no placeholder is looked for any more.
    let (head, rest) = split(MARKUP, "{{picture}}");
    let (middle, rest) = split(rest, "{{data}}");
    let (script_head, script_tail) = split(rest, "{{script}}");
    let head = head
        .replace("{{policy}}", &policy)
        .replace("{{style}}", &style);
    [
        head.as_str(),
        picture,
        middle,
        known,
        "</script>\n",
        &blocks,
        script_head,
        &script,
        script_tail,
    ]
    .concat()
}

fn split<'a>(markup: &'a str, place: &str) -> (&'a str, &'a str) {
    markup.split_once(place).expect("the markup has this place")
}

/// As a content security policy names a script or a style.
fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}
