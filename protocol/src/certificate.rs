//! The certificates that a server proves its static key with: a root key, known to the client, signs an intermediate
//! key, which signs the static key.

use jiff::{SignedDuration, Timestamp};
use prost::Message;
use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::keys::KeyPair;
use crate::message::{CertChain, CertificateDetails, NoiseCertificate};
use crate::xeddsa;

/// The public key that a client trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustedRoot(pub [u8; 32]);

/// From when until when certificates hold, both ends included. Whole seconds are certified, rounded down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Valid from here.
    pub not_before: Timestamp,
    /// Valid until here.
    pub not_after: Timestamp,
}

impl Validity {
    /// From an hour before `now` until a year of 365 days after it: what every real client accepts.
    pub fn around(now: Timestamp) -> Self {
        Self {
            not_before: now
                .saturating_sub(SignedDuration::from_hours(1))
                .unwrap_or(Timestamp::MIN),
            not_after: now
                .saturating_add(SignedDuration::from_hours(365 * 24))
                .unwrap_or(Timestamp::MAX),
        }
    }
}

/// Something wrong in a chain, on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Defect {
    /// The intermediate certificate is signed by a key other than the root.
    RootSignature,
    /// The leaf certificate is signed by a key other than the intermediate.
    LeafSignature,
    /// The leaf certifies a key other than the server's static key.
    LeafKey,
    /// The intermediate certificate names an issuer other than the root, number 7. Most real clients check no more.
    IssuerSerial,
    /// The leaf names an issuer other than the intermediate certificate.
    LeafIssuer,
    /// Both ends of the validity lie 366 days earlier: a chain made [`Validity::around`] now ended yesterday.
    Expired,
    /// Both ends of the validity lie 730 days later: a chain made [`Validity::around`] now begins in two years.
    NotYetValid,
}

impl Defect {
    /// Every defect, in the order of a client's checks.
    pub const ALL: [Self; 7] = [
        Self::RootSignature,
        Self::LeafSignature,
        Self::IssuerSerial,
        Self::LeafIssuer,
        Self::LeafKey,
        Self::Expired,
        Self::NotYetValid,
    ];
}

/// Who issues certificates: a root and an intermediate key.
#[derive(Clone, Debug)]
pub struct Authority {
    root: KeyPair,
    intermediate: KeyPair,
}

impl Authority {
    /// A new authority; draws 64 bytes from `rng`.
    pub fn generate(rng: &mut (impl Rng + ?Sized)) -> Self {
        Self::new(KeyPair::generate(rng), KeyPair::generate(rng))
    }

    /// The authority with these keys.
    pub fn new(root: KeyPair, intermediate: KeyPair) -> Self {
        Self { root, intermediate }
    }

    /// The key that clients of this authority trust.
    pub fn root(&self) -> TrustedRoot {
        TrustedRoot(self.root.public())
    }

    /// The pairs of the root and of the intermediate. Not for display.
    pub fn key_pairs(&self) -> [&KeyPair; 2] {
        [&self.root, &self.intermediate]
    }

    /// The encoded chain that certifies `server_static`, with `defect` in it if there is to be one. Draws 128 bytes from
    /// `rng` (for two signatures), and 32 more for a defect that needs a foreign key.
    pub fn issue(
        &self,
        server_static: &[u8; 32],
        validity: Validity,
        defect: Option<Defect>,
        rng: &mut (impl Rng + ?Sized),
    ) -> Vec<u8> {
        let mut root = self.root.clone();
        let mut intermediate = self.intermediate.clone();
        let mut leaf_key = *server_static;
        let mut issuer_serial = ROOT_SERIAL;
        let mut leaf_issuer = INTERMEDIATE_SERIAL;
        let mut shift = SignedDuration::ZERO;
        match defect {
            None => {}
            Some(Defect::RootSignature) => root = KeyPair::generate(rng),
            Some(Defect::LeafSignature) => intermediate = KeyPair::generate(rng),
            Some(Defect::LeafKey) => leaf_key = KeyPair::generate(rng).public(),
            Some(Defect::IssuerSerial) => issuer_serial = 7,
            Some(Defect::LeafIssuer) => leaf_issuer = INTERMEDIATE_SERIAL + 7,
            Some(Defect::Expired) => shift = -SignedDuration::from_hours(366 * 24),
            Some(Defect::NotYetValid) => shift = SignedDuration::from_hours(730 * 24),
        }
        let details = |serial, issuer, key: [u8; 32]| CertificateDetails {
            serial: Some(serial),
            issuer_serial: Some(issuer),
            key: Some(key.to_vec()),
            not_before: Some(unix_seconds(validity.not_before, shift)),
            not_after: Some(unix_seconds(validity.not_after, shift)),
        };
        let above = details(
            INTERMEDIATE_SERIAL,
            issuer_serial,
            self.intermediate.public(),
        );
        let leaf = details(INTERMEDIATE_SERIAL + 1, leaf_issuer, leaf_key);
        let chain = CertChain {
            intermediate: Some(sign(&above, &root, rng)),
            leaf: Some(sign(&leaf, &intermediate, rng)),
        };
        chain.encode_to_vec()
    }
}

/// Which of the two certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// That of the server's static key.
    Leaf,
    /// That of the key which signs the leaf.
    Intermediate,
}

impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Leaf => "leaf",
            Self::Intermediate => "intermediate",
        })
    }
}

/// Why a chain certifies nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CertificateError {
    /// The bytes are no chain, or no certificate in it.
    #[error("malformed: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// A certificate, or a part of it, is missing or of a wrong length.
    #[error("the {0} certificate has no usable {1}")]
    Incomplete(Link, &'static str),
    /// The intermediate certificate is not signed by the trusted root.
    #[error("the intermediate certificate is not signed by the trusted root")]
    RootSignature,
    /// The leaf certificate is not signed by the intermediate key.
    #[error("the leaf certificate is not signed by the intermediate key")]
    LeafSignature,
    /// The intermediate certificate names an issuer other than the root, which is number 0.
    #[error("the intermediate certificate names issuer {0}; the root is number 0")]
    IssuerSerial(u32),
    /// The leaf names an issuer other than the intermediate certificate.
    #[error(
        "the leaf certificate names issuer {issuer}; the intermediate is number {intermediate}"
    )]
    LeafIssuer {
        /// What it names.
        issuer: u32,
        /// The intermediate certificate's number.
        intermediate: u32,
    },
    /// The certified key is not the one that the server used.
    #[error("the leaf certificate is of another key than the server's static key")]
    LeafKey,
    /// The time has not come.
    #[error("the {link} certificate is valid from {not_before} s on, and it is {now} s")]
    NotYetValid {
        /// Which certificate.
        link: Link,
        /// Seconds since 1970.
        not_before: u64,
        /// Seconds since 1970.
        now: i64,
    },
    /// The time has passed.
    #[error("the {link} certificate was valid until {not_after} s, and it is {now} s")]
    Expired {
        /// Which certificate.
        link: Link,
        /// Seconds since 1970.
        not_after: u64,
        /// Seconds since 1970.
        now: i64,
    },
}

/// Checks that the encoded `chain` certifies `server_static` under `root` at the wall time `now`: both signatures, both
/// issuer numbers, the certified key, both validities. Every rule that some real client checks.
///
/// # Errors
/// The first rule that is broken, in that order.
pub fn verify(
    chain: &[u8],
    server_static: &[u8; 32],
    root: &TrustedRoot,
    now: Timestamp,
) -> Result<(), CertificateError> {
    let chain = CertChain::decode(chain)?;
    let intermediate = Certificate::parse(chain.intermediate, Link::Intermediate)?;
    let leaf = Certificate::parse(chain.leaf, Link::Leaf)?;
    if !xeddsa::verify(&root.0, &intermediate.signed, &intermediate.signature) {
        return Err(CertificateError::RootSignature);
    }
    if !xeddsa::verify(&intermediate.key, &leaf.signed, &leaf.signature) {
        return Err(CertificateError::LeafSignature);
    }
    if intermediate.issuer != ROOT_SERIAL {
        return Err(CertificateError::IssuerSerial(intermediate.issuer));
    }
    if leaf.issuer != intermediate.serial {
        return Err(CertificateError::LeafIssuer {
            issuer: leaf.issuer,
            intermediate: intermediate.serial,
        });
    }
    if leaf.key != *server_static {
        return Err(CertificateError::LeafKey);
    }
    intermediate.hold_at(now)?;
    leaf.hold_at(now)
}

struct Certificate {
    link: Link,
    signed: Vec<u8>,
    signature: Vec<u8>,
    serial: u32,
    issuer: u32,
    key: [u8; 32],
    not_before: u64,
    not_after: u64,
}

impl Certificate {
    fn parse(certificate: Option<NoiseCertificate>, link: Link) -> Result<Self, CertificateError> {
        let missing = |what| CertificateError::Incomplete(link, what);
        let certificate = certificate.ok_or_else(|| missing("presence"))?;
        let signed = certificate.details.ok_or_else(|| missing("details"))?;
        let details = CertificateDetails::decode(signed.as_slice())?;
        Ok(Self {
            link,
            signature: certificate.signature.ok_or_else(|| missing("signature"))?,
            // proto3 leaves a zero out.
            serial: details.serial.unwrap_or(0),
            issuer: details.issuer_serial.unwrap_or(0),
            key: details
                .key
                .and_then(|key| key.try_into().ok())
                .ok_or_else(|| missing("key"))?,
            not_before: details.not_before.unwrap_or(0),
            not_after: details.not_after.unwrap_or(0),
            signed,
        })
    }

    fn hold_at(&self, now: Timestamp) -> Result<(), CertificateError> {
        let (link, now) = (self.link, now.as_second());
        let second = u64::try_from(now).unwrap_or(0);
        if second < self.not_before {
            return Err(CertificateError::NotYetValid {
                link,
                not_before: self.not_before,
                now,
            });
        }
        if second > self.not_after {
            return Err(CertificateError::Expired {
                link,
                not_after: self.not_after,
                now,
            });
        }
        Ok(())
    }
}

fn sign(
    details: &CertificateDetails,
    issuer: &KeyPair,
    rng: &mut (impl Rng + ?Sized),
) -> NoiseCertificate {
    let details = details.encode_to_vec();
    let signature = issuer.sign(&details, rng);
    NoiseCertificate {
        details: Some(details),
        signature: Some(signature.to_vec()),
    }
}

/// A time before 1970 is certified as 1970.
fn unix_seconds(time: Timestamp, shift: SignedDuration) -> u64 {
    let shifted = time.as_second().saturating_add(shift.as_secs());
    u64::try_from(shifted).unwrap_or(0)
}

/// The root has no certificate; its number is 0 for every client.
const ROOT_SERIAL: u32 = 0;
/// Any number will do, as long as the leaf names it.
const INTERMEDIATE_SERIAL: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;

    fn now() -> Timestamp {
        "2026-01-20T12:00:00Z".parse().unwrap()
    }

    fn issue(defect: Option<Defect>) -> (Vec<u8>, [u8; 32], TrustedRoot) {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let authority = Authority::generate(&mut rng);
        let server = KeyPair::generate(&mut rng).public();
        let chain = authority.issue(&server, Validity::around(now()), defect, &mut rng);
        (chain, server, authority.root())
    }

    #[test]
    fn a_chain_without_defect_certifies_the_static_key() {
        let (chain, server, root) = issue(None);
        assert_eq!(verify(&chain, &server, &root, now()), Ok(()));
    }

    #[test]
    fn each_defect_has_an_error_of_its_own() {
        for defect in Defect::ALL {
            let (chain, server, root) = issue(Some(defect));
            let error = verify(&chain, &server, &root, now()).unwrap_err();
            let named = match error {
                CertificateError::RootSignature => Defect::RootSignature,
                CertificateError::LeafSignature => Defect::LeafSignature,
                CertificateError::IssuerSerial(7) => Defect::IssuerSerial,
                CertificateError::LeafIssuer { .. } => Defect::LeafIssuer,
                CertificateError::LeafKey => Defect::LeafKey,
                CertificateError::Expired { .. } => Defect::Expired,
                CertificateError::NotYetValid { .. } => Defect::NotYetValid,
                other => panic!("{defect:?} was reported as {other}"),
            };
            assert_eq!(named, defect);
        }
    }

    #[test]
    fn a_chain_holds_to_the_second_of_its_ends() {
        let (chain, server, root) = issue(None);
        let Validity {
            not_before,
            not_after,
        } = Validity::around(now());
        let second = SignedDuration::from_secs(1);
        assert_eq!(verify(&chain, &server, &root, not_before), Ok(()));
        assert_eq!(verify(&chain, &server, &root, not_after), Ok(()));
        assert!(matches!(
            verify(&chain, &server, &root, not_before - second),
            Err(CertificateError::NotYetValid { .. })
        ));
        assert!(matches!(
            verify(&chain, &server, &root, not_after + second),
            Err(CertificateError::Expired { .. })
        ));
    }

    proptest! {
        #[test]
        fn hostile_chains_certify_nothing(bytes: Vec<u8>, server: [u8; 32], root: [u8; 32]) {
            prop_assert!(verify(&bytes, &server, &TrustedRoot(root), now()).is_err());
        }

        #[test]
        fn a_chain_with_one_bit_changed_certifies_nothing(position: prop::sample::Index, bit in 0u8..8) {
            let (mut chain, server, root) = issue(None);
            let position = position.index(chain.len());
            chain[position] ^= 1 << bit;
            prop_assert!(verify(&chain, &server, &root, now()).is_err());
        }

        #[test]
        fn a_chain_cut_short_certifies_nothing(length: prop::sample::Index) {
            let (chain, server, root) = issue(None);
            let cut = &chain[..length.index(chain.len())];
            prop_assert!(verify(cut, &server, &root, now()).is_err());
        }
    }
}
