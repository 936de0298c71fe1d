//! The accounts and their companion devices.

use std::collections::{BTreeMap, BTreeSet};

use compact_str::CompactString;
use jiff::Timestamp;
use rand::rngs::ChaCha8Rng;
use squall_protocol::Instant;
use squall_protocol::jid::{Jid, Namespace};
use squall_protocol::{Node, pairing};

use super::app_state::AppState;
use super::control::Ban;
use super::device::CompanionDevice;
use super::guard::Record;
use super::keys::Keys;
use crate::dice::Dice;
use crate::id::ConnectionId;

/// A phone number, its keys and its companions.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) phone: u64,
    pub(crate) lid: u64,
    /// What the phone signs its companions' identities with.
    pub(crate) key: pairing::Account,
    pub(crate) devices: BTreeMap<u32, CompanionDevice>,
    next_device: u32,
    /// What the user calls himself; others see it beside his messages.
    pub(crate) push_name: CompactString,
    /// The connections that want to hear whether it is there.
    pub(crate) watchers: BTreeSet<ConnectionId>,
    /// When it was there last, once it has gone.
    pub(crate) last_seen: Option<Timestamp>,
    /// The devices that keep a list of this account's devices.
    pub(crate) listed_by: BTreeSet<(u64, u32)>,
    /// When a device came or went last, as far as anybody asked since.
    pub(crate) changed: Option<Timestamp>,
    /// The signed list of its devices, since somebody asked for it.
    pub(crate) signed_list: Option<Node>,
    /// What others need to write to the phone itself, once somebody asked.
    phone_keys: Option<Box<Keys>>,
    /// The settings that its devices share, once one of them asked.
    pub(crate) app_state: Option<Box<AppState>>,
    pub(crate) guard: Record,
    /// Whether it may log in.
    pub(crate) ban: Option<Ban>,
    /// The QR code that the phone would see now.
    pub(crate) qr: Option<String>,
    /// The last QR code that it saw, once its connection is gone.
    pub(crate) faded_qr: Option<String>,
    /// When the phone will scan.
    pub(crate) scans_at: Option<Instant>,
}

/// Every account, by name.
#[derive(Debug)]
pub(crate) struct Accounts {
    by_name: BTreeMap<CompactString, Account>,
    by_phone: BTreeMap<u64, CompactString>,
    dice: Dice,
    /// The number of each account's first companion.
    first_device: u32,
    /// How many names were made up.
    unnamed: u64,
}

/// What an account's chance is used for: a stream each.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Chance {
    /// The account's own key.
    Key = 0,
    /// The pre-key of its phone.
    PhoneKeys = 1,
    /// Its signatures under the list of its devices.
    DeviceList = 2,
    /// The key of its app state, and its salt.
    AppState = 3,
    /// What its phone writes to its companions.
    Phone = 4,
}

impl Accounts {
    /// None; chance is drawn from these dice, and each account's first companion gets this number.
    pub(crate) fn new(dice: Dice, first_device: u32) -> Self {
        Self {
            by_name: BTreeMap::new(),
            by_phone: BTreeMap::new(),
            dice,
            first_device,
            unnamed: 0,
        }
    }

    /// Chance of one account for one use, from its beginning.
    pub(crate) fn chance(&self, phone: u64, what: Chance) -> ChaCha8Rng {
        chance(&self.dice, phone, what)
    }

    /// A name that no account has.
    pub(crate) fn new_name(&mut self) -> CompactString {
        loop {
            self.unnamed += 1;
            let name = compact_str::format_compact!("nameless {}", self.unnamed);
            if !self.by_name.contains_key(&name) {
                return name;
            }
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
                key: pairing::Account::generate(&mut chance(&self.dice, phone, Chance::Key)),
                devices: BTreeMap::new(),
                next_device: self.first_device,
                push_name: name.into(),
                watchers: BTreeSet::new(),
                last_seen: None,
                listed_by: BTreeSet::new(),
                changed: None,
                signed_list: None,
                phone_keys: None,
                app_state: None,
                guard: Record::default(),
                ban: None,
                qr: None,
                faded_qr: None,
                scans_at: None,
            };
            self.by_name.insert(name.into(), account);
        }
        self.by_name.get_mut(name).expect("made above")
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&CompactString, &Account)> {
        self.by_name.iter()
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

    /// The name of the account that a JID of it or of one of its devices names.
    pub(crate) fn whose(&self, jid: Jid) -> Option<&CompactString> {
        let phone = match jid.namespace {
            Namespace::Phone => jid.user,
            Namespace::Lid => jid.user.checked_sub(FIRST_LID)?.checked_add(FIRST_PHONE)?,
        };
        self.name_of(phone)
    }
}

impl Account {
    /// A number that no device of this account has had.
    pub(crate) fn next_device(&mut self) -> u32 {
        let device = self.next_device;
        self.next_device += 1;
        device
    }

    /// What others need to write to the phone itself. It draws from `rng` the first time.
    pub(crate) fn phone_keys(&mut self, rng: &mut ChaCha8Rng) -> &mut Keys {
        let identity = self.key.keys();
        self.phone_keys
            .get_or_insert_with(|| Box::new(Keys::of_phone(identity, rng)))
    }

    pub(crate) fn jid(&self, device: u32) -> Jid {
        Jid::phone(self.phone, device)
    }

    /// The highest number that a device ever had.
    pub(crate) fn last_device(&self) -> u32 {
        self.next_device.saturating_sub(1)
    }

    pub(crate) fn lid(&self, device: u32) -> Jid {
        Jid::lid(self.lid, device)
    }

    /// A device in the numbers of this kind.
    pub(crate) fn address(&self, namespace: Namespace, device: u32) -> Jid {
        match namespace {
            Namespace::Phone => self.jid(device),
            Namespace::Lid => self.lid(device),
        }
    }
}

fn chance(dice: &Dice, phone: u64, what: Chance) -> ChaCha8Rng {
    dice.stream(phone | (what as u64) << PURPOSE)
}

/// What a user calls himself, if it is a name: something, and of no more than 100 bytes, four times what apps let
/// anybody write.
pub(crate) fn push_name(written: &str) -> Option<CompactString> {
    (1..=100).contains(&written.len()).then(|| written.into())
}

/// FNV-1a of 64 bits (draft-eastlake-fnv): the same on every machine, which `std`'s hashers do not promise.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// +999 is no country's code, so no number here is anybody's (ITU-T E.164: reserved).
const FIRST_PHONE: u64 = 999_000_000_000;
/// Above every phone number of an account.
const PURPOSE: u32 = 48;
/// LIDs look like nothing in particular.
const FIRST_LID: u64 = 77_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn accounts(seed: u64) -> Accounts {
        Accounts::new(Dice::draw(&mut ChaCha8Rng::seed_from_u64(seed)), 1)
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
    fn an_account_is_found_by_either_of_its_numbers() {
        let mut accounts = accounts(1);
        let (pn, lid) = (accounts.named("2").jid(3), accounts.named("2").lid(3));
        for jid in [pn, lid] {
            assert_eq!(accounts.whose(jid).map(CompactString::as_str), Some("2"));
        }
        for stranger in [Jid::phone(pn.user + 1, 0), Jid::lid(7, 0)] {
            assert_eq!(accounts.whose(stranger), None);
        }
    }

    #[test]
    fn a_name_that_is_made_up_is_nobodys_yet() {
        let mut accounts = accounts(1);
        accounts.named("nameless 1");
        assert_eq!(accounts.new_name(), "nameless 2");
    }

    #[test]
    fn device_numbers_are_never_used_twice() {
        let mut accounts = accounts(1);
        let account = accounts.named("2");
        assert_eq!([account.next_device(), account.next_device()], [1, 2]);
    }
}
