//! Addresses in their own form: the JIDs of users, devices and servers.

use crate::jid::{LID_SERVER, PHONE_SERVER};

/// A text that is written as a JID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Address<'a> {
    /// A device that has a number: `USER:DEVICE@SERVER`.
    Device {
        /// What stands for the server.
        domain: u8,
        /// Its number.
        device: u8,
        /// Whose.
        user: &'a str,
    },
    /// A user, or nobody, at a server.
    Pair {
        /// Empty where the server itself is meant.
        user: &'a str,
        /// The server.
        server: &'a str,
    },
}

/// The servers whose addresses are written as JIDs. Any other `x@y` is text, such as a name that somebody gave himself.
const SERVERS: &[&str] = &[
    PHONE_SERVER,
    LID_SERVER,
    "g.us",
    "broadcast",
    "newsletter",
    "call",
    "c.us",
    "hosted",
    "hosted.lid",
];

/// The domain byte of a device's address, and its server.
const DOMAINS: &[(u8, &str)] = &[
    (0, PHONE_SERVER),
    (1, LID_SERVER),
    (128, "hosted"),
    (129, "hosted.lid"),
];

impl<'a> Address<'a> {
    /// The address that a text is.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let Some((name, server)) = text.split_once('@') else {
            // Nobody's name is a server's alone but this one's.
            return (text == PHONE_SERVER).then_some(Self::Pair {
                user: "",
                server: text,
            });
        };
        if name.is_empty() || !SERVERS.contains(&server) {
            return None;
        }
        let Some((user, device)) = name.split_once(':') else {
            return Some(Self::Pair { user: name, server });
        };
        let (domain, _) = DOMAINS.iter().find(|(_, known)| *known == server)?;
        // Only what reads back as it was: digits alone, no zero before them, and not the phone itself.
        let plain = device.bytes().all(|byte| byte.is_ascii_digit()) && !device.starts_with('0');
        let device = device.parse().ok().filter(|_| plain && !user.is_empty())?;
        Some(Self::Device {
            domain: *domain,
            device,
            user,
        })
    }

    /// The server that the domain byte of a device's address stands for.
    pub(super) fn server(domain: u8) -> Option<&'static str> {
        let known = DOMAINS.iter().find(|(known, _)| *known == domain);
        // Its other bits say nothing of a hosted account's server.
        let is_hosted = domain & 0x81 == 0x80;
        known
            .map(|(_, server)| *server)
            .or(is_hosted.then_some("hosted"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_known_servers_are_read_and_all_other_texts_are_not() {
        let pair = |user, server| Some(Address::Pair { user, server });
        let device = |domain, device, user| {
            Some(Address::Device {
                domain,
                device,
                user,
            })
        };
        for (text, address) in [
            ("s.whatsapp.net", pair("", "s.whatsapp.net")),
            (
                "491700000001@s.whatsapp.net",
                pair("491700000001", "s.whatsapp.net"),
            ),
            (
                "491700000001:7@s.whatsapp.net",
                device(0, 7, "491700000001"),
            ),
            ("1001:255@lid", device(1, 255, "1001")),
            ("1001:2@hosted.lid", device(129, 2, "1001")),
            ("120363-5@g.us", pair("120363-5", "g.us")),
            ("1001:256@lid", None),
            ("1001:0@lid", None),
            ("1001:07@lid", None),
            ("1001:+7@lid", None),
            (":7@lid", None),
            ("7:1@g.us", None),
            ("@lid", None),
            ("lid", None),
            ("ann@example.org", None),
            ("a@b@lid", None),
            ("", None),
        ] {
            assert_eq!(Address::parse(text), address, "{text}");
        }
    }

    #[test]
    fn each_domain_that_is_written_is_read_as_its_server() {
        for (domain, server) in DOMAINS {
            assert_eq!(Address::server(*domain), Some(*server));
        }
    }
}
