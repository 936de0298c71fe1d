//! How a server is named: where it is, and by which key it proves itself.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// Where a server is, as in `ws://127.0.0.1:8080/ws/chat`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ServerUrl {
    /// Whether it speaks TLS.
    pub tls: bool,
    /// A name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl FromStr for ServerUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not like ws://127.0.0.1:8080/ws/chat");
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let tls = match scheme {
            "ws" => false,
            "wss" => true,
            _ => return Err(wrong()),
        };
        let authority = match rest.split_once('/') {
            Some((authority, "ws/chat" | "")) => authority,
            None => rest,
            Some(_) => return Err("the path of the protocol is /ws/chat".to_owned()),
        };
        let (host, port) = authority.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = port.parse().map_err(|_| wrong())?;
        if host.is_empty() {
            return Err(wrong());
        }
        let host = host.to_owned();
        Ok(Self { tls, host, port })
    }
}

impl TryFrom<String> for ServerUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// A public key that certificates lead to. Written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct RootKey(pub [u8; 32]);

impl FromStr for RootKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut key = [0; 32];
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err("a key is 64 hexadecimal digits".to_owned());
        }
        for (byte, two) in key.iter_mut().zip(digits.chunks(2)) {
            let two = String::from_utf8_lossy(two);
            *byte = u8::from_str_radix(&two, 16).map_err(|error| error.to_string())?;
        }
        Ok(Self(key))
    }
}

impl TryFrom<String> for RootKey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_scheme_host_and_port() {
        let url = |tls, host: &str, port| {
            let host = host.to_owned();
            Ok(ServerUrl { tls, host, port })
        };
        assert_eq!(
            "ws://127.0.0.1:8080/ws/chat".parse(),
            url(false, "127.0.0.1", 8080)
        );
        assert_eq!("wss://localhost:443".parse(), url(true, "localhost", 443));
        assert_eq!("ws://[::1]:1/ws/chat".parse(), url(false, "::1", 1));
        for wrong in ["http://x:1", "ws://x", "ws://x:1/other", "ws://:1", "x:1"] {
            assert!(wrong.parse::<ServerUrl>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_is_64_digits() {
        assert_eq!("0f".repeat(32).parse(), Ok(RootKey([15; 32])));
        for wrong in ["0f".repeat(31), "zz".repeat(32)] {
            assert!(wrong.parse::<RootKey>().is_err(), "{wrong}");
        }
    }
}
