//! The phone's list of its companions, which others ask for before they write to them.

use jiff::Timestamp;
use prost::Message;
use rand::Rng;

use super::Account;
use crate::message::{AdvKeyIndexList, AdvSignedKeyIndexList};

/// What the phone says of its companions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyIndexList {
    /// When one came or went last; whole seconds are kept.
    pub changed: Timestamp,
    /// The highest place that a device ever had.
    pub current: u32,
    /// The places of the companions that there are.
    pub valid: Vec<u32>,
}

impl Account {
    /// The encoded and signed list. Draws 64 bytes from `rng`.
    pub fn sign_key_indexes(&self, list: &KeyIndexList, rng: &mut (impl Rng + ?Sized)) -> Vec<u8> {
        let [a, b, c, d, ..] = self.public();
        let phone = std::iter::once(0);
        let companions = list.valid.iter().copied().filter(|place| *place != 0);
        let details = AdvKeyIndexList {
            raw_id: Some(u32::from_be_bytes([a, b, c, d])),
            timestamp: Some(u64::try_from(list.changed.as_second()).unwrap_or(0)),
            current_index: Some(list.current),
            valid_indexes: phone.chain(companions).collect(),
        }
        .encode_to_vec();
        let signed = [&KEY_INDEXES_SIGNED[..], &details].concat();
        let signature = self.keys().sign(&signed, rng);
        AdvSignedKeyIndexList {
            details: Some(details),
            account_signature: Some(signature.to_vec()),
        }
        .encode_to_vec()
    }
}

/// Before what the account key signs.
const KEY_INDEXES_SIGNED: [u8; 2] = [6, 2];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xeddsa;
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;

    #[test]
    fn the_list_names_the_phone_and_its_companions_and_is_signed_by_the_account() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let account = Account::generate(&mut rng);
        let list = KeyIndexList {
            changed: Timestamp::from_second(1_768_831_200).unwrap(),
            current: 3,
            valid: vec![1, 3],
        };
        let bytes = account.sign_key_indexes(&list, &mut rng);
        let signed = AdvSignedKeyIndexList::decode(bytes.as_slice()).unwrap();
        let details = signed.details.unwrap();
        let message = [&[6, 2][..], &details].concat();
        let signature = signed.account_signature.unwrap();
        assert!(xeddsa::verify(&account.public(), &message, &signature));
        let details = AdvKeyIndexList::decode(details.as_slice()).unwrap();
        assert_eq!(details.valid_indexes, [0, 1, 3]);
        assert_eq!(details.timestamp, Some(1_768_831_200));
        assert_eq!(details.current_index, Some(3));
    }
}
