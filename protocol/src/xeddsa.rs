//! XEdDSA: Ed25519 signatures made with an X25519 key, as Signal and WhatsApp use them.
//!
//! Two details differ from Signal's published XEdDSA: the Edwards key is not negated to make its sign bit zero, and that
//! bit travels in the top bit of the signature's last byte instead, which is free since the scalar there is below 2^253.

use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::montgomery::MontgomeryPoint;
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use rand::Rng;
use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;

/// Bytes of a signature.
pub const SIGNATURE_LENGTH: usize = 64;

/// Signs `message` with the X25519 secret `secret`, which is clamped here. Draws 64 bytes from `rng`.
pub fn sign(
    secret: &[u8; 32],
    message: &[u8],
    rng: &mut (impl Rng + ?Sized),
) -> [u8; SIGNATURE_LENGTH] {
    let clamped = clamp_integer(*secret);
    let key = Scalar::from_bytes_mod_order(clamped);
    let public = EdwardsPoint::mul_base(&key).compress().to_bytes();

    let mut noise = [0; 64];
    rng.fill_bytes(&mut noise);
    let nonce = Sha512::new()
        .chain_update(NONCE_PREFIX)
        .chain_update(clamped)
        .chain_update(message)
        .chain_update(noise);
    let nonce = Scalar::from_bytes_mod_order_wide(&nonce.finalize().into());
    let point = EdwardsPoint::mul_base(&nonce).compress().to_bytes();

    let answer = challenge(&point, &public, message) * key + nonce;
    let mut signature = [0; SIGNATURE_LENGTH];
    signature[..32].copy_from_slice(&point);
    signature[32..].copy_from_slice(answer.as_bytes());
    signature[63] = (signature[63] & !SIGN_BIT) | (public[31] & SIGN_BIT);
    signature
}

/// Whether `signature` is one of `message` by the X25519 key `public`. A signature of any other length is not.
pub fn verify(public: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    let Ok(mut signature) = <[u8; SIGNATURE_LENGTH]>::try_from(signature) else {
        return false;
    };
    let sign = signature[63] >> 7;
    signature[63] &= !SIGN_BIT;
    let (point, answer) = signature.split_at(32);
    let (Ok(point), Ok(answer)) = (<[u8; 32]>::try_from(point), <[u8; 32]>::try_from(answer))
    else {
        return false;
    };
    let Some(answer) = Option::<Scalar>::from(Scalar::from_canonical_bytes(answer)) else {
        return false;
    };
    let Some(key) = MontgomeryPoint(*public).to_edwards(sign) else {
        return false;
    };
    let challenge = challenge(&point, &key.compress().to_bytes(), message);
    let expected =
        EdwardsPoint::vartime_double_scalar_mul_basepoint(&challenge, &-key, &answer).compress();
    expected.as_bytes().ct_eq(&point).into()
}

fn challenge(point: &[u8; 32], public: &[u8; 32], message: &[u8]) -> Scalar {
    let hash = Sha512::new()
        .chain_update(point)
        .chain_update(public)
        .chain_update(message);
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

const SIGN_BIT: u8 = 0x80;

/// `hash_1` of the XEdDSA specification, section 3: 2^256 - 2, little-endian, before what is hashed for the nonce.
const NONCE_PREFIX: [u8; 32] = {
    let mut prefix = [0xff; 32];
    prefix[0] = 0xfe;
    prefix
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KeyPair;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;

    proptest! {
        #[test]
        fn what_is_signed_verifies_and_nothing_else_does(
            secret: [u8; 32], message: Vec<u8>, seed: u64, bit in 0usize..512,
        ) {
            let keys = KeyPair::from_secret(secret);
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let signature = keys.sign(&message, &mut rng);
            prop_assert!(verify(&keys.public(), &message, &signature));

            let mut broken = signature;
            broken[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!verify(&keys.public(), &message, &broken));
            let mut other = message;
            other.push(0);
            prop_assert!(!verify(&keys.public(), &other, &signature));
        }

        #[test]
        fn hostile_signatures_are_refused(public: [u8; 32], message: Vec<u8>, signature in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(!verify(&public, &message, &signature));
        }
    }

    /// The vector that Signal's own implementations carry for signatures over a Curve25519 key.
    #[test]
    fn the_published_vector_of_signal_verifies() {
        let secret = [
            0xc0, 0x97, 0x24, 0x84, 0x12, 0xe5, 0x8b, 0xf0, 0x5d, 0xf4, 0x87, 0x96, 0x82, 0x05,
            0x13, 0x27, 0x94, 0x17, 0x8e, 0x36, 0x76, 0x37, 0xf5, 0x81, 0x8f, 0x81, 0xe0, 0xe6,
            0xce, 0x73, 0xe8, 0x65,
        ];
        let message = [
            0x05, 0xed, 0xce, 0x9d, 0x9c, 0x41, 0x5c, 0xa7, 0x8c, 0xb7, 0x25, 0x2e, 0x72, 0xc2,
            0xc4, 0xa5, 0x54, 0xd3, 0xeb, 0x29, 0x48, 0x5a, 0x0e, 0x1d, 0x50, 0x31, 0x18, 0xd1,
            0xa8, 0x2d, 0x99, 0xfb, 0x4a,
        ];
        let signature = [
            0x5d, 0xe8, 0x8c, 0xa9, 0xa8, 0x9b, 0x4a, 0x11, 0x5d, 0xa7, 0x91, 0x09, 0xc6, 0x7c,
            0x9c, 0x74, 0x64, 0xa3, 0xe4, 0x18, 0x02, 0x74, 0xf1, 0xcb, 0x8c, 0x63, 0xc2, 0x98,
            0x4e, 0x28, 0x6d, 0xfb, 0xed, 0xe8, 0x2d, 0xeb, 0x9d, 0xcd, 0x9f, 0xae, 0x0b, 0xfb,
            0xb8, 0x21, 0x56, 0x9b, 0x3d, 0x90, 0x01, 0xbd, 0x81, 0x30, 0xcd, 0x11, 0xd4, 0x86,
            0xce, 0xf0, 0x47, 0xbd, 0x60, 0xb8, 0x6e, 0x88,
        ];
        let keys = KeyPair::from_secret(secret);
        assert!(verify(&keys.public(), &message, &signature));
    }
}
