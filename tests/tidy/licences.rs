//! The licences of everything that comes in, tools of the tests included, against `deny.toml`.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::source::{none, root};

/// The strings of a list in `deny.toml`, by the line with which it begins. Comments may stand between them.
fn list(begins: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("deny.toml")).expect("deny.toml is there");
    let lines = text.lines().skip_while(|line| *line != begins).skip(1);
    let strings: BTreeSet<String> = lines
        .take_while(|line| *line != "]")
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| line.split('"').nth(1))
        .map(str::to_owned)
        .collect();
    assert!(
        !strings.is_empty(),
        "deny.toml has no list that begins with `{begins}`"
    );
    strings
}

/// Name, version and licence of every package that the two Cargo.lock hold, for every platform.
fn packages() -> Vec<(String, String, String)> {
    [packages_of("Cargo.toml"), packages_of("fuzz/Cargo.toml")].concat()
}

fn packages_of(manifest: &str) -> Vec<(String, String, String)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(["--manifest-path", manifest])
        .current_dir(root())
        .output()
        .expect("cargo can be run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata: {said}");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let field =
        |package: &serde_json::Value, name: &str| package[name].as_str().unwrap_or("").to_owned();
    packages
        .iter()
        .map(|package| {
            (
                field(package, "name"),
                field(package, "version"),
                field(package, "license"),
            )
        })
        .collect()
}

/// Whether an SPDX expression can be met with these licences alone. `WITH` binds to its licence, then `AND`, then `OR`;
/// `/` is how old crates wrote `OR`, and SPDX 3 lets it be written in lower case.
fn met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ")
        .replace(" or ", " OR ");
    let mut words = spaced.split_whitespace().peekable();
    let met = any(&mut words, allowed);
    met && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut met = all(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        met |= all(words, allowed);
    }
    met
}

fn all(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut met = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    match words.next() {
        Some("(") => any(words, allowed) & words.next_if_eq(&")").is_some(),
        Some(name) => {
            let exception = words.next_if_eq(&"WITH").and_then(|_| words.next());
            let whole = exception.map_or_else(
                || name.to_owned(),
                |exception| format!("{name} WITH {exception}"),
            );
            allowed.contains(&whole)
        }
        None => false,
    }
}

#[test]
fn every_dependency_is_under_a_licence_that_we_allow() {
    let allowed = list("allow = [");
    let found: Vec<String> = packages()
        .into_iter()
        .filter(|(_, _, licence)| !met(licence, &allowed))
        .map(|(name, version, licence)| format!("{name} {version}: {licence:?}"))
        .collect();
    none(
        &found,
        "Choose another crate. The licences that may come in are listed in deny.toml.",
    );
}

#[test]
fn no_dependency_is_one_that_we_ban() {
    let text = fs::read_to_string(root().join("deny.toml")).expect("deny.toml is there");
    let banned: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("{ name = \"")?.split('"').next())
        .collect();
    assert!(
        !banned.is_empty(),
        "deny.toml bans nothing: this test would hold nothing"
    );
    let found: Vec<String> = packages()
        .into_iter()
        .filter(|(name, _, _)| banned.contains(name.as_str()))
        .map(|(name, version, _)| format!("{name} {version}"))
        .collect();
    none(&found, "deny.toml says why each of them is banned.");
}

#[test]
fn no_copyleft_licence_is_allowed() {
    let copyleft: Vec<String> = list("allow = [")
        .into_iter()
        .filter(|licence| licence.contains("GPL"))
        .collect();
    none(&copyleft, "What we ship stays MIT OR Apache-2.0.");
}

#[test]
fn a_licence_expression_is_read_as_spdx_means_it() {
    let allowed: BTreeSet<String> = ["MIT", "Zlib", "Apache-2.0 WITH LLVM-exception"]
        .map(str::to_owned)
        .into();
    for good in [
        "MIT",
        "GPL-3.0 OR MIT",
        "GPL-3.0/MIT",
        "MIT AND Zlib",
        "(GPL-3.0 OR MIT) AND Zlib",
        "GPL-3.0 AND AGPL-3.0 OR MIT",
        "Apache-2.0 WITH LLVM-exception",
    ] {
        assert!(met(good, &allowed), "{good}");
    }
    for bad in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "MIT AND (GPL-3.0 OR AGPL-3.0)",
        "Apache-2.0",
        "MIT WITH LLVM-exception",
        "(MIT",
        "MIT Zlib",
    ] {
        assert!(!met(bad, &allowed), "{bad}");
    }
}
