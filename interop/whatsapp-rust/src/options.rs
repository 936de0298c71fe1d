//! Arguments and environment.

use std::env;
use std::net::IpAddr;

use url::{Host, Url};

use crate::lines::refuse;

pub struct Options {
    pub url: Url,
    /// Without a slash at its end.
    pub control: Option<String>,
    pub name: String,
    /// Whether the library's own reconnection is left on.
    pub redials: bool,
}

impl Options {
    pub fn read() -> Self {
        let mut options = Self {
            url: loopback("SQUALL_URL").unwrap_or_else(|| {
                refuse("SQUALL_URL is not set, such as ws://127.0.0.1:8080/ws/chat")
            }),
            control: loopback("SQUALL_CONTROL")
                .map(|url| url.as_str().trim_end_matches('/').to_owned()),
            name: "whatsapp-rust".to_owned(),
            redials: true,
        };
        let mut arguments = env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let value = arguments
                .next()
                .unwrap_or_else(|| refuse(&format!("{argument} needs a value")));
            match (argument.as_str(), value.as_str()) {
                ("--name", name) => options.name = name.to_owned(),
                ("--redial", "never") => options.redials = false,
                ("--redial", "typical") => options.redials = true,
                ("--redial", _) => refuse("--redial is never or typical"),
                ("--keep-alive" | "--store", _) => {
                    refuse(&format!("{argument}: the library lets nobody choose that"))
                }
                _ => refuse(&format!("no such argument: {argument}")),
            }
        }
        options
    }
}

/// The address in this variable, if there is one, which must be one of this machine's own.
fn loopback(variable: &str) -> Option<Url> {
    let text = env::var(variable).ok()?;
    let url =
        Url::parse(&text).unwrap_or_else(|error| refuse(&format!("{variable}={text}: {error}")));
    let is_own = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
        None => false,
    };
    if !is_own {
        refuse(&format!(
            "{variable}={text} is not a loopback address; this client must never meet the real service"
        ));
    }
    Some(url)
}
