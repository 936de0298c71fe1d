//! What was probably meant: serde says which name it does not know and which it does.

use crate::fault::nearest;

/// What a refusal by serde says, for a person: with the nearest name, where it is a name that is not known.
pub(super) fn explained(path: &str, refusal: &str) -> String {
    // Where in the text of a request it is helps nobody who wrote none.
    let refusal = refusal
        .rsplit_once(" at line ")
        .map_or(refusal, |(said, _)| said);
    let place = |path: &str| match path {
        "." | "" => String::new(),
        path => format!("{path}: "),
    };
    match unknown(refusal) {
        None => format!("{}{refusal}", place(path)),
        Some((word, names)) => {
            // The place of a name is what it is in.
            let outer = path.strip_suffix(word).unwrap_or(path);
            let place = place(outer.strip_suffix('.').unwrap_or(outer));
            let hint = match nearest(word, names.iter().copied()) {
                Some(name) => format!("did you mean {name:?}?"),
                None if names.is_empty() => "there are none here".to_owned(),
                None => format!("there are: {}", names.join(", ")),
            };
            format!("{place}unknown name {word:?}, {hint}")
        }
    }
}

/// The name that is not known, and those that are.
fn unknown(refusal: &str) -> Option<(&str, Vec<&str>)> {
    let rest = refusal
        .strip_prefix("unknown field `")
        .or_else(|| refusal.strip_prefix("unknown variant `"))?;
    let (word, rest) = rest.split_once('`')?;
    Some((word, rest.split('`').skip(1).step_by(2).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_told_with_what_was_meant_and_another_word_with_what_there_is() {
        let refusal =
            "unknown variant `clsoe`, expected one of `close`, `eof`, `reset` at line 1 column 9";
        assert_eq!(
            explained("fault", refusal),
            r#"fault: unknown name "clsoe", did you mean "close"?"#
        );
        let refusal = "unknown field `when`, expected `code` or `reason`";
        assert_eq!(
            explained("fault.close.when", refusal),
            r#"fault.close: unknown name "when", there are: code, reason"#
        );
        let refusal = "unknown field `x`, there are no fields";
        assert!(explained("x", refusal).ends_with("there are none here"));
    }

    #[test]
    fn what_is_no_name_is_said_as_it_is() {
        assert_eq!(
            explained(".", "missing field `fault` at line 1 column 2"),
            "missing field `fault`"
        );
    }
}
