//! The settings of a gateway, in the same language: the same rules, the same errors with their places.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use super::address::{RootKey, ServerUrl};
use super::check::Complaint;
use super::place::of_token;
use super::policy;
use super::raw::RawPolicy;
use crate::trace::Policy;

/// What a gateway's file says. What it leaves out is the command line's to say, or has a default.
#[derive(Clone, Debug, PartialEq)]
pub struct GatewaySettings {
    /// The server that sessions connect to.
    pub server: Option<ServerUrl>,
    /// The root public key of that server; the service's own where nothing is said.
    pub root_key: Option<RootKey>,
    /// The TLS certificates to trust, as PEM.
    pub trust: Option<PathBuf>,
    /// Where operators ask.
    pub listen: Option<SocketAddr>,
    /// The file that holds the API key.
    pub api_key_file: Option<PathBuf>,
    /// The store.
    pub store: Option<PathBuf>,
    /// How what happens is told.
    pub log: Option<LogForm>,
    /// The rules of sessions and of the limiter.
    pub policy: Policy,
}

impl GatewaySettings {
    /// What a file says that says nothing.
    pub fn of_nothing() -> Self {
        Self {
            server: None,
            root_key: None,
            trust: None,
            listen: None,
            api_key_file: None,
            store: None,
            log: None,
            policy: policy::DEFAULT,
        }
    }
}

/// How what happens is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogForm {
    /// For people.
    #[default]
    Text,
    /// JSON lines.
    Json,
}

/// The shape of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGateway {
    server: Option<ServerUrl>,
    root_key: Option<RootKey>,
    trust: Option<PathBuf>,
    listen: Option<SocketAddr>,
    api_key_file: Option<PathBuf>,
    store: Option<PathBuf>,
    log: Option<LogForm>,
    #[serde(default)]
    policy: RawPolicy,
}

/// Gives the file its meaning.
pub(super) fn check(raw: RawGateway, text: &Arc<str>) -> Result<GatewaySettings, Vec<Complaint>> {
    let mut complaints = Vec::new();
    let policy = policy::resolve(&raw.policy, |at, problem| {
        complaints.push((Some(of_token(text, at)), problem));
    });
    if !complaints.is_empty() {
        return Err(complaints);
    }
    Ok(GatewaySettings {
        server: raw.server,
        root_key: raw.root_key,
        trust: raw.trust,
        listen: raw.listen,
        api_key_file: raw.api_key_file,
        store: raw.store,
        log: raw.log,
        policy,
    })
}
