//! Token dictionaries: strings that a client writes as one byte or two.

use std::sync::LazyLock;

use super::tag;

/// One version of the token dictionary. The last byte of a client's intro header says which one it writes.
#[derive(Debug)]
pub struct Dictionary {
    /// By byte, from 1 on.
    single: Vec<&'static str>,
    /// Four pages of 256.
    double: Vec<&'static str>,
}

impl Dictionary {
    /// Dictionary 3, of every client since 2025.
    pub fn v3() -> &'static Self {
        static V3: LazyLock<Dictionary> =
            LazyLock::new(|| Dictionary::parse(include_str!("../../data/dictionary-3.txt")));
        &V3
    }

    /// The dictionary of this number, as the intro header gives it, if it is known.
    pub fn of_version(version: u8) -> Option<&'static Self> {
        match version {
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

    /// A token a line: the single bytes 1 to 235, then the pages.
    fn parse(text: &'static str) -> Self {
        let mut lines = text.lines();
        let single = lines.by_ref().take(SINGLE_TOKENS).collect();
        let double = lines.collect();
        Self { single, double }
    }
}

/// Bytes 1 to 235.
const SINGLE_TOKENS: usize = 235;

#[cfg(test)]
mod tests {
    use super::*;

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
