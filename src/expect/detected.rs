//! `detected_within`: from a fault's first touch to the disconnect.

use squall_protocol::{Instant, Millis};

use super::{Check, Ruling, World};
use crate::scenario::Length;
use crate::trace::{ConnectionId, Entry, Event, OrgName};

/// The time from the first touch of a step's fault on one of the organization's connections to the organization's next
/// disconnect.
pub(super) struct DetectedWithin {
    org: OrgName,
    step: u32,
    id: String,
    is: Length,
    touched: Option<(Instant, ConnectionId)>,
    detected: Option<Instant>,
}

impl DetectedWithin {
    pub(super) fn new(org: OrgName, step: u32, id: String, is: Length) -> Self {
        Self {
            org,
            step,
            id,
            is,
            touched: None,
            detected: None,
        }
    }

    fn wrong(&self, at: Instant, conn: ConnectionId, got: &str) -> Ruling {
        let (org, id, is) = (&self.org, &self.id, self.is);
        Ruling::Wrong {
            at,
            org: Some(org.clone()),
            conn: Some(conn),
            what: format!("disconnect of org {org} after step {id:?}: expected {is}, got {got}"),
        }
    }
}

impl Check for DetectedWithin {
    fn observe(&mut self, entry: &Entry, world: &World) {
        match &entry.event {
            Event::FaultActed { fault, conn, .. }
                if fault.step == self.step
                    && self.touched.is_none()
                    && world.is_of(*conn, &self.org) =>
            {
                self.touched = Some((entry.at, *conn));
            }
            Event::Disconnected { org, .. }
                if *org == self.org && self.touched.is_some() && self.detected.is_none() =>
            {
                self.detected = Some(entry.at);
            }
            _ => {}
        }
    }

    fn rule(&self, end: Instant, world: &World) -> Ruling {
        let (org, id) = (&self.org, &self.id);
        let Some((touched, conn)) = self.touched else {
            let why = format!("step {id:?} touched no connection of org {org}");
            return Ruling::Open {
                by: world.ends,
                why,
            };
        };
        if let Some(detected) = self.detected {
            let took: Millis = detected - touched;
            if self.is.contains(took) {
                return Ruling::Met;
            }
            return self.wrong(detected, conn, &took.to_string());
        }
        // Without a longest time there is the rest of the run.
        let by = self.is.max.map_or(world.ends, |max| touched + max);
        if end < by {
            let why = format!(
                "disconnect of org {org} after step {id:?}: the run ended before, at {end}"
            );
            return Ruling::Open { by, why };
        }
        self.wrong(by, conn, "none")
    }
}

#[cfg(test)]
mod tests {
    use crate::expect::test_support::{Story, acted, dial, disconnected, start};
    use crate::words::Cause;

    const DETECTED: &str = "detected_within: { org: \"2\", step: the fault, is: ..85s }";

    /// Both are connected, and the fault of step 1 touches the connection of org 2 at 1 h.
    fn touched() -> Story {
        let mut story = Story::expecting(DETECTED);
        story
            .at("0s", start("2"))
            .at("30s", dial(1, "2"))
            .at("31s", dial(2, "1"))
            .at("40m", disconnected("2", Cause::ConnectionLost))
            .at("50m", dial(3, "2"))
            .at("55m", acted(1, 2))
            .at("56m", acted(2, 3))
            .at("1h", acted(1, 3))
            .at("1h 5s", acted(1, 3));
        story
    }

    #[test]
    fn the_first_touch_of_that_organization_is_where_time_begins() {
        let mut story = touched();
        story
            .at("1h 10s", disconnected("1", Cause::ConnectionLost))
            .at("1h 1m 25s", disconnected("2", Cause::ConnectionLost))
            .at("2h", disconnected("2", Cause::ConnectionLost));
        story.is_met();
    }

    #[test]
    fn a_disconnect_too_late_or_never_is_a_finding() {
        let mut story = touched();
        story.is_wrong(
            "1h 1m 25s",
            "disconnect of org 2 after step \"the fault\": expected at most 1m 25s, got none",
        );
        story.at("1h 1m 25s 1ms", disconnected("2", Cause::ConnectionLost));
        story.is_wrong(
            "1h 1m 25s 1ms",
            "disconnect of org 2 after step \"the fault\": expected at most 1m 25s, got 1m 25s 1ms",
        );
    }

    #[test]
    fn it_is_open_if_nothing_was_touched_or_the_run_was_short() {
        let mut story = Story::expecting(DETECTED);
        story
            .at("0s", start("2"))
            .at("30s", dial(1, "2"))
            .at("1h", acted(2, 1));
        story.is_open("step \"the fault\" touched no connection of org 2");
        let mut story = touched();
        story
            .ends_at("1h 1m")
            .is_open("the run ended before, at 1h 1m");
        story.cut_at("1h 1m").is_met();
    }
}
