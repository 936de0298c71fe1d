//! Strings of few characters, two to a byte: a count, whose top bit says that the last half byte is none, and the bytes.

use super::tag;

/// No character: what fills up an odd string.
pub(super) const NO_CHARACTER: u8 = 0xff;
pub(super) const HEX: [u8; 16] = *b"0123456789ABCDEF";
pub(super) const NIBBLE: [u8; 16] = *b"0123456789-.\xff\xff\xff\xff";

/// Clients pack no string that is longer, in bytes, though a count of 127 could announce twice as much.
const LONGEST: usize = 127;

/// Appends `text` packed, if its characters allow it.
pub(super) fn write(text: &str, out: &mut Vec<u8>) -> bool {
    if text.is_empty() || text.len() > LONGEST {
        return false;
    }
    write_in(tag::NIBBLE, NIBBLE, text, out) || write_in(tag::HEX, HEX, text, out)
}

fn write_in(tag: u8, alphabet: [u8; 16], text: &str, out: &mut Vec<u8>) -> bool {
    let begin = out.len();
    let half = |character: u8| {
        let place = alphabet.iter().position(|known| *known == character)?;
        u8::try_from(place).ok()
    };
    let odd = u8::from(text.len() % 2 == 1) << 7;
    let Ok(count) = u8::try_from(text.len().div_ceil(2)) else {
        return false;
    };
    out.extend_from_slice(&[tag, odd | count]);
    for pair in text.as_bytes().chunks(2) {
        let (high, low) = match *pair {
            [one, other] => (half(one), half(other)),
            [last] => (half(last), Some(0x0f)),
            _ => (None, None),
        };
        let (Some(high), Some(low)) = (high, low) else {
            out.truncate(begin);
            return false;
        };
        out.push(high << 4 | low);
    }
    true
}
