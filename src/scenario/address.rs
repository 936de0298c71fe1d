//! How a server is named: where it is, and by which key it proves itself.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use http::uri::Authority;
use serde::Deserialize;

/// Where a server is, as in `ws://127.0.0.1:8080/ws/chat`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ServerUrl {
    /// Whether it speaks TLS.
    pub tls: bool,
    /// A name or an address; an address of IPv6 without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl ServerUrl {
    /// As the `Host` header has it: the port only where it is not the scheme's own.
    pub fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        let own = if self.tls { 443 } else { 80 };
        match self.port == own {
            true => host,
            false => format!("{host}:{}", self.port),
        }
    }
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
        let port = port.parse().map_err(|_| wrong())?;
        let brackets = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let is_host = match brackets {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => !host.is_empty() && !host.contains([':', '@']),
        };
        let host = brackets.unwrap_or(host).to_owned();
        let url = Self { tls, host, port };
        // What no request could carry would fail at each dial, and each would count.
        match is_host && Authority::try_from(url.authority()).is_ok() {
            true => Ok(url),
            false => Err(wrong()),
        }
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
        for wrong in [
            "http://x:1",
            "ws://x",
            "ws://x:1/other",
            "ws://:1",
            "x:1",
            "ws://::1:1",
            "ws://[::1:1",
            "ws://[x]:1",
            "ws://x y:1",
            "ws://me@x:1",
        ] {
            assert!(wrong.parse::<ServerUrl>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_request_carries_it_with_brackets_and_without_the_scheme_s_own_port() {
        for (url, authority) in [
            ("ws://127.0.0.1:8080", "127.0.0.1:8080"),
            ("ws://[::1]:8080/ws/chat", "[::1]:8080"),
            ("ws://localhost:80", "localhost"),
            ("ws://localhost:443", "localhost:443"),
            ("wss://localhost:443", "localhost"),
            ("wss://[::1]:443", "[::1]"),
        ] {
            let url: ServerUrl = url.parse().unwrap();
            assert_eq!(url.authority(), authority);
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
