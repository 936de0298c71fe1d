//! The accounts and their companion devices.

use std::collections::BTreeMap;

use compact_str::CompactString;
use squall_protocol::Instant;
use squall_protocol::jid::Jid;
use squall_protocol::pairing;

use super::guard::Record;
use crate::dice::Dice;

/// A phone number, its keys and its companions.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) phone: u64,
    pub(crate) lid: u64,
    /// What the phone signs its companions' identities with.
    pub(crate) key: pairing::Account,
    pub(crate) devices: BTreeMap<u32, CompanionDevice>,
    next_device: u32,
    pub(crate) guard: Record,
    /// The QR code that the phone would see now.
    pub(crate) qr: Option<String>,
    /// The last QR code that it saw, once its connection is gone.
    pub(crate) faded_qr: Option<String>,
    /// When the phone will scan.
    pub(crate) scans_at: Option<Instant>,
}

/// A companion that was paired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CompanionDevice {
    /// The static key of its Noise handshakes.
    pub(crate) noise: [u8; 32],
}

/// Every account, by name.
#[derive(Debug)]
pub(crate) struct Accounts {
    by_name: BTreeMap<CompactString, Account>,
    by_phone: BTreeMap<u64, CompactString>,
    dice: Dice,
}

impl Accounts {
    pub(crate) fn new(dice: Dice) -> Self {
        Self {
            by_name: BTreeMap::new(),
            by_phone: BTreeMap::new(),
            dice,
        }
    }

    /// The account of this name, made if there is none. Its number depends on the name alone, unless another account has
    /// that number.
    pub(crate) fn named(&mut self, name: &str) -> &mut Account {
        if !self.by_name.contains_key(name) {
            let mut tail = fnv1a(name.as_bytes()) % 10_000_000;
            while self.by_phone.contains_key(&(FIRST_PHONE + tail)) {
                tail = (tail + 1) % 10_000_000;
            }
            let phone = FIRST_PHONE + tail;
            self.by_phone.insert(phone, name.into());
            let account = Account {
                phone,
                lid: FIRST_LID + tail,
                key: pairing::Account::generate(&mut self.dice.stream(phone)),
                devices: BTreeMap::new(),
                next_device: 1,
                guard: Record::default(),
                qr: None,
                faded_qr: None,
                scans_at: None,
            };
            self.by_name.insert(name.into(), account);
        }
        self.by_name.get_mut(name).expect("made above")
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Account> {
        self.by_name.get(name)
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Account> {
        self.by_name.get_mut(name)
    }

    /// The name of the account with this phone number.
    pub(crate) fn name_of(&self, phone: u64) -> Option<&CompactString> {
        self.by_phone.get(&phone)
    }
}

impl Account {
    /// A number that no device of this account has had.
    pub(crate) fn next_device(&mut self) -> u32 {
        let device = self.next_device;
        self.next_device += 1;
        device
    }

    pub(crate) fn jid(&self, device: u32) -> Jid {
        Jid::phone(self.phone, device)
    }

    pub(crate) fn lid(&self, device: u32) -> Jid {
        Jid::lid(self.lid, device)
    }
}

/// FNV-1a of 64 bits (draft-eastlake-fnv): the same on every machine, which `std`'s hashers do not promise.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// +999 is no country's code, so no number here is anybody's (ITU-T E.164: reserved).
const FIRST_PHONE: u64 = 999_000_000_000;
/// LIDs look like nothing in particular.
const FIRST_LID: u64 = 77_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;

    fn accounts(seed: u64) -> Accounts {
        Accounts::new(Dice::draw(&mut ChaCha8Rng::seed_from_u64(seed)))
    }

    #[test]
    fn a_number_depends_on_the_name_alone() {
        let mut one = accounts(1);
        let mut other = accounts(2);
        other.named("9");
        let phone = one.named("2").phone;
        assert_eq!(other.named("2").phone, phone);
        assert_ne!(one.named("3").phone, phone);
    }

    #[test]
    fn an_account_is_found_by_its_number_and_made_once() {
        let mut accounts = accounts(1);
        let phone = accounts.named("2").phone;
        let key = accounts.named("2").key.public();
        assert_eq!(
            accounts.name_of(phone).map(CompactString::as_str),
            Some("2")
        );
        assert_eq!(accounts.named("2").key.public(), key);
    }

    #[test]
    fn device_numbers_are_never_used_twice() {
        let mut accounts = accounts(1);
        let account = accounts.named("2");
        assert_eq!([account.next_device(), account.next_device()], [1, 2]);
    }
}
