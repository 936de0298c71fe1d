//! The name that was probably meant: of a fault, of its parameters, and of whatever else is written beside them.

/// The most similar of `names`, if it is similar enough to be a slip of the fingers.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    /// Where unrelated words of this language begin: `clsoe`/`close` has 0.93, `stop`/`status` 0.72.
    const ALIKE: f64 = 0.8;
    names
        .into_iter()
        .map(|name| (likeness(&word.to_lowercase(), name), name))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name.to_owned())
}

/// From 0 to 1. One slip in a short word counts as much as a few in a long one.
fn likeness(word: &str, name: &str) -> f64 {
    let one_slip = strsim::damerau_levenshtein(word, name) <= 1 && word.len().max(name.len()) > 2;
    strsim::jaro_winkler(word, name).max(if one_slip { 0.9 } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let faults = ["close", "eof", "reset", "delay_pong", "withhold_pong"];
        assert_eq!(nearest("clsoe", faults).as_deref(), Some("close"));
        assert_eq!(
            nearest("delayed_pong", faults).as_deref(),
            Some("delay_pong")
        );
        assert_eq!(nearest("Reset", faults).as_deref(), Some("reset"));
        assert_eq!(nearest("asteroid", faults), None);
        assert_eq!(nearest("buy", ["by"]).as_deref(), Some("by"));
        assert_eq!(nearest("2", ["1", "3"]), None);
    }
}
