//! The transport after the handshake: each frame is one AES-256-GCM message, each direction has a key and a counter of
//! its own, and there is no associated data.

use std::fmt;

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, Tag};

use super::symmetric::{TAG_LENGTH, nonce};
use crate::codec::{self, DecodeError, Dictionary, EncodeError};
use crate::frame::{self, FrameTooLong, HEADER_LENGTH};
use crate::node::Node;

/// Why a frame could not be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The bytes were not sealed with this key and counter: changed on the way, out of order, or never sealed.
    #[error("frame {counter} does not authenticate")]
    Authentication {
        /// How many frames were opened before it.
        counter: u32,
    },
    /// All 2^32 - 1 frames of this direction are used; another connection has to go on.
    #[error("the 2^32 - 1 frames of this key are used up")]
    Exhausted,
    /// The sealed frame would be too long.
    #[error(transparent)]
    TooLong(#[from] FrameTooLong),
    /// What was opened is no node.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The node has no encoding.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Both directions of an established connection.
pub struct Transport {
    /// For what this side sends.
    pub sealer: Sealer,
    /// For what this side receives.
    pub opener: Opener,
}

/// The sending half. Key schedule kept, works in place.
pub struct Sealer {
    cipher: Aes256Gcm,
    counter: u32,
}

/// The receiving half. Key schedule kept, works in place.
pub struct Opener {
    cipher: Aes256Gcm,
    counter: u32,
}

impl Transport {
    /// The two halves, for two owners.
    pub fn split(self) -> (Sealer, Opener) {
        (self.sealer, self.opener)
    }

    /// Seals `message` in place; the tag makes it 16 bytes longer.
    ///
    /// # Errors
    /// [`TransportError::Exhausted`].
    pub fn encrypt(&mut self, message: &mut Vec<u8>) -> Result<(), TransportError> {
        self.sealer.seal(message, 0)
    }

    /// Opens `message` in place; the tag's 16 bytes are cut off.
    ///
    /// # Errors
    /// As [`Opener::open`]; `message` is then without meaning.
    pub fn decrypt(&mut self, message: &mut Vec<u8>) -> Result<(), TransportError> {
        let length = self.opener.open(message)?.len();
        message.truncate(length);
        Ok(())
    }
}

impl Sealer {
    pub(super) fn new(cipher: Aes256Gcm) -> Self {
        Self { cipher, counter: 0 }
    }

    /// How many frames were sealed.
    pub fn counter(&self) -> u32 {
        self.counter
    }

    /// Seals what `buffer` holds from `start` on, in place, and appends the tag.
    ///
    /// # Errors
    /// [`TransportError::Exhausted`].
    pub fn seal(&mut self, buffer: &mut Vec<u8>, start: usize) -> Result<(), TransportError> {
        let next = self
            .counter
            .checked_add(1)
            .ok_or(TransportError::Exhausted)?;
        let tag = self
            .cipher
            .encrypt_inout_detached(&nonce(self.counter), &[], (&mut buffer[start..]).into())
            .expect("a frame is far below the 64 GiB of AES-GCM");
        buffer.extend_from_slice(&tag);
        self.counter = next;
        Ok(())
    }

    /// Appends the whole frame of `body`: length, ciphertext, tag.
    ///
    /// # Errors
    /// [`TransportError::TooLong`] or [`TransportError::Exhausted`]; `out` and the counter are then as they were.
    pub fn seal_frame(&mut self, body: &[u8], out: &mut Vec<u8>) -> Result<(), TransportError> {
        self.frame(out, |out| {
            out.extend_from_slice(body);
            Ok(())
        })
    }

    /// Appends the whole frame of `node`: length, ciphertext of its encoding, tag. Allocates nothing beyond `out`.
    ///
    /// # Errors
    /// [`TransportError::Encode`], [`TransportError::TooLong`] or [`TransportError::Exhausted`]; `out` and the counter are
    /// then as they were.
    pub fn seal_node(&mut self, node: &Node, out: &mut Vec<u8>) -> Result<(), TransportError> {
        self.frame(out, |out| Ok(codec::encode(node, out)?))
    }

    /// As [`Sealer::seal_node`], in the tokens of a dictionary: what a client does.
    ///
    /// # Errors
    /// As there.
    pub fn seal_node_with(
        &mut self,
        node: &Node,
        dictionary: &Dictionary,
        out: &mut Vec<u8>,
    ) -> Result<(), TransportError> {
        self.frame(out, |out| Ok(codec::encode_with(node, dictionary, out)?))
    }

    fn frame(
        &mut self,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), TransportError>,
    ) -> Result<(), TransportError> {
        let begin = out.len();
        let body = begin + HEADER_LENGTH;
        out.extend_from_slice(&[0; HEADER_LENGTH]);
        let sealed = write(out).and_then(|()| {
            let header = frame::header(out.len() - body + TAG_LENGTH)?;
            self.seal(out, body)?;
            out[begin..body].copy_from_slice(&header);
            Ok(())
        });
        if sealed.is_err() {
            out.truncate(begin);
        }
        sealed
    }
}

impl Opener {
    pub(super) fn new(cipher: Aes256Gcm) -> Self {
        Self { cipher, counter: 0 }
    }

    /// How many frames were opened.
    pub fn counter(&self) -> u32 {
        self.counter
    }

    /// Opens a frame's body in place and returns what was sealed. After a failure the counter stands where it stood, as
    /// the Noise specification has it (5.1), so a frame that was sealed next still opens.
    ///
    /// # Errors
    /// [`TransportError::Authentication`] or [`TransportError::Exhausted`].
    pub fn open<'a>(&mut self, body: &'a mut [u8]) -> Result<&'a mut [u8], TransportError> {
        let counter = self.counter;
        let refused = TransportError::Authentication { counter };
        let next = counter.checked_add(1).ok_or(TransportError::Exhausted)?;
        let Some((text, tag)) = body.split_last_chunk_mut::<TAG_LENGTH>() else {
            return Err(refused);
        };
        self.cipher
            .decrypt_inout_detached(&nonce(counter), &[], (&mut *text).into(), &Tag::from(*tag))
            .map_err(|_| refused)?;
        self.counter = next;
        Ok(text)
    }

    /// Opens a frame's body in place and decodes the node that it carries, in token dictionary 3.
    ///
    /// # Errors
    /// As [`Opener::open`], or [`TransportError::Decode`].
    pub fn open_node(&mut self, body: &mut [u8]) -> Result<Node, TransportError> {
        self.open_node_with(body, Dictionary::v3())
    }

    /// Opens a frame's body in place and decodes the node that it carries, in this token dictionary.
    ///
    /// # Errors
    /// As there.
    pub fn open_node_with(
        &mut self,
        body: &mut [u8],
        dictionary: &Dictionary,
    ) -> Result<Node, TransportError> {
        Ok(codec::decode_with(self.open(body)?, dictionary)?)
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("sealer", &self.sealer)
            .field("opener", &self.opener)
            .finish()
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({} frames)", self.counter)
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opener({} frames)", self.counter)
    }
}

#[cfg(test)]
mod tests {
    use super::super::symmetric::cipher;
    use super::*;

    #[test]
    fn the_last_counter_is_refused_and_not_repeated() {
        let mut sealer = Sealer::new(cipher(&[1; 32]));
        let mut opener = Opener::new(cipher(&[1; 32]));
        sealer.counter = u32::MAX - 1;
        opener.counter = u32::MAX - 1;
        let mut frame = b"last".to_vec();
        sealer.seal(&mut frame, 0).unwrap();
        assert_eq!(opener.open(&mut frame).unwrap(), b"last");
        let mut out = Vec::new();
        assert_eq!(
            sealer.seal_frame(b"one more", &mut out),
            Err(TransportError::Exhausted)
        );
        assert!(out.is_empty());
        assert_eq!(opener.open(&mut frame), Err(TransportError::Exhausted));
    }

    #[test]
    fn a_frame_too_long_leaves_the_counter_and_the_output_alone() {
        let mut sealer = Sealer::new(cipher(&[1; 32]));
        let mut out = vec![9];
        let longest = vec![0; frame::MAX_BODY - TAG_LENGTH + 1];
        assert!(matches!(
            sealer.seal_frame(&longest, &mut out),
            Err(TransportError::TooLong(_))
        ));
        assert_eq!((out.as_slice(), sealer.counter()), (&[9][..], 0));
        assert!(sealer.seal_frame(&longest[1..], &mut out).is_ok());
    }
}
