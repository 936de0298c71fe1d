//! A connection with an allowance.

use std::num::NonZeroU64;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Act, Carry, Fault, FaultCx, Handed, Injected, SomeTime};

/// The transport is reset after so many bytes or so long, whatever goes on: a proxy with a quota or a greatest age.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CutAfter {
    /// So many bytes, both ways together, since the fault is put on or the client dials. The message that goes beyond is
    /// lost.
    Bytes(NonZeroU64),
    /// So long since the fault is put on or the client asks for the upgrade.
    Time(SomeTime),
}

/// The reset is on its way.
const RESET: u64 = u64::MAX;

impl Fault for CutAfter {
    fn injected(&self) -> Injected {
        Injected::WholeConnection
    }

    fn reports_once(&self) -> bool {
        true
    }

    fn acts(&self, cx: &mut FaultCx<'_>) -> Vec<Act> {
        if let Self::Time(time) = self {
            cx.wake_at(cx.since + time.get());
        }
        Vec::new()
    }

    /// `count` is the number of bytes so far.
    fn on_message(&self, message: Handed, cx: &mut FaultCx<'_>) -> Carry {
        let Self::Bytes(most) = self else {
            return Carry::Pass;
        };
        if *cx.count == RESET || message.again {
            return Carry::Pass;
        }
        *cx.count = cx.count.saturating_add(message.bytes);
        if *cx.count <= most.get() {
            return Carry::Pass;
        }
        *cx.count = RESET;
        cx.wake_at(cx.now.mono);
        Carry::Hold
    }

    fn on_timer(&self, _: &mut FaultCx<'_>) -> Vec<Act> {
        vec![Act::Reset]
    }
}

#[cfg(test)]
mod tests {
    use super::super::Direction::{ToClient, ToServer};
    use super::super::testing::{handed, with_cx};
    use super::*;
    use squall_protocol::Instant;

    #[test]
    fn it_cuts_when_the_bytes_of_both_ways_are_more_than_the_quota_and_not_before() {
        let fault: CutAfter = serde_json::from_str(r#"{"bytes":300}"#).unwrap();
        let mut sent = 0;
        let mut hand = |message| with_cx(5, &mut sent, |cx| fault.on_message(message, cx));
        for way in [ToServer, ToClient, ToServer] {
            assert_eq!(hand(handed(way)), (Carry::Pass, None));
        }
        let again = Handed {
            again: true,
            ..handed(ToServer)
        };
        assert_eq!(hand(again), (Carry::Pass, None), "it was counted before");
        assert_eq!(hand(handed(ToClient)), (Carry::Hold, Some(Instant::at(5))));
        assert_eq!(hand(handed(ToClient)), (Carry::Pass, None), "the reset");
        let (acts, _) = with_cx(5, &mut 0, |cx| fault.on_timer(cx));
        assert_eq!(acts, [Act::Reset]);
    }

    #[test]
    fn it_cuts_at_its_age_and_counts_no_bytes() {
        let fault: CutAfter = serde_json::from_str(r#"{"time":"60s"}"#).unwrap();
        let (acts, wake) = with_cx(10, &mut 0, |cx| fault.acts(cx));
        assert_eq!((acts, wake), (vec![], Some(Instant::at(60_000))));
        for n in 0..1_000 {
            let (carry, _) = with_cx(n, &mut 0, |cx| fault.on_message(handed(ToServer), cx));
            assert_eq!(carry, Carry::Pass);
        }
    }

    #[test]
    fn an_allowance_is_bytes_or_time_and_more_than_nothing() {
        for written in [
            r#"{}"#,
            r#"{"bytes":1,"time":"1s"}"#,
            r#"{"bytes":0}"#,
            r#"{"time":"0s"}"#,
        ] {
            assert!(
                serde_json::from_str::<CutAfter>(written).is_err(),
                "{written}"
            );
        }
    }
}
