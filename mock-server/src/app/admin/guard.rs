//! Who may ask: a token where one is set, and no page of another origin.
//!
//! A browser on this machine runs what other people wrote. A page of theirs may send a request here, with its own Origin;
//! or its name may be made to lead here (DNS rebinding), and then its Host is not ours.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue};
use subtle::ConstantTimeEq;

use super::problem::{Kind, Problem};
use super::{Controlled, MockServer};

/// Who has access to the control API.
#[derive(Clone, Debug)]
pub struct Access {
    /// The address on which the server listens. Requests may name it, or a loopback one, as their Host; any address, but
    /// no name, where it is unspecified.
    pub listens: IpAddr,
    /// What every request has to know, if anything.
    pub token: Option<Token>,
}

impl Default for Access {
    /// Whoever is on this machine.
    fn default() -> Self {
        Self {
            listens: Ipv4Addr::LOCALHOST.into(),
            token: None,
        }
    }
}

/// A bearer token (RFC 6750). Its debug form does not show it.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// This text, if it is fit for a header: visible ASCII without spaces.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let fit = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        fit.then_some(Self(text))
    }

    /// Compared in a time that tells nothing but its length.
    fn is(&self, other: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(other).into()
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

/// Lets a request pass, or says why not.
pub(super) async fn check(
    State(server): State<MockServer>,
    request: Request,
    next: Next,
) -> Response {
    let server = State(server);
    let access = &server.control().access;
    let refused = access
        .check_host(&request)
        .and_then(|host| check_origin(request.headers(), &host))
        .and_then(|()| access.check_token(request.headers()));
    match refused {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

impl Access {
    fn check_host(&self, request: &Request) -> Result<Authority, Problem> {
        let header = request.headers().get(HOST);
        let named = header.and_then(|host| Authority::try_from(host.as_bytes()).ok());
        let host = named.or_else(|| request.uri().authority().cloned());
        match host {
            Some(host) if self.is_ours(host.host()) => Ok(host),
            host => {
                let host = host.map_or_else(|| "no host".to_owned(), |it| it.to_string());
                Err(Problem::new(
                    Kind::ForeignHost,
                    format!("this server is not {host}; ask it by its address, or as localhost"),
                ))
            }
        }
    }

    fn is_ours(&self, host: &str) -> bool {
        if host.eq_ignore_ascii_case("localhost") {
            return true;
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let Ok(address) = bare.parse::<IpAddr>() else {
            return false;
        };
        address.is_loopback() || self.listens.is_unspecified() || address == self.listens
    }

    fn check_token(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(token) = &self.token else {
            return Ok(());
        };
        let given = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        match given.and_then(credentials) {
            Some(given) if token.is(&given) => Ok(()),
            _ => Err(Problem::new(
                Kind::TokenNeeded,
                "send the header `Authorization: Bearer TOKEN` with the token that the server was started with; in a browser it is the password, for any name",
            )),
        }
    }
}

/// A page of ours has the origin that it asks.
fn check_origin(headers: &HeaderMap, host: &Authority) -> Result<(), Problem> {
    let Some(origin) = headers.get(ORIGIN) else {
        return Ok(());
    };
    let own = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"))
        .is_some_and(|(scheme, authority)| {
            matches!(scheme, "http" | "https") && authority.eq_ignore_ascii_case(host.as_str())
        });
    match own {
        true => Ok(()),
        false => Err(Problem::new(
            Kind::ForeignOrigin,
            "a page of another origin may not use the control API",
        )),
    }
}

/// The token in this header: a bearer token, or the password of a browser's own dialog (RFC 7617), which asks for a name
/// too.
fn credentials(header: &[u8]) -> Option<Vec<u8>> {
    let scheme = |name: &[u8]| {
        let (scheme, given) = header.split_at_checked(name.len())?;
        scheme.eq_ignore_ascii_case(name).then_some(given)
    };
    if let Some(token) = scheme(b"Bearer ") {
        return Some(token.to_vec());
    }
    let pair = BASE64_STANDARD.decode(scheme(b"Basic ")?).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some(pair[colon + 1..].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_ours(listens: &str, host: &str) -> bool {
        let listens = listens.parse().unwrap();
        Access {
            listens,
            token: None,
        }
        .is_ours(host)
    }

    #[test]
    fn a_host_is_ours_if_it_is_loopback_or_where_the_server_listens() {
        for host in ["localhost", "LocalHost", "127.0.0.1", "127.8.8.8", "[::1]"] {
            assert!(is_ours("127.0.0.1", host), "{host}");
        }
        for host in [
            "10.0.0.7",
            "evil.example",
            "localhost.evil.example",
            "0.0.0.0",
        ] {
            assert!(!is_ours("127.0.0.1", host), "{host}");
        }
        assert!(is_ours("10.0.0.7", "10.0.0.7"));
        assert!(!is_ours("10.0.0.7", "10.0.0.8"));
        assert!(is_ours("0.0.0.0", "10.0.0.8"), "no name leads anybody here");
        assert!(!is_ours("0.0.0.0", "evil.example"));
    }

    #[test]
    fn a_token_is_no_text_that_a_header_cannot_carry() {
        assert!(Token::new("s3cret").is_some_and(|token| token.is(b"s3cret")));
        for unfit in ["", "two words", "a\nb", "ü"] {
            assert!(Token::new(unfit).is_none(), "{unfit:?}");
        }
        assert_eq!(format!("{:?}", Token::new("s3cret")), "Some(Token)");
    }

    #[test]
    fn a_token_is_compared_whole() {
        let token = Token::new("s3cret").unwrap();
        for other in ["s3cre", "s3cretx", "", "S3cret"] {
            assert!(!token.is(other.as_bytes()), "{other}");
        }
    }
}
