//! The name that was probably meant.

/// The most similar of `names`, if it is similar enough to be a slip of the fingers.
pub(super) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    /// Where unrelated words of this language begin: `clsoe`/`close` has 0.93, `stop`/`status` 0.72.
    const ALIKE: f64 = 0.8;
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&word.to_lowercase(), name), name))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name.to_owned())
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
    }
}
