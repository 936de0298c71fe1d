//! JIDs of devices: `PHONE:DEVICE@s.whatsapp.net` and `LID:DEVICE@lid`.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest, Sha256};

/// The server part that stands for phone numbers, and alone for the server itself.
pub const PHONE_SERVER: &str = "s.whatsapp.net";
/// The server part that stands for numbers which hide the phone number.
pub const LID_SERVER: &str = "lid";

/// Which numbers the user part counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Namespace {
    /// Phone numbers, `@s.whatsapp.net`.
    Phone,
    /// Hidden numbers, `@lid`.
    Lid,
}

impl Namespace {
    /// The part after the `@`.
    pub fn server(self) -> &'static str {
        match self {
            Self::Phone => PHONE_SERVER,
            Self::Lid => LID_SERVER,
        }
    }
}

/// A device of a user. Device 0 is the phone, and its number is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Jid {
    /// The phone number or the LID.
    pub user: u64,
    /// The device's number.
    pub device: u32,
    /// Which of the two `user` is.
    pub namespace: Namespace,
}

impl Jid {
    /// A device by its phone number.
    pub fn phone(user: u64, device: u32) -> Self {
        Self {
            user,
            device,
            namespace: Namespace::Phone,
        }
    }

    /// A device by its hidden number.
    pub fn lid(user: u64, device: u32) -> Self {
        Self {
            user,
            device,
            namespace: Namespace::Lid,
        }
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.user)?;
        if self.device != 0 {
            write!(f, ":{}", self.device)?;
        }
        write!(f, "@{}", self.namespace.server())
    }
}

/// The hash of a list of devices, by which two sides see whether they mean the same one: version 2, 6 bytes of SHA-256
/// over the devices' full names in order of their texts.
pub fn list_hash(devices: impl Iterator<Item = Jid>) -> String {
    let mut names: Vec<String> = devices
        .map(|jid| format!("{}.0:{}@{}", jid.user, jid.device, jid.namespace.server()))
        .collect();
    names.sort_unstable();
    let hash = Sha256::digest(names.concat());
    format!("2:{}", STANDARD_NO_PAD.encode(&hash[..6]))
}

/// A text that is no JID of a device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no JID of a device; one reads 491700000001:2@s.whatsapp.net or 1001:2@lid")]
pub struct InvalidJid(pub String);

impl FromStr for Jid {
    type Err = InvalidJid;

    fn from_str(text: &str) -> Result<Self, InvalidJid> {
        parse(text).ok_or_else(|| InvalidJid(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Jid> {
    let (name, server) = text.split_once('@')?;
    let (user, device) = name.split_once(':').unwrap_or((name, "0"));
    let namespace = match server {
        PHONE_SERVER => Namespace::Phone,
        LID_SERVER => Namespace::Lid,
        _ => return None,
    };
    Some(Jid {
        user: number(user)?,
        device: number(device)?,
        namespace,
    })
}

/// Digits alone; `parse` of a number would accept a sign.
fn number<T: FromStr>(digits: &str) -> Option<T> {
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        digits.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_displayed_reads_back(user: u64, device: u32, is_lid: bool) {
            let jid = if is_lid { Jid::lid(user, device) } else { Jid::phone(user, device) };
            prop_assert_eq!(jid.to_string().parse(), Ok(jid));
        }

        #[test]
        fn hostile_texts_are_refused_or_read(text: String, tail in "[0-9:@.a-z+-]{0,20}") {
            let _ = text.parse::<Jid>();
            let _ = tail.parse::<Jid>();
        }
    }

    /// The expected text comes from a second implementation, in another language.
    #[test]
    fn a_list_of_devices_has_one_hash_in_whatever_order() {
        let devices = [0, 2, 11].map(|device| Jid::phone(999_000_000_001, device));
        let turned = devices.into_iter().rev();
        assert_eq!(list_hash(devices.into_iter()), "2:Cthf9xi7");
        assert_eq!(list_hash(turned), list_hash(devices.into_iter()));
    }

    #[test]
    fn other_jids_are_refused() {
        for text in [
            "",
            "@lid",
            "+1@lid",
            "1:@lid",
            "1:2",
            "1@g.us",
            "1:2:3@lid",
            "1@lid@lid",
        ] {
            assert_eq!(text.parse::<Jid>(), Err(InvalidJid(text.to_owned())));
        }
    }
}
