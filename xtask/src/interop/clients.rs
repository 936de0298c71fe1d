//! The clients, and what building their drivers takes.

use anyhow::Context;

use crate::run::{output, root, run_in};

/// One client of one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// As people call it.
    pub(crate) name: &'static str,
    pub(crate) toolchain: Toolchain,
    /// The driver, from the root, and its arguments.
    pub(crate) command: &'static str,
    /// Where the library lets one choose the interval of its pings: a short one, so that silence is found soon.
    pub(crate) keep_alive: Option<&'static str>,
    /// Its driver had to switch off the check of the certificates' root, which the library has no way to change.
    pub(crate) trusts_any_root: bool,
}

impl Client {
    /// The words of its command, under this push name.
    pub(crate) fn words(&self, name: &str) -> Vec<String> {
        let interval = self.keep_alive.map(|ms| ["--keep-alive", ms]);
        let words = self.command.split_whitespace().chain(["--name", name]);
        let words = words.chain(interval.into_iter().flatten());
        words.map(str::to_owned).collect()
    }
}

/// In the order of the columns.
pub(crate) const ALL: [Client; 5] = [
    Client {
        name: "Baileys 7.0.0-rc14",
        toolchain: Toolchain::Node,
        command: "node interop/baileys/driver.mjs --library baileys-7",
        keep_alive: Some(SHORT),
        trusts_any_root: false,
    },
    Client {
        name: "Baileys 6.7.21",
        toolchain: Toolchain::Node,
        command: "node interop/baileys/driver.mjs --library baileys-6.7",
        keep_alive: Some(SHORT),
        trusts_any_root: false,
    },
    Client {
        name: "Baileys 6.17.16",
        toolchain: Toolchain::Node,
        command: "node interop/baileys/driver.mjs --library baileys-6.17",
        keep_alive: Some(SHORT),
        trusts_any_root: false,
    },
    Client {
        name: "whatsmeow 2025-12-17",
        toolchain: Toolchain::Go,
        command: "interop/whatsmeow/squall-interop-whatsmeow",
        keep_alive: Some(SHORT),
        trusts_any_root: false,
    },
    Client {
        name: "whatsapp-rust 0.7.0",
        toolchain: Toolchain::Rust,
        command: "interop/whatsapp-rust/target/debug/squall-interop-whatsapp-rust",
        keep_alive: None,
        trusts_any_root: true,
    },
];

/// 2 s, in milliseconds.
const SHORT: &str = "2000";

/// What a driver is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Toolchain {
    Node,
    Go,
    Rust,
}

impl Toolchain {
    pub(crate) const ALL: [Self; 3] = [Self::Node, Self::Go, Self::Rust];

    pub(crate) fn is_here(self) -> bool {
        let asked = match self {
            Self::Node => "npm --version",
            Self::Go => "go version",
            Self::Rust => "cargo --version",
        };
        output(asked, &[0]).is_ok()
    }

    /// What is missing, and how to get it.
    pub(crate) fn lacks(self) -> &'static str {
        match self {
            Self::Node => "there is no Node.js here; https://nodejs.org, version 20 or later",
            Self::Go => "there is no Go here; https://go.dev/dl, version 1.24 or later",
            Self::Rust => "there is no Rust here; https://rustup.rs",
        }
    }

    /// Fetches what its drivers need, and builds them.
    pub(crate) fn build(self) -> anyhow::Result<()> {
        match self {
            Self::Node if node_modules_are_fresh() => Ok(()),
            // One of their dependencies would fetch a program from somewhere else; nothing here calls it.
            Self::Node => run_in(
                "interop/baileys",
                "npm ci --ignore-scripts --no-audit --no-fund --loglevel=error",
            ),
            Self::Go => run_in(
                "interop/whatsmeow",
                "go build -o squall-interop-whatsmeow .",
            ),
            Self::Rust => run_in("interop/whatsapp-rust", "cargo build --locked --quiet"),
        }
        .with_context(|| format!("the drivers for {self:?}"))
    }
}

/// Whether they were installed from the lock file that stands.
fn node_modules_are_fresh() -> bool {
    let changed = |path: &str| {
        let path = root().join("interop/baileys").join(path);
        path.metadata().and_then(|it| it.modified()).ok()
    };
    changed("node_modules/.package-lock.json")
        .is_some_and(|installed| changed("package-lock.json").is_some_and(|lock| lock <= installed))
}
