//! Token dictionaries: strings that a client writes as one byte or two.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::tag;

/// One version of the token dictionary. The last byte of a client's intro header says which one it writes.
#[derive(Debug)]
pub struct Dictionary {
    /// By byte, from 1 on.
    single: Vec<&'static str>,
    /// Four pages of 256.
    double: Vec<&'static str>,
    /// What a client writes for each text.
    tokens: FxHashMap<&'static str, Token>,
}

/// What stands for a string of the dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// One byte.
    Single(u8),
    /// The byte that opens a page, and the place on it.
    Double(u8, u8),
}

impl Dictionary {
    /// Dictionary 2, of clients that descend from versions before 2025: Baileys 6.7.5 to 6.7.18 and 6.17.16 among them.
    pub fn v2() -> &'static Self {
        static V2: LazyLock<Dictionary> =
            LazyLock::new(|| Dictionary::parse(include_str!("../../data/dictionary-2.txt")));
        &V2
    }

    /// Dictionary 3, of every other client since 2025.
    pub fn v3() -> &'static Self {
        static V3: LazyLock<Dictionary> =
            LazyLock::new(|| Dictionary::parse(include_str!("../../data/dictionary-3.txt")));
        &V3
    }

    /// The dictionary of this number, as the intro header gives it, if it is known.
    pub fn of_version(version: u8) -> Option<&'static Self> {
        match version {
            2 => Some(Self::v2()),
            3 => Some(Self::v3()),
            _ => None,
        }
    }

    /// The token of this single byte; there is none for 0 nor from 236 on.
    pub fn single(&self, byte: u8) -> Option<&'static str> {
        self.single.get(usize::from(byte).checked_sub(1)?).copied()
    }

    /// The token at `index` of the page that the byte `page` opens, 236 to 239.
    pub fn double(&self, page: u8, index: u8) -> Option<&'static str> {
        let page = usize::from(page.checked_sub(tag::PAGE_FIRST)?);
        self.double.get(page * 256 + usize::from(index)).copied()
    }

    /// The token of this text, if there is one.
    pub fn token(&self, text: &str) -> Option<Token> {
        self.tokens.get(text).copied()
    }

    /// A token a line: the single bytes 1 to 235, then the pages.
    fn parse(text: &'static str) -> Self {
        let mut lines = text.lines();
        let single: Vec<&str> = lines.by_ref().take(SINGLE_TOKENS).collect();
        let double: Vec<&str> = lines.collect();
        let of_one_byte = (1..=u8::MAX).map(Token::Single);
        let of_two_bytes = (tag::PAGE_FIRST..=tag::PAGE_LAST)
            .flat_map(|page| (0..=u8::MAX).map(move |index| Token::Double(page, index)));
        let tokens = (single.iter().copied().zip(of_one_byte))
            .chain(double.iter().copied().zip(of_two_bytes))
            .collect();
        Self {
            single,
            double,
            tokens,
        }
    }
}

/// Bytes 1 to 235.
const SINGLE_TOKENS: usize = 235;

#[cfg(test)]
mod tests {
    use super::*;

    /// The digest is that of the file as it was written out, so that no editor changes a token unseen.
    #[test]
    fn dictionary_2_is_whole_and_as_it_was_written_out() {
        use sha2::{Digest, Sha256};

        let dictionary = Dictionary::v2();
        assert_eq!(
            (dictionary.single.len(), dictionary.double.len()),
            (235, 1024)
        );
        assert_eq!(dictionary.single(3), Some("s.whatsapp.net"));
        let text = include_bytes!("../../data/dictionary-2.txt");
        assert_eq!(
            crate::fixed::hex(&Sha256::digest(text)),
            "bd7106933c2da123926d951be81c3b1e6fa733e3e8689c69952a1676b72ebeed"
        );
    }

    #[test]
    fn every_token_of_both_dictionaries_is_found_by_its_text() {
        for dictionary in [Dictionary::v2(), Dictionary::v3()] {
            for byte in 1..=235 {
                let text = dictionary.single(byte).unwrap();
                assert_eq!(dictionary.token(text), Some(Token::Single(byte)));
            }
            for page in tag::PAGE_FIRST..=tag::PAGE_LAST {
                for index in 0..=255 {
                    let text = dictionary.double(page, index).unwrap();
                    assert_eq!(dictionary.token(text), Some(Token::Double(page, index)));
                }
            }
            assert_eq!(dictionary.token("no token of any dictionary"), None);
        }
    }

    #[test]
    fn the_intro_header_names_one_of_two_dictionaries() {
        let known: Vec<u8> = (0..=u8::MAX)
            .filter(|version| Dictionary::of_version(*version).is_some())
            .collect();
        assert_eq!(known, [2, 3]);
    }

    #[test]
    fn dictionary_3_is_the_one_of_its_origin() {
        let dictionary = Dictionary::v3();
        assert_eq!(
            (dictionary.single.len(), dictionary.double.len()),
            (235, 1024)
        );
        for byte in 1..=235 {
            assert_eq!(
                dictionary.single(byte),
                wacore_binary::token::get_single_token(byte)
            );
        }
        for page in 0..4 {
            for index in 0..=255 {
                assert_eq!(
                    dictionary.double(tag::PAGE_FIRST + page, index),
                    wacore_binary::token::get_double_token(page, index)
                );
            }
        }
        assert_eq!(dictionary.single(0), None);
        assert_eq!(dictionary.single(236), None);
        assert_eq!(dictionary.double(tag::PAGE_LAST + 1, 0), None);
        assert_eq!(dictionary.double(1, 0), None);
    }
}
