//! What is assumed of the world around a connection, each with its source; every one can be set.

use serde::Serialize;
use squall_protocol::Millis;

/// The version of IP below TCP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum IpVersion {
    /// Headers of 20 bytes (RFC 791, 3.1, without options).
    #[default]
    V4,
    /// Headers of 40 bytes (RFC 8200, 3, without extensions).
    V6,
}

impl IpVersion {
    /// Bytes of a header.
    pub const fn header(self) -> u64 {
        match self {
            Self::V4 => 20,
            Self::V6 => 40,
        }
    }
}

/// What is assumed of the world around a connection.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Assumptions {
    /// The least and the most that a message takes, one way.
    pub latency: (Millis, Millis),
    /// The version of IP.
    pub ip: IpVersion,
    /// A segment that no data of the other direction follows within this time is acknowledged by one of its own: Linux
    /// waits at least 40 ms (`TCP_DELACK_MIN`), RFC 1122, 4.2.3.2, allows 500 ms.
    pub delayed_ack: Millis,
    /// How long a radio stays up after the last packet. LTE as measured by Huang et al., "A Close Examination of
    /// Performance and Power Characteristics of 4G LTE Networks", MobiSys 2012, table 3: 11,576 ms.
    pub radio_tail: Millis,
    /// What it draws meanwhile, in milliwatts: 1,060 (there).
    pub radio_tail_mw: u64,
    /// How long it takes to wake it: 260 ms (there).
    pub radio_promotion: Millis,
    /// What it draws meanwhile, in milliwatts: 1,211 (there).
    pub radio_promotion_mw: u64,
    /// What a phone's battery holds, in milliwatt-hours: 15,400, which is 4,000 mAh at 3.85 V.
    pub battery_mwh: u64,
    /// How long a NAT remembers an idle connection. RFC 5382, REQ-5, wants at least 2 h 4 min; Wang et al., "An Untold
    /// Story of Middleboxes in Cellular Networks", SIGCOMM 2011, found carriers that forget within 5 min.
    pub nat_idle: Millis,
    /// When a kernel gives a connection up whose segments nobody acknowledges: Linux after 924.6 s by default
    /// (`tcp_retries2` 15 in its ip-sysctl documentation).
    pub kernel_gives_up: Millis,
    /// How often the application writes over a half-open link that it takes for a good one: whatsapp-rust pull request
    /// 995 saw 10 to 18 s.
    pub application_writes: Millis,
    /// How often a server that answers no IQ still sends something else. Nobody has published one; shorter than every
    /// patience of a client, so that only the answers tell.
    pub zombie_speaks: Millis,
    /// A slow link stalls about so often. Nobody has published one.
    pub stalls_every: Millis,
    /// For between so long and so long, and then delivers what it held: longer than the patience of some clients, and
    /// shorter than the session's.
    pub stall: (Millis, Millis),
    /// A server wants to know of silence within this time.
    pub server_notices_within: Millis,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            latency: (Millis::new(40), Millis::new(90)),
            ip: IpVersion::V4,
            delayed_ack: Millis::new(40),
            radio_tail: Millis::new(11_576),
            radio_tail_mw: 1_060,
            radio_promotion: Millis::new(260),
            radio_promotion_mw: 1_211,
            battery_mwh: 15_400,
            nat_idle: Millis::from_mins(5),
            kernel_gives_up: Millis::new(924_600),
            application_writes: Millis::from_secs(15),
            zombie_speaks: Millis::from_secs(12),
            stalls_every: Millis::from_mins(10),
            stall: (Millis::from_secs(5), Millis::from_secs(45)),
            server_notices_within: Millis::from_secs(90),
        }
    }
}
