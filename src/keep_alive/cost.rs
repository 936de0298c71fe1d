//! What a session-hour of keep-alive takes, from what went over a connection.

use serde::Serialize;
use squall_protocol::{Instant, Millis};

use super::assumptions::Assumptions;
use super::frame::TLS_RECORD;
use super::line::{Carried, Log};
use crate::trace::Side;

/// What a connection takes in an hour, both directions together where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Costs {
    /// WebSocket frames.
    pub frames: f64,
    /// Bytes of them from the client: header, mask and payload.
    pub web_socket_up: f64,
    /// Bytes of them to the client.
    pub web_socket_down: f64,
    /// Bytes of them together.
    pub web_socket: f64,
    /// Bytes of the TLS 1.3 records that carry them, one a frame.
    pub tls: f64,
    /// Bytes of the IP packets that carry those, with TCP's and IP's headers, and of the acknowledgements alone.
    pub ip: f64,
    /// Acknowledgements that no data carried.
    pub bare_acks: f64,
    /// How often the client wakes: milliseconds in which it sends, receives or a timer of its fires.
    pub wakeups: f64,
    /// Seconds in which a mobile radio is up.
    pub radio_on_s: f64,
    /// What it draws for that, in joules.
    pub radio_j: f64,
    /// That of a day, as a share of a phone's battery, in percent.
    pub battery_day_percent: f64,
}

impl Costs {
    /// From what went over a healthy connection between two instants.
    pub fn of(log: &Log, (from, until): (Instant, Instant), assumptions: &Assumptions) -> Self {
        let within = |carried: &&Carried| carried.sent > from && carried.sent <= until;
        let carried: Vec<&Carried> = log.carried.iter().filter(within).collect();
        let bytes = |side| -> u64 {
            let of_side = carried.iter().filter(|carried| carried.from == side);
            of_side.map(|carried| carried.bytes()).sum()
        };
        let (up, down) = (bytes(Side::Client), bytes(Side::Server));
        let frames = carried.len() as u64;
        let tls = up + down + frames * TLS_RECORD as u64;
        let acks = bare_acks(&carried, assumptions.delayed_ack);
        let ip = tls + (frames + acks) * (assumptions.ip.header() + TCP_HEADER);
        let radio = Radio::of(&carried, assumptions);
        let hour = PerHour(until - from);
        let joules = hour.of(radio.millijoules(assumptions)) / 1_000.0;
        Self {
            frames: hour.of(frames),
            web_socket_up: hour.of(up),
            web_socket_down: hour.of(down),
            web_socket: hour.of(up + down),
            tls: hour.of(tls),
            ip: hour.of(ip),
            bare_acks: hour.of(acks),
            wakeups: hour.of(log.wakeups),
            radio_on_s: hour.of(radio.on.get()) / 1_000.0,
            radio_j: joules,
            battery_day_percent: joules * 24.0 * 100.0
                / (PerHour::whole(assumptions.battery_mwh) * JOULES_PER_MWH),
        }
    }
}

/// A header of TCP with the timestamps that Linux sends with every segment: 20 bytes (RFC 9293, 3.1) and 12 (RFC 7323, 3.2,
/// with two bytes of padding).
const TCP_HEADER: u64 = 20 + 12;

/// Joules of a milliwatt-hour.
const JOULES_PER_MWH: f64 = 3.6;

/// Segments that no data of the other direction acknowledges in time. One message is one segment: all are far shorter than
/// a segment may be.
fn bare_acks(carried: &[&Carried], delay: Millis) -> u64 {
    let sent = |side| -> Vec<Instant> {
        let of_side = carried.iter().filter(|carried| carried.from == side);
        of_side.map(|carried| carried.sent).collect()
    };
    let (up, down) = (sent(Side::Client), sent(Side::Server));
    let bare = carried.iter().filter(|carried| {
        let back = match carried.from {
            Side::Client => &down,
            Side::Server => &up,
        };
        let next = back.partition_point(|at| *at < carried.arrived);
        back.get(next)
            .is_none_or(|at| *at > carried.arrived + delay)
    });
    bare.count() as u64
}

/// When a mobile radio is up.
struct Radio {
    on: Millis,
    promotions: u64,
}

impl Radio {
    /// It is woken by whatever the client sends or receives, and stays up for its tail.
    fn of(carried: &[&Carried], assumptions: &Assumptions) -> Self {
        let at_client = |carried: &&Carried| match carried.from {
            Side::Client => carried.sent,
            Side::Server => carried.arrived,
        };
        let mut active: Vec<Instant> = carried.iter().map(at_client).collect();
        active.sort_unstable();
        let tail = assumptions.radio_tail;
        let (mut on, mut promotions) = (Millis::ZERO, 0);
        for (place, at) in active.iter().enumerate() {
            let asleep = place == 0 || *at - active[place - 1] > tail;
            promotions += u64::from(asleep);
            let until_next = active.get(place + 1).map_or(tail, |next| *next - *at);
            on = on + until_next.min(tail);
        }
        Self { on, promotions }
    }

    fn millijoules(&self, assumptions: &Assumptions) -> u64 {
        let tail = self.on.get() * assumptions.radio_tail_mw;
        let woken = assumptions.radio_promotion.get() * assumptions.radio_promotion_mw;
        (tail + self.promotions * woken) / 1_000
    }
}

/// Divides what was counted over a time by its hours.
struct PerHour(Millis);

impl PerHour {
    fn of(&self, count: u64) -> f64 {
        Self::whole(count) * Self::whole(Millis::from_hours(1).get()) / Self::whole(self.0.get())
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "what a connection carries in days is far below 2^52"
    )]
    fn whole(count: u64) -> f64 {
        count as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keep_alive::line::{Condition, Setup, run};
    use crate::keep_alive::{IpVersion, Policy};
    use crate::seed::Seed;

    fn an_hour_of(policy: &Policy, assumptions: &Assumptions) -> Costs {
        let hour = Instant::START + Millis::from_hours(1);
        let setup = Setup {
            latency: (Millis::new(40), Millis::new(40)),
            begins: Instant::START,
            connected: Instant::at(10),
            first: 4,
            until: hour,
            keep: true,
        };
        let log = run(policy, setup, Condition::Healthy, Seed(1), "test");
        Costs::of(&log, (Instant::START, hour), assumptions)
    }

    /// 144 IQ pings with an answer each but the last, which is under way; 29 WebSocket Pings and their pongs.
    #[test]
    fn an_hour_of_the_session_is_what_its_intervals_say() {
        let costs = an_hour_of(&Policy::session(), &Assumptions::default());
        assert_eq!(costs.frames, 144.0 + 143.0 + 2.0 * 29.0);
        // Each message is one record.
        assert_eq!(costs.tls - costs.web_socket, costs.frames * 22.0);
        // The answer carries the server's acknowledgement; the client has nothing to carry its own, but for the answers
        // to the IQ pings that a WebSocket Ping follows within 10 ms.
        let segments = costs.frames + costs.bare_acks;
        assert_eq!(costs.ip - costs.tls, segments * 52.0);
        assert_eq!(
            costs.web_socket,
            costs.web_socket_up + costs.web_socket_down
        );
    }

    #[test]
    fn ipv6_takes_twenty_bytes_a_packet_more() {
        let v4 = an_hour_of(&Policy::session(), &Assumptions::default());
        let assumptions = Assumptions {
            ip: IpVersion::V6,
            ..Assumptions::default()
        };
        let v6 = an_hour_of(&Policy::session(), &assumptions);
        assert_eq!(v6.ip - v4.ip, (v4.frames + v4.bare_acks) * 20.0);
    }

    /// A ping every 30 s leaves the radio up for its tail after the answer, which comes 80 ms later.
    #[test]
    fn a_radio_is_up_for_its_tail_after_each_ping() {
        let assumptions = Assumptions::default();
        let costs = an_hour_of(&Policy::before(), &assumptions);
        let answered = 119.0 * (0.080 + 11.576);
        assert!(
            (costs.radio_on_s - (answered + 11.576)).abs() < 0.001,
            "{costs:?}"
        );
        let joules = costs.radio_on_s * 1.060 + 120.0 * 0.260 * 1.211;
        assert!((costs.radio_j - joules).abs() < 0.01, "{costs:?}");
    }
}
