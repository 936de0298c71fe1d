//! What the README and docs/ tell of keep-alives is what the program says: all of it is in virtual time, so the same on every
//! machine.

use std::fs;

use super::squall;

/// How to write what has become stale anew.
const ANEW: &str = "write it anew from `squall bench keep-alive --svg docs/keep-alive.svg`";

#[test]
fn the_readme_and_its_picture_tell_of_keep_alives_what_the_program_says() {
    let folder = tempfile::tempdir().unwrap();
    let drawn = folder.path().join("keep-alive.svg");
    let output = squall(&["bench", "keep-alive", "--svg", drawn.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    let readme = fs::read_to_string("README.md").unwrap();

    let (_, shown) = readme.split_once("$ squall bench keep-alive\n").unwrap();
    let (tables, after) = shown.split_once("…\n```\n").unwrap();
    assert!(tables.contains("\nsession ") && tables.contains("\nwhatsapp-rust "));
    assert!(said.starts_with(tables), "the tables: {ANEW}\n{said}");

    let quoted: Vec<&str> = after
        .lines()
        .skip_while(|line| !line.starts_with("> "))
        .map_while(|line| line.strip_prefix("> "))
        .collect();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let paragraph = words(&quoted.join(" "));
    assert!(paragraph.starts_with("The session's policy") && paragraph.contains("For a server"));
    assert!(
        words(&said).contains(&paragraph),
        "the paragraph: {ANEW}\n{said}"
    );

    let picture = fs::read_to_string("docs/keep-alive.svg").unwrap();
    assert!(
        fs::read_to_string(drawn).unwrap() == picture,
        "docs/keep-alive.svg: {ANEW}"
    );
}
