//! Whoever starts the client's process again when it is gone, and how long it waits before it does.

use squall_protocol::{Instant, Millis};

use crate::scenario::{Supervisor as Model, Systemd};

/// A supervisor at work on one process.
pub(crate) struct Supervisor {
    model: Model<Millis>,
    /// The process started then for the last time.
    started: Instant,
    /// How long docker waited the last time.
    waited: Option<Millis>,
    /// When the interval began in which systemd counts, and how many starts it has counted.
    interval: Option<(Instant, u32)>,
}

impl Supervisor {
    /// One that has not started anything yet.
    pub(crate) fn new(model: Model<Millis>) -> Self {
        Self {
            model,
            started: Instant::START,
            waited: None,
            interval: None,
        }
    }

    /// The process starts, by its doing or another's.
    pub(crate) fn starts(&mut self, now: Instant) {
        self.started = now;
        if let Model::Systemd(unit) = self.model {
            self.interval = Some(match self.interval {
                Some((begun, starts)) if now - begun <= unit.start_limit_interval => {
                    (begun, starts + 1)
                }
                _ => (now, 1),
            });
        }
    }

    /// The process is gone. How long it waits before the next start; none, where there will be none.
    pub(crate) fn gone(&mut self, now: Instant) -> Option<Millis> {
        match self.model {
            Model::Fixed(restart) => Some(restart),
            Model::Systemd(unit) => {
                let again = now + unit.restart_sec;
                (!self.is_over_the_limit(unit, again)).then_some(unit.restart_sec)
            }
            Model::Docker => {
                let waits = match self.waited {
                    Some(waited) if now - self.started < DOCKER_FORGETS => {
                        (waited + waited).min(DOCKER_MOST)
                    }
                    _ => DOCKER_FIRST,
                };
                self.waited = Some(waits);
                Some(waits)
            }
        }
    }

    /// As `ratelimit_below` of systemd counts: from the first start on, and anew once the interval is over.
    fn is_over_the_limit(&self, unit: Systemd<Millis>, at: Instant) -> bool {
        self.interval.is_some_and(|(begun, starts)| {
            unit.start_limit_burst > 0
                && at - begun <= unit.start_limit_interval
                && starts >= unit.start_limit_burst
        })
    }
}

// "An increasing delay (double the previous delay, starting at 100 milliseconds) is added before each restart […] until
// […] the maximum delay of 1 minute is hit […]. If a container is successfully restarted (the container is started and
// runs for at least 10 seconds), the delay is reset to its default value of 100 ms." (docker run, restart policies)
const DOCKER_FIRST: Millis = Millis::new(100);
const DOCKER_MOST: Millis = Millis::from_mins(1);
const DOCKER_FORGETS: Millis = Millis::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    /// How long it waits after each of these deaths of a process that runs for so long, until it gives up.
    fn waits(model: Model<Millis>, runs: Millis, deaths: usize) -> Vec<u64> {
        let mut supervisor = Supervisor::new(model);
        let mut now = Instant::at(1_000_000);
        let mut waits = Vec::new();
        for _ in 0..deaths {
            supervisor.starts(now);
            now += runs;
            let Some(wait) = supervisor.gone(now) else {
                break;
            };
            now += wait;
            waits.push(wait.get());
        }
        waits
    }

    fn unit(restart_sec: Millis, start_limit_burst: u32) -> Model<Millis> {
        Model::Systemd(Systemd {
            restart_sec,
            start_limit_interval: Millis::from_secs(10),
            start_limit_burst,
        })
    }

    #[test]
    fn docker_doubles_its_wait_up_to_a_minute_and_forgets_after_ten_good_seconds() {
        let dies_at_once = waits(Model::Docker, Millis::ZERO, 12);
        let doubled = [
            100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 60_000, 60_000,
        ];
        assert_eq!(dies_at_once, doubled);
        assert_eq!(waits(Model::Docker, Millis::new(9_999), 3), [100, 200, 400]);
        assert_eq!(waits(Model::Docker, Millis::from_secs(10), 3), [100; 3]);
    }

    #[test]
    fn systemd_gives_up_at_its_limit_and_never_where_the_starts_are_far_enough_apart() {
        let at_once = unit(Millis::new(100), 5);
        assert_eq!(
            waits(at_once, Millis::ZERO, 100),
            [100; 4],
            "the fifth start is the last"
        );
        assert_eq!(waits(at_once, Millis::from_secs(3), 100).len(), 100);
        assert_eq!(
            waits(unit(Millis::from_secs(5), 5), Millis::ZERO, 100).len(),
            100
        );
        assert_eq!(
            waits(unit(Millis::new(100), 0), Millis::ZERO, 100).len(),
            100
        );
    }

    #[test]
    fn a_fixed_one_always_waits_as_long() {
        assert_eq!(
            waits(Model::Fixed(Millis::from_secs(5)), Millis::ZERO, 3),
            [5_000; 3]
        );
    }
}
