//! What is assumed of the world, by flag.

use clap::Args;
use squall::keep_alive::{Assumptions, IpVersion};
use squall::scenario::Between;
use squall_protocol::Millis;

#[derive(Debug, Args)]
#[command(next_help_heading = "Assumed of the world")]
pub(super) struct Assumed {
    /// How long a message takes, one way [default: 40ms..90ms]
    #[arg(long, value_name = "T..T")]
    latency: Option<Between>,
    /// The version of IP, for the size of its headers
    #[arg(long, value_enum, value_name = "V", default_value_t)]
    ip: IpVersion,
    /// An acknowledgement that waits so long for data goes alone [default: 40ms, as Linux does]
    #[arg(long, value_name = "T")]
    delayed_ack: Option<Millis>,
    /// How long a radio stays up after a packet [default: 11s 576ms, LTE, Huang et al., MobiSys 2012]
    #[arg(long, value_name = "T")]
    radio_tail: Option<Millis>,
    /// What it draws meanwhile, in mW [default: 1060, there]
    #[arg(long, value_name = "MW", value_parser = clap::value_parser!(u64).range(..=MOST_MW))]
    radio_tail_mw: Option<u64>,
    /// How long it takes to wake it [default: 260ms, there]
    #[arg(long, value_name = "T")]
    radio_promotion: Option<Millis>,
    /// What it draws meanwhile, in mW [default: 1211, there]
    #[arg(long, value_name = "MW", value_parser = clap::value_parser!(u64).range(..=MOST_MW))]
    radio_promotion_mw: Option<u64>,
    /// What a phone's battery holds, in mWh [default: 15400, 4,000 mAh at 3.85 V]
    #[arg(long, value_name = "MWH", value_parser = clap::value_parser!(u64).range(1..))]
    battery_mwh: Option<u64>,
    /// How long a NAT remembers an idle connection [default: 5m; Wang et al., SIGCOMM 2011]
    #[arg(long, value_name = "T", value_parser = second_or_more)]
    nat_idle: Option<Millis>,
    /// When a kernel gives up what nobody acknowledges [default: 15m 24s 600ms, Linux]
    #[arg(long, value_name = "T")]
    kernel_gives_up: Option<Millis>,
    /// How often the application writes over a half-open link [default: 15s]
    #[arg(long, value_name = "T", value_parser = second_or_more)]
    application_writes: Option<Millis>,
    /// How often a zombie says something else [default: 12s]
    #[arg(long, value_name = "T", value_parser = second_or_more)]
    zombie_speaks: Option<Millis>,
    /// A slow link stalls about so often [default: 10m]
    #[arg(long, value_name = "T", value_parser = second_or_more)]
    stalls_every: Option<Millis>,
    /// For so long each time, and so much later may a ping come to a NAT [default: 5s..45s]
    #[arg(long, value_name = "T..T")]
    stall: Option<Between>,
    /// A server wants to know of silence within this time [default: 1m 30s]
    #[arg(long, value_name = "T")]
    notice_within: Option<Millis>,
}

impl Assumed {
    pub(super) fn assumptions(&self) -> Assumptions {
        let default = Assumptions::default();
        let pair = |range: Option<Between>, or| range.map_or(or, |range| (range.min, range.max));
        Assumptions {
            latency: pair(self.latency, default.latency),
            ip: self.ip,
            delayed_ack: self.delayed_ack.unwrap_or(default.delayed_ack),
            radio_tail: self.radio_tail.unwrap_or(default.radio_tail),
            radio_tail_mw: self.radio_tail_mw.unwrap_or(default.radio_tail_mw),
            radio_promotion: self.radio_promotion.unwrap_or(default.radio_promotion),
            radio_promotion_mw: self
                .radio_promotion_mw
                .unwrap_or(default.radio_promotion_mw),
            battery_mwh: self.battery_mwh.unwrap_or(default.battery_mwh),
            nat_idle: self.nat_idle.unwrap_or(default.nat_idle),
            kernel_gives_up: self.kernel_gives_up.unwrap_or(default.kernel_gives_up),
            application_writes: self
                .application_writes
                .unwrap_or(default.application_writes),
            zombie_speaks: self.zombie_speaks.unwrap_or(default.zombie_speaks),
            stalls_every: self.stalls_every.unwrap_or(default.stalls_every),
            stall: pair(self.stall, default.stall),
            server_notices_within: self.notice_within.unwrap_or(default.server_notices_within),
        }
    }
}

/// A radio that draws more would be a heater.
const MOST_MW: u64 = 1_000_000;

/// A length of time that a connection can be studied with: less than a second between two messages is no keep-alive.
pub(super) fn second_or_more(text: &str) -> Result<Millis, String> {
    let length: Millis = text.parse().map_err(|error| format!("{error}"))?;
    match length {
        length if length < Millis::from_secs(1) => Err("at least 1s".to_owned()),
        length if length > Millis::from_hours(24) => Err("at most 24h".to_owned()),
        length => Ok(length),
    }
}
