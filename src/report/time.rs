//! Times for people.

use std::time::Duration;

use squall_protocol::{Instant, Millis};

/// A point of a run: `1d 6h 0m 0.062s`, from the largest unit that is not zero down to the second.
pub(super) fn point(at: Instant) -> String {
    let milliseconds = at.since_start().get();
    let (seconds, fraction) = (milliseconds / 1_000, milliseconds % 1_000);
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let mut text = String::new();
    if days > 0 {
        text.push_str(&format!("{days}d "));
    }
    if hours > 0 {
        text.push_str(&format!("{}h ", hours % 24));
    }
    if minutes > 0 {
        text.push_str(&format!("{}m ", minutes % 60));
    }
    text.push_str(&format!("{}.{fraction:03}s", seconds % 60));
    text
}

/// How long something took in our own time: `0.81 s`.
pub(super) fn took(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

/// A long stretch of simulated time in its two largest units: `1 y 40 d`, `3 d 2 h`.
pub(super) fn stretch(length: Millis) -> String {
    const UNITS: [(u64, &str); 5] = [
        (31_536_000_000, "y"),
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "min"),
        (1_000, "s"),
    ];
    let mut rest = length.get();
    let mut words: Vec<String> = Vec::new();
    for (size, name) in UNITS {
        if rest >= size {
            words.push(format!("{} {name}", rest / size));
            rest %= size;
        } else if !words.is_empty() {
            break;
        }
        if words.len() == 2 {
            break;
        }
    }
    if words.is_empty() {
        length.to_string()
    } else {
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_of_a_run_begins_with_its_largest_unit() {
        let shown = |at| point(Instant::at(at));
        assert_eq!(shown(62), "0.062s");
        assert_eq!(shown(61_000), "1m 1.000s");
        assert_eq!(shown(21_600_062), "6h 0m 0.062s");
        assert_eq!(shown(86_400_000), "1d 0h 0m 0.000s");
    }

    #[test]
    fn a_stretch_is_told_in_its_two_largest_units() {
        assert_eq!(stretch(Millis::from_days(405)), "1 y 40 d");
        assert_eq!(stretch(Millis::from_hours(74)), "3 d 2 h");
        assert_eq!(stretch(Millis::from_days(365)), "1 y");
        assert_eq!(stretch(Millis::new(3_600_001)), "1 h");
        assert_eq!(stretch(Millis::new(5)), "5ms");
        assert_eq!(stretch(Millis::ZERO), "0s");
    }

    #[test]
    fn what_a_run_took_has_two_digits_after_the_point() {
        assert_eq!(took(Duration::from_millis(1_234)), "1.23 s");
    }
}
