//! The app state, as its writer encrypts and authenticates it: settings that an account's devices share.
//!
//! A collection is a list of patches. Only a first patch is made here: what a phone has set before any companion came.

use hmac::{Hmac, KeyInit, Mac};
use prost::Message;
use rand::Rng;
use sha2::Sha512;

use crate::derive::{encrypt, hkdf, hmac, split};

/// The key under which an account's devices share their app state. Its debug form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct SyncKey {
    /// By which patches name it.
    pub id: [u8; 6],
    /// The key itself.
    pub data: [u8; 32],
}

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting<'a> {
    /// What the user calls himself.
    PushName(&'a str),
    /// The salt of the tokens that let somebody write.
    NctSalt(&'a [u8; 32]),
}

impl Setting<'_> {
    /// The collection that it belongs to.
    pub fn collection(self) -> &'static str {
        match self {
            Self::PushName(_) => "critical_block",
            Self::NctSalt(_) => "regular_high",
        }
    }

    /// Its name in the collection, as JSON.
    fn index(self) -> &'static str {
        match self {
            Self::PushName(_) => r#"["setting_pushName"]"#,
            Self::NctSalt(_) => r#"["nct_salt_sync"]"#,
        }
    }

    fn value(self, at: i64) -> SyncActionValue {
        let value = SyncActionValue {
            timestamp: Some(at),
            ..SyncActionValue::default()
        };
        match self {
            Self::PushName(name) => SyncActionValue {
                push_name: Some(PushNameSetting {
                    name: Some(name.to_owned()),
                }),
                ..value
            },
            Self::NctSalt(salt) => SyncActionValue {
                nct_salt: Some(NctSalt {
                    salt: Some(salt.to_vec()),
                }),
                ..value
            },
        }
    }
}

impl SyncKey {
    /// The encoded first patch of this setting's collection, which sets it. `at` is in milliseconds since 1970. Draws 16
    /// bytes from `rng`.
    pub fn first_patch(
        &self,
        setting: Setting<'_>,
        at: i64,
        rng: &mut (impl Rng + ?Sized),
    ) -> Vec<u8> {
        let keys = Keys::of(self);
        let index = setting.index().as_bytes();
        let action = SyncActionData {
            index: Some(index.to_vec()),
            value: Some(setting.value(at)),
            padding: Some(Vec::new()),
            version: Some(1),
        };
        let mut iv = [0; 16];
        rng.fill_bytes(&mut iv);
        let mut value = iv.to_vec();
        value.extend(encrypt(&keys.value, &iv, &action.encode_to_vec()));
        let value_mac = keys.value_mac(&self.id, &value);
        value.extend(value_mac);

        let version = 1_u64.to_be_bytes();
        let name = setting.collection().as_bytes();
        let snapshot_mac = hmac(&keys.snapshot_mac, &[&lt_hash(&value_mac), &version, name]);
        let patch_mac = hmac(
            &keys.patch_mac,
            &[&snapshot_mac, &value_mac, &version, name],
        );
        let key_id = Some(Id {
            id: Some(self.id.to_vec()),
        });
        SyncdPatch {
            version: Some(SyncdVersion { version: Some(1) }),
            mutations: vec![SyncdMutation {
                operation: Some(SET),
                record: Some(SyncdRecord {
                    index: Some(Blob::of(hmac(&keys.index, &[index]))),
                    value: Some(Blob::of(value)),
                    key_id: key_id.clone(),
                }),
            }],
            snapshot_mac: Some(snapshot_mac.to_vec()),
            patch_mac: Some(patch_mac.to_vec()),
            key_id,
        }
        .encode_to_vec()
    }
}

impl std::fmt::Debug for SyncKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SyncKey({:02x?})", self.id)
    }
}

/// A client's patch says no version; whoever reads it needs it. The patch with this version said first.
pub fn numbered(version: u64, patch: &[u8]) -> Vec<u8> {
    let mut numbered = SyncdPatch {
        version: Some(SyncdVersion {
            version: Some(version),
        }),
        ..SyncdPatch::default()
    }
    .encode_to_vec();
    numbered.extend_from_slice(patch);
    numbered
}

/// What is derived from a sync key.
struct Keys {
    index: [u8; 32],
    value: [u8; 32],
    value_mac: [u8; 32],
    snapshot_mac: [u8; 32],
    patch_mac: [u8; 32],
}

impl Keys {
    fn of(key: &SyncKey) -> Self {
        let derived: [u8; 160] = hkdf(&[0; 32], &key.data, "WhatsApp Mutation Keys");
        let (index, rest) = split(&derived);
        let (value, rest) = split(rest);
        let (value_mac, rest) = split(rest);
        let (snapshot_mac, rest) = split(rest);
        Self {
            index,
            value,
            value_mac,
            snapshot_mac,
            patch_mac: split(rest).0,
        }
    }

    /// The first half of HMAC-SHA512 over the operation, the key's id, the value, and the length of the first two.
    fn value_mac(&self, id: &[u8; 6], value: &[u8]) -> [u8; 32] {
        let mut mac = Hmac::<Sha512>::new_from_slice(&self.value_mac)
            .expect("HMAC takes a key of any length");
        mac.update(&[OPERATION_SET]);
        mac.update(id);
        mac.update(value);
        mac.update(&(id.len() as u64 + 1).to_be_bytes());
        split(&mac.finalize().into_bytes()).0
    }
}

/// The sum over a collection that holds one value: 64 words of 16 bits, little-endian, added to nothing.
fn lt_hash(value_mac: &[u8; 32]) -> [u8; 128] {
    hkdf(&[0; 32], value_mac, "WhatsApp Patch Integrity")
}

const SET: i32 = 0;
const OPERATION_SET: u8 = 1;

#[derive(Clone, PartialEq, Message)]
struct SyncActionData {
    #[prost(bytes = "vec", optional, tag = "1")]
    index: Option<Vec<u8>>,
    #[prost(message, optional, tag = "2")]
    value: Option<SyncActionValue>,
    #[prost(bytes = "vec", optional, tag = "3")]
    padding: Option<Vec<u8>>,
    #[prost(int32, optional, tag = "4")]
    version: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
struct SyncActionValue {
    #[prost(int64, optional, tag = "1")]
    timestamp: Option<i64>,
    #[prost(message, optional, tag = "7")]
    push_name: Option<PushNameSetting>,
    #[prost(message, optional, tag = "80")]
    nct_salt: Option<NctSalt>,
}

#[derive(Clone, PartialEq, Message)]
struct PushNameSetting {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
struct NctSalt {
    #[prost(bytes = "vec", optional, tag = "1")]
    salt: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct SyncdPatch {
    #[prost(message, optional, tag = "1")]
    version: Option<SyncdVersion>,
    #[prost(message, repeated, tag = "2")]
    mutations: Vec<SyncdMutation>,
    #[prost(bytes = "vec", optional, tag = "4")]
    snapshot_mac: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "5")]
    patch_mac: Option<Vec<u8>>,
    #[prost(message, optional, tag = "6")]
    key_id: Option<Id>,
}

#[derive(Clone, PartialEq, Message)]
struct SyncdVersion {
    #[prost(uint64, optional, tag = "1")]
    version: Option<u64>,
}

#[derive(Clone, PartialEq, Message)]
struct SyncdMutation {
    #[prost(int32, optional, tag = "1")]
    operation: Option<i32>,
    #[prost(message, optional, tag = "2")]
    record: Option<SyncdRecord>,
}

#[derive(Clone, PartialEq, Message)]
struct SyncdRecord {
    #[prost(message, optional, tag = "1")]
    index: Option<Blob>,
    #[prost(message, optional, tag = "2")]
    value: Option<Blob>,
    #[prost(message, optional, tag = "3")]
    key_id: Option<Id>,
}

#[derive(Clone, PartialEq, Message)]
struct Blob {
    #[prost(bytes = "vec", optional, tag = "1")]
    blob: Option<Vec<u8>>,
}

impl Blob {
    fn of(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            blob: Some(bytes.into()),
        }
    }
}

#[derive(Clone, PartialEq, Message)]
struct Id {
    #[prost(bytes = "vec", optional, tag = "1")]
    id: Option<Vec<u8>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::{Repeating, hex};
    use sha2::{Digest, Sha256};

    const KEY: SyncKey = SyncKey {
        id: [1; 6],
        data: [3; 32],
    };

    /// The expected bytes come from a second implementation, in another language over another library.
    #[test]
    fn a_first_patch_is_encrypted_and_authenticated_as_clients_check_it() {
        let setting = Setting::PushName("Ann");
        let patch = KEY.first_patch(setting, 1_768_831_200_000, &mut Repeating(7));
        assert_eq!(
            hex(&Sha256::digest(&patch)),
            "d3d8b3b0d84775ac56a19b465cbf69cf39f7adce8ff3f31e84eed3de250fc4f8"
        );
    }

    #[test]
    fn a_patch_is_numbered_in_front() {
        let patch = KEY.first_patch(Setting::NctSalt(&[5; 32]), 1, &mut Repeating(7));
        let numbered = numbered(300, &patch);
        assert_eq!(numbered[..5], [0x0a, 3, 8, 0xac, 2]);
        let read = SyncdPatch::decode(&numbered[5..]).unwrap();
        assert_eq!((numbered.len() - 5, read.mutations.len()), (patch.len(), 1));
    }

    #[test]
    fn the_debug_form_tells_no_secret() {
        assert_eq!(format!("{KEY:?}"), "SyncKey([01, 01, 01, 01, 01, 01])");
    }
}
