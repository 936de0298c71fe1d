//! The closed lists of words that scenarios, traces and oracles share: states, causes, denials, stages, alerts, oracles.
//!
//! They say the same as the session's own enums and are written again here on purpose: a judge does not borrow the
//! accused's dictionary. Engines translate, in one total function each.

/// Declares an enum whose variants have one spelling in YAML, JSON and text.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
            schemars::JsonSchema)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every word of the list, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The one spelling.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

words! {
    /// Where a session says that it stands.
    State {
        /// Nothing asked for, or stopped by the operator.
        Idle = "idle",
        /// Admitted; the mandatory wait before the dial.
        Waiting = "waiting",
        /// Dialing, upgrading, securing, logging in, or waiting for the first answers.
        Connecting = "connecting",
        /// The QR code is shown.
        AwaitingQrScan = "awaiting_qr_scan",
        /// Scanned; waiting for the 515 that ends the pairing.
        Pairing = "pairing",
        /// Logged in, and the server has answered.
        Connected = "connected",
        /// Connected, but a ping is answered late.
        Degraded = "degraded",
        /// No start before the block expires.
        Blocked = "blocked",
        /// The server logged the device out.
        LoggedOut = "logged_out",
        /// Down until an operator starts it again.
        DisconnectedManualReconnectRequired = "disconnected_manual_reconnect_required",
    }
}

impl State {
    /// Whether a start-session is possible from here: `idle` and the ends.
    pub const fn is_at_rest(self) -> bool {
        matches!(
            self,
            Self::Idle
                | Self::Blocked
                | Self::LoggedOut
                | Self::DisconnectedManualReconnectRequired
        )
    }

    /// Whether the session claims a usable connection.
    pub const fn is_connected(self) -> bool {
        matches!(self, Self::Connected | Self::Degraded)
    }
}

words! {
    /// Why a session says that it ended.
    Cause {
        /// 515 in mid-session, or 429 by stream, failure or upgrade.
        RateLimited = "rate_limited",
        /// 515 right after pair-success on that connection.
        RestartRequired = "restart_required",
        /// 401, device_removed, 516.
        LoggedOut = "logged_out",
        /// Another connection took over.
        Replaced = "replaced",
        /// 403.
        Forbidden = "forbidden",
        /// 405.
        ClientOutdated = "client_outdated",
        /// 402.
        TemporaryBan = "temporary_ban",
        /// Any other failure.
        LoginRefused = "login_refused",
        /// 500, 501, 503.
        ServiceUnavailable = "service_unavailable",
        /// A frame that does not authenticate.
        BadMac = "bad_mac",
        /// An invalid WebSocket frame or an undecodable node.
        ProtocolError = "protocol_error",
        /// Any other stream:error.
        StreamError = "stream_error",
        /// Silence or a zombie.
        ConnectionLost = "connection_lost",
        /// Close frame, EOF, reset or xmlstreamend.
        ConnectionClosed = "connection_closed",
        /// TCP or HTTP refused.
        Refused = "refused",
        /// Noise or certificate.
        HandshakeFailed = "handshake_failed",
        /// A stage took too long.
        ConnectTimedOut = "connect_timed_out",
        /// No scan within the refs.
        QrExpired = "qr_expired",
        /// The limiter took the permit back at dial time.
        PermitRevoked = "permit_revoked",
        /// Found at boot: the process had died.
        ProcessDied = "process_died",
        /// The operator, or an orderly shutdown.
        Stopped = "stopped",
    }
}

words! {
    /// Why a start-session was refused.
    Denial {
        /// The store could not be asked.
        StoreUnavailable = "store_unavailable",
        /// The organization has an attempt or a session under way.
        AlreadyActive = "already_active",
        /// Attempts of all organizations together.
        Global = "global",
        /// Attempts of this organization.
        PerOrg = "per_org",
        /// After this organization's last failure.
        Cooldown = "cooldown",
        /// After a `rate_limited`.
        Block = "block",
    }
}

words! {
    /// How far a connection had come.
    Stage {
        /// From the dial to the upgrade.
        Connect = "connect",
        /// From the upgrade to the Noise transport.
        Handshake = "handshake",
        /// From the Noise transport to `<success>` or the first pair-device.
        Login = "login",
        /// From the first pair-device to the 515.
        Pairing = "pairing",
        /// After `<success>`.
        Open = "open",
    }
}

words! {
    /// What an operator should look at.
    Alert {
        /// The server said 515 in mid-session, or 429.
        RateLimited = "rate_limited",
        /// The second disconnect within 24 hours.
        TwoDisconnectsInADay = "two_disconnects_in_a_day",
        /// A frame did not authenticate.
        BadMac = "bad_mac",
        /// Messages that the application could not decrypt.
        Undecryptable = "undecryptable",
        /// Logged in for 60 s, and the first answers have not come.
        NotReady = "not_ready",
        /// The wall clock went ahead by more than a day while the process was down.
        ClockJump = "clock_jump",
    }
}

words! {
    /// The oracles, in the order of the report.
    OracleName {
        /// Every connection is one dial of one accepted start, or its handoff.
        DialAttribution = "dial_attribution",
        /// The limiter's rules, written again.
        LimiterShadow = "limiter_shadow",
        /// A disconnect is warranted by what was delivered.
        Holds = "holds",
        /// A dead link is noticed in time; a live one is never declared dead.
        Detection = "detection",
        /// The pings keep their beat.
        KeepAliveCadence = "keep_alive_cadence",
        /// The server's ping is answered at once.
        PongPromptness = "pong_promptness",
        /// The cause reported is the one that was delivered.
        Classification = "classification",
        /// The guard never had to act.
        Unpunished = "unpunished",
        /// The session's word on itself is true when it is said, and a time told is kept.
        StatusHonesty = "status_honesty",
        /// After a crash the limiter remembers every admitted attempt and block.
        Durability = "durability",
        /// 5 s after an end nothing is left of the session.
        Quiescence = "quiescence",
        /// Each planned fault touched a connection.
        FaultWasSeen = "fault_was_seen",
        /// No key of the run is in anything that it writes.
        NoSecret = "no_secret",
        /// What the scenario expects.
        Expectations = "expect",
    }
}

words! {
    /// The incidents that Squall plays, in the order of docs/incidents.md, which tells each one.
    Incident {
        /// A pairing ends with a 515, and what comes after it goes wrong.
        Pair515Handoff = "pair-515-handoff",
        /// A 515 in mid-session, and again at each start.
        Midsession515Storm = "515-midsession-storm",
        /// A watchdog over messages cuts a quiet, healthy connection.
        IdleWatchdogFlap = "idle-watchdog-flap",
        /// The server is gone without a FIN, and the client goes on sending.
        HalfOpenWithTraffic = "half-open-with-traffic",
        /// A login that succeeds, and no request is answered any more.
        SilentZombieAfter500 = "silent-zombie-after-500",
        /// Answers come later and later, and then in time again.
        PongSlowdownThenRecover = "pong-slowdown-then-recover",
        /// The pings wait behind a backlog of messages.
        BacklogStarvesPing = "backlog-starves-ping",
        /// Every connection is closed at a fixed age.
        ClosedEvery30Min = "428-every-30-min",
        /// The process dies, and whoever supervises it starts it again and again.
        RestartAlwaysHammer = "restart-always-hammer",
        /// Two processes hold one account and replace each other.
        ConflictPingPong = "conflict-ping-pong",
        /// The server no longer speaks to this version.
        OutdatedHotLoop = "405-outdated-hot-loop",
        /// The server punishes each dial that comes too soon.
        ServerPunishes429 = "429-server-punishes",
        /// The phone removes the device.
        DeviceRemovedAfterHours = "device-removed-after-hours",
        /// A temporary ban, and other refusals of a login.
        TempbanAndFriends = "tempban-402-and-friends",
        /// Nobody scans the QR code.
        QrNeverScanned = "qr-never-scanned",
        /// Messages that cannot be decrypted, by the thousand.
        BadMacFlood = "bad-mac-flood",
        /// A stream error without a code.
        CodelessStreamError = "codeless-stream-error",
        /// The client's machine sleeps.
        SuspendAndClock = "suspend-and-clock",
        /// The day's edge, and days of 23 and 25 hours.
        MidnightAndDst = "midnight-and-dst",
        /// An operator thinks better of it in the wait before the dial.
        StopDuringWait = "stop-during-wait",
    }
}
