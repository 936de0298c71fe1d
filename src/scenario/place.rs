//! From a line and a column to the bytes that a reader would underline.

use std::ops::Range;

use super::yaml::Place;

impl Place {
    /// The text that stands there.
    pub(super) fn words(&self, text: &str) -> String {
        text.get(self.bytes.clone()).unwrap_or_default().to_owned()
    }
}

/// The scalar, key or opening bracket that begins at this line and column, both from 1.
pub(super) fn of_token(text: &str, at: (usize, usize)) -> Place {
    let start = offset(text, at);
    Place::of_bytes(text, start..start + token_length(&text[start..]))
}

/// The key whose value begins at this line and column; the value itself where the key does not stand right before it,
/// as behind an alias.
pub(super) fn of_key(text: &str, key: &str, value: (usize, usize)) -> Place {
    let value_at = offset(text, value);
    let Some(start) = text[..value_at].rfind(key) else {
        return of_token(text, value);
    };
    let between = text[start + key.len()..value_at].trim_start_matches(['"', '\'']);
    let adjacent = between.trim_start().strip_prefix(':').is_some_and(|rest| {
        rest.lines()
            .all(|line| line.trim().is_empty() || line.trim().starts_with('#'))
    });
    if adjacent {
        Place::of_bytes(text, start..start + key.len())
    } else {
        of_token(text, value)
    }
}

/// The first time that a word stands at or below a line.
pub(super) fn of_word(text: &str, word: &str, line: usize) -> Place {
    let from = offset(text, (line, 1));
    match text[from..].find(word) {
        Some(at) => Place::of_bytes(text, from + at..from + at + word.len()),
        None => of_token(text, (line, 1)),
    }
}

/// The byte at this line and column. One beyond the end is the end.
fn offset(text: &str, (line, column): (usize, usize)) -> usize {
    let mut start = 0;
    for (number, content) in (1..).zip(text.split_inclusive('\n')) {
        if number == line {
            let within: usize = content
                .chars()
                .take(column.saturating_sub(1))
                .map(char::len_utf8)
                .sum();
            let end = content.trim_end_matches(['\n', '\r']).len();
            return start + within.min(end);
        }
        start += content.len();
    }
    text.len()
}

/// How many bytes belong together from here on.
fn token_length(rest: &str) -> usize {
    let line = rest.lines().next().unwrap_or_default();
    let Some(first) = line.chars().next() else {
        return 0;
    };
    match first {
        '{' | '[' | '-' if !line[1..].starts_with(|c: char| c.is_ascii_digit()) => 1,
        '"' | '\'' => line[1..].find(first).map_or(line.len(), |end| end + 2),
        _ => plain(line).len().max(first.len_utf8()),
    }
}

/// A plain scalar: up to a comment, a bracket, a comma, or a colon before a space.
fn plain(line: &str) -> &str {
    let ends = |(at, c): (usize, char)| -> Option<Range<usize>> {
        let rest = &line[at + c.len_utf8()..];
        let end = match c {
            ',' | '}' | ']' => true,
            ':' => rest.is_empty() || rest.starts_with(' '),
            '#' => line[..at].ends_with(' '),
            _ => false,
        };
        end.then_some(0..at)
    };
    let end = line.char_indices().find_map(ends).unwrap_or(0..line.len());
    line[end].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "name: four  # a comment\nsteps:\n  - { at: 6h, inject: { \"close\": {} } }\n  - fault:\n      eof: {}\n";

    fn token(at: (usize, usize)) -> String {
        of_token(TEXT, at).words(TEXT)
    }

    #[test]
    fn a_token_is_what_a_reader_would_underline() {
        assert_eq!(token((1, 7)), "four");
        assert_eq!(token((3, 11)), "6h");
        assert_eq!(token((3, 23)), "{");
        assert_eq!(token((3, 25)), "\"close\"");
        assert_eq!(token((5, 7)), "eof");
        assert_eq!(token((99, 1)), "");
    }

    #[test]
    fn a_key_is_found_right_before_its_value() {
        let key = of_key(TEXT, "inject", (3, 23));
        assert_eq!(
            (key.line, key.column, key.words(TEXT)),
            (3, 15, "inject".to_owned())
        );
        let below = of_key(TEXT, "fault", (5, 7));
        assert_eq!((below.line, below.words(TEXT)), (4, "fault".to_owned()));
    }

    #[test]
    fn a_key_that_is_elsewhere_falls_back_to_the_value() {
        assert_eq!(of_key(TEXT, "name", (3, 11)).words(TEXT), "6h");
    }
}
