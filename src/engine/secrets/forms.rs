//! The forms in which programs print a key.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A private key, or a secret of the same length.
pub(super) type Key = [u8; 32];

/// No form is shorter than the key itself, in bytes.
pub(super) const SHORTEST: usize = size_of::<Key>();

/// Every form of a key: as it is; in hexadecimal, in one piece, as Node.js prints a buffer (`68 66 36`) and as Rust's
/// `{:02x?}` does (`68, 66, 36`); as a list of numbers; and in base64, standard and for URLs, padded or not, also where it
/// is a part of something longer.
pub(super) fn forms(key: &Key) -> BTreeSet<Vec<u8>> {
    let lower = |byte: u8| format!("{byte:02x}");
    let upper = |byte: u8| format!("{byte:02X}");
    let number = |byte: u8| byte.to_string();
    let mut forms = BTreeSet::from([
        key.to_vec(),
        listed(key, lower, ""),
        listed(key, upper, ""),
        listed(key, lower, " "),
        listed(key, upper, " "),
        listed(key, lower, ", "),
        listed(key, upper, ", "),
        listed(key, number, ","),
        listed(key, number, ", "),
    ]);
    for before in 0..3 {
        forms.insert(in_base64(&STANDARD_NO_PAD, key, before));
        forms.insert(in_base64(&URL_SAFE_NO_PAD, key, before));
    }
    forms
}

fn listed(key: &Key, spelt: impl Fn(u8) -> String, between: &str) -> Vec<u8> {
    let mut text = String::new();
    for (place, byte) in key.iter().enumerate() {
        let between = if place == 0 { "" } else { between };
        // Writing to a string cannot fail.
        let _ = write!(text, "{between}{}", spelt(*byte));
    }
    text.into_bytes()
}

/// The characters that the key alone decides, where so many bytes of something else stand before it in its group of three.
fn in_base64(alphabet: &impl Engine, key: &Key, before: usize) -> Vec<u8> {
    let mut bytes = vec![0; before];
    bytes.extend(key);
    let text = alphabet.encode(&bytes).into_bytes();
    let first = (before * 8).div_ceil(6);
    let last = bytes.len() * 8 / 6;
    text[first..last].to_vec()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

    /// With every kind of character of base64 in it.
    const KEY: Key = [
        0xfb, 0xef, 0xbe, 0xff, 0xff, 0xff, 3, 0, 9, 10, 11, 99, 100, 101, 255, 254, 17, 18, 19,
        20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 0xff,
    ];

    #[track_caller]
    fn assert_found(text: impl AsRef<[u8]>) {
        let text = text.as_ref();
        let found = forms(&KEY)
            .iter()
            .any(|form| text.windows(form.len()).any(|window| window == form));
        assert!(found, "{:?}", String::from_utf8_lossy(text));
    }

    #[test]
    fn what_programs_print_of_a_key_is_found() {
        assert_found(KEY);
        assert_found(format!("{KEY:?}"));
        assert_found(format!("{KEY:02x?}"));
        assert_found(format!("{KEY:02X?}"));
        assert_found(serde_json::to_string(&KEY).expect("numbers"));
        let hex: String = KEY.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_found(&hex);
        assert_found(hex.to_uppercase());
        let buffer: Vec<String> = KEY.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_found(format!("privKey: <Buffer {}>", buffer.join(" ")));
    }

    #[test]
    fn a_key_in_base64_is_found_alone_padded_or_not_and_inside_of_something_longer() {
        assert_found(STANDARD.encode(KEY));
        assert_found(URL_SAFE.encode(KEY));
        assert_found(STANDARD_NO_PAD.encode(KEY));
        assert_found(URL_SAFE_NO_PAD.encode(KEY));
        for before in 0..7 {
            let mut longer = vec![0xa5; before];
            longer.extend(KEY);
            longer.extend([0x5a; 5]);
            assert_found(STANDARD.encode(&longer));
            assert_found(URL_SAFE_NO_PAD.encode(&longer));
        }
    }

    #[test]
    fn no_form_is_shorter_than_said() {
        assert!(forms(&KEY).iter().all(|form| form.len() >= SHORTEST));
        assert!(forms(&[0; 32]).iter().all(|form| form.len() >= SHORTEST));
    }
}
