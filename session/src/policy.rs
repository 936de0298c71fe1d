//! Every setting of the session and the limiter, with its default.

use squall_protocol::{Millis, Zone};

/// How a session keeps its connection alive, and for how long each stage may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Time between two IQ pings.
    pub keep_alive_interval: Millis,
    /// Time between two WebSocket Pings while connected.
    pub active_ping_interval: Millis,
    /// An unsettled ping so old makes the session `degraded`.
    pub late_after: Millis,
    /// Nothing received for so long since the first ping after the last thing received: lost (silence).
    pub dead_after: Millis,
    /// No IQ ping answered for so long since the first one after the last IQ answer: lost (zombie).
    pub zombie_after: Millis,
    /// From the dial to the upgrade.
    pub connect_timeout: Millis,
    /// From the upgrade to the Noise transport.
    pub handshake_timeout: Millis,
    /// From the Noise transport to `<success>` or the first pair-device.
    pub login_timeout: Millis,
    /// From pair-success to the 515 that follows it.
    pub pairing_timeout: Millis,
    /// Who re-dials after the 515 that ends a pairing.
    pub pairing_restart: PairingRestart,
    /// The limiter's rules.
    pub limiter: LimiterPolicy,
}

/// Who re-dials after the 515 that ends a pairing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PairingRestart {
    /// The session, once, at once: the re-dial that the pairing protocol itself demands.
    #[default]
    Handoff,
    /// The operator.
    Manual,
}

/// The rules that stand before every dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimiterPolicy {
    /// Attempts of all organizations together.
    pub global: Quota,
    /// Attempts of one organization.
    pub per_org: Quota<Window>,
    /// After an organization's last failure.
    pub cooldown: Millis,
    /// After a `rate_limited`.
    pub block: Millis,
    /// Whom a block keeps out.
    pub block_scope: BlockScope,
    /// Between admission and dial.
    pub delay: Millis,
}

/// At most so many in a window; where that is a length of time, in the half-open `(now − per, now]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota<W = Millis> {
    /// How many.
    pub max: u32,
    /// The window.
    pub per: W,
}

/// The window of an organization's quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Window {
    /// Rolling: the half-open `(now − length, now]`.
    Rolling(Millis),
    /// The civil day of a time zone, which has 23 or 25 hours where the clocks change. There must be room in two of
    /// them: in the day of the limiter's own time, which no step of the wall clock moves, and in the day that the wall
    /// clock shows, reckoned back by the time that has truly passed.
    Calendar(Zone),
}

/// Whom a block after a `rate_limited` keeps out. A temporary ban is of one account, and keeps out that organization alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlockScope {
    /// The organization that was rate limited.
    #[default]
    Org,
    /// Every organization; those connected stay so.
    All,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            keep_alive_interval: Millis::from_secs(25),
            active_ping_interval: Millis::from_mins(2),
            late_after: Millis::from_secs(10),
            dead_after: Millis::from_secs(60),
            zombie_after: Millis::from_mins(5),
            connect_timeout: Millis::from_secs(20),
            handshake_timeout: Millis::from_secs(20),
            login_timeout: Millis::from_secs(60),
            pairing_timeout: Millis::from_secs(60),
            pairing_restart: PairingRestart::default(),
            limiter: LimiterPolicy::default(),
        }
    }
}

impl Default for LimiterPolicy {
    fn default() -> Self {
        Self {
            global: Quota {
                max: 3,
                per: Millis::from_hours(1),
            },
            per_org: Quota {
                max: 2,
                per: Window::Rolling(Millis::from_hours(24)),
            },
            cooldown: Millis::from_hours(2),
            block: Millis::from_hours(24),
            block_scope: BlockScope::default(),
            delay: Millis::from_secs(30),
        }
    }
}
