//! What Signal's messages and the app state are both made with: HKDF, HMAC and AES-CBC.

use aes::Aes256;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeEncrypt, KeyIvInit};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// HKDF over SHA-256.
pub(crate) fn hkdf<const N: usize>(salt: &[u8; 32], input: &[u8], info: &str) -> [u8; N] {
    let mut output = [0; N];
    Hkdf::<Sha256>::new(Some(salt), input)
        .expand(info.as_bytes(), &mut output)
        .expect("HKDF gives up to 8160 bytes");
    output
}

/// HMAC over SHA-256 of these parts, one after the other.
pub(crate) fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        hmac.update(part);
    }
    hmac.finalize().into_bytes().into()
}

/// AES-256-CBC with the padding of PKCS #7.
pub(crate) fn encrypt(key: &[u8; 32], iv: &[u8; 16], plaintext: &[u8]) -> Vec<u8> {
    cbc::Encryptor::<Aes256>::new(key.into(), iv.into()).encrypt_padded_vec::<Pkcs7>(plaintext)
}

/// The reverse, for whoever checks what was written.
#[cfg(test)]
pub(crate) fn decrypt(key: &[u8; 32], iv: &[u8; 16], ciphertext: &[u8]) -> Vec<u8> {
    use cbc::cipher::BlockModeDecrypt;
    cbc::Decryptor::<Aes256>::new(key.into(), iv.into())
        .decrypt_padded_vec::<Pkcs7>(ciphertext)
        .expect("padded")
}

/// The first bytes of a derived key, and the rest.
pub(crate) fn split<const N: usize>(bytes: &[u8]) -> ([u8; N], &[u8]) {
    let (first, rest) = bytes.split_at(N);
    (first.try_into().expect("N bytes"), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NIST SP 800-38A, F.2.5: the first block.
    #[test]
    fn cbc_is_that_of_the_standard() {
        let mut key = [0; 32];
        for (at, byte) in "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"
            .as_bytes()
            .chunks(2)
            .enumerate()
        {
            key[at] = u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 16).unwrap();
        }
        let iv = std::array::from_fn(|at| u8::try_from(at).unwrap());
        let plain: [u8; 16] = 0x6bc1_bee2_2e40_9f96_e93d_7e11_7393_172a_u128.to_be_bytes();
        let cipher = encrypt(&key, &iv, &plain);
        let first = 0xf58c_4c04_d6e5_f1ba_779e_abfb_5f7b_fbd6_u128.to_be_bytes();
        assert_eq!((cipher.len(), &cipher[..16]), (32, &first[..]));
        assert_eq!(decrypt(&key, &iv, &cipher), plain);
    }
}
