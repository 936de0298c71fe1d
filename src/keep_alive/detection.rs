//! How long a broken connection goes unnoticed, over many random phases.

use rand::RngExt;
use serde::Serialize;
use squall_protocol::{Instant, Millis};

use super::assumptions::Assumptions;
use super::line::{self, Condition, LOGIN, Setup};
use super::policy::Policy;
use crate::seed::Seed;

/// How a connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Broken {
    /// Nothing comes back any more; the server's kernel still takes what is sent.
    Silence,
    /// Nothing passes either way, and the application goes on writing.
    HalfOpen,
    /// A NAT forgets the connection after it was idle for too long.
    Nat,
    /// The server answers no IQ any more, and says other things.
    Zombie,
}

impl Broken {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Silence, Self::HalfOpen, Self::Nat, Self::Zombie];
}

/// How long something took in many runs, shortest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    took: Vec<Millis>,
    runs: u64,
}

impl Found {
    fn add(&mut self, took: Option<Millis>) {
        self.runs += 1;
        if let Some(took) = took {
            let place = self.took.partition_point(|other| *other <= took);
            self.took.insert(place, took);
        }
    }

    /// In how many runs there was something to find.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// In how many it was not found.
    pub fn missed(&self) -> u64 {
        self.runs - self.took.len() as u64
    }

    /// The least time that so many of a thousand runs did not exceed (nearest rank); none where that many did not find
    /// it, or where there was nothing to find.
    pub fn per_mille(&self, of_a_thousand: u64) -> Option<Millis> {
        let rank = (self.runs * of_a_thousand).div_ceil(1_000).checked_sub(1)?;
        self.took.get(usize::try_from(rank).ok()?).copied()
    }
}

/// What a policy finds of one kind of break.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detection {
    /// From the break to the verdict that the connection is dead, the kernel's included.
    pub dead: Found,
    /// From the break to the first word to the application.
    pub late: Found,
}

/// The break is at a random phase: after a while, somewhere within twice the longest interval of the sweep, and thus
/// within two whole beats of the session's 25 s and 2 min together.
const SETTLED: Millis = Millis::from_mins(10);
const PHASE: Millis = Millis::from_mins(20);
/// So long after the break nobody looks any more.
pub const WATCHED: Millis = Millis::from_hours(2);

/// Breaks a connection under this policy so many times.
pub fn detect(
    policy: &Policy,
    broken: Broken,
    phases: u64,
    assumptions: &Assumptions,
    seed: Seed,
) -> Detection {
    let mut detection = Detection::default();
    for phase in 0..phases {
        // Named by the break and not by the policy: all policies meet the same breaks over the same link, so that what
        // differs between them is theirs and not their luck.
        let stream = format!("{broken:?}/{phase}");
        let from = Instant::START
            + SETTLED
            + Millis::new(seed.stream(&stream).random_range(0..PHASE.get()));
        let setup = Setup {
            latency: assumptions.latency,
            begins: Instant::START,
            connected: Instant::START + LOGIN,
            first: 1,
            until: from + WATCHED,
            keep: false,
        };
        let condition = match broken {
            Broken::Silence => Condition::Silence { from },
            Broken::HalfOpen => Condition::HalfOpen {
                from,
                application_writes: assumptions.application_writes,
                kernel_gives_up: assumptions.kernel_gives_up,
            },
            Broken::Nat => Condition::Nat {
                idle: assumptions.nat_idle,
                held: assumptions.stall.1,
                kernel_gives_up: assumptions.kernel_gives_up,
            },
            Broken::Zombie => Condition::Zombie {
                from,
                speaks: assumptions.zombie_speaks,
            },
        };
        let log = line::run(policy, setup, condition, seed, &stream);
        if let Some(broken) = log.broken {
            let since = |at: Instant| at - broken;
            detection.dead.add(log.dead.first().copied().map(since));
            detection.late.add(log.late.map(since));
        }
    }
    detection
}

/// How many connections a day this policy gives up over a link that stalls and is never broken.
pub fn false_alarms_per_day(policy: &Policy, assumptions: &Assumptions, seed: Seed) -> f64 {
    let setup = Setup {
        latency: assumptions.latency,
        begins: Instant::START,
        connected: Instant::START + LOGIN,
        first: 1,
        until: Instant::START + Millis::from_days(u64::from(STALLING_DAYS)),
        keep: false,
    };
    let condition = Condition::Stalls {
        every: assumptions.stalls_every,
        lasts: assumptions.stall,
    };
    let given_up = line::run(policy, setup, condition, seed, "stalls")
        .dead
        .len();
    f64::from(u32::try_from(given_up).unwrap_or(u32::MAX)) / f64::from(STALLING_DAYS)
}

/// Long enough for thousands of stalls.
const STALLING_DAYS: u32 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    fn worst(policy: &Policy, broken: Broken) -> Option<u64> {
        let found = detect(policy, broken, 400, &Assumptions::default(), Seed(1));
        found.dead.per_mille(1_000).map(Millis::get)
    }

    #[test]
    fn the_session_finds_silence_within_85_seconds_of_the_last_delivery_and_a_zombie_within_325() {
        let silence = worst(&Policy::session(), Broken::Silence).expect("it is found");
        assert!((84_000..=85_180).contains(&silence), "{silence}");
        let zombie = worst(&Policy::session(), Broken::Zombie).expect("it is found");
        assert!((323_000..=325_180).contains(&zombie), "{zombie}");
    }

    #[test]
    fn what_only_looks_at_silence_never_finds_a_zombie_that_talks() {
        for policy in [Policy::before(), Policy::baileys(), Policy::whatsapp_rust()] {
            let found = detect(
                &policy,
                Broken::Zombie,
                20,
                &Assumptions::default(),
                Seed(1),
            );
            assert_eq!(
                (found.dead.missed(), found.dead.runs()),
                (20, 20),
                "{}",
                policy.name
            );
        }
        assert!(worst(&Policy::whatsmeow(), Broken::Zombie).is_some());
    }

    #[test]
    fn whatsmeow_takes_three_minutes_and_a_last_try() {
        let silence = worst(&Policy::whatsmeow(), Broken::Silence).expect("it is found");
        assert!((180_000..=221_000).contains(&silence), "{silence}");
    }

    #[test]
    fn a_ping_within_the_nats_memory_leaves_nothing_to_find_and_a_rarer_one_finds_it_forgotten() {
        let assumptions = Assumptions::default();
        let kept = detect(&Policy::session(), Broken::Nat, 10, &assumptions, Seed(1));
        assert_eq!(kept.dead.runs(), 0);
        let rare = Policy::swept(Millis::from_mins(10), Millis::from_secs(60));
        let lost = detect(&rare, Broken::Nat, 10, &assumptions, Seed(1));
        assert_eq!(lost.dead.runs(), 10);
        let found = lost.dead.per_mille(1_000).map(Millis::get);
        // Almost five minutes after it was forgotten comes the next ping, and its silence is found 60 s later.
        assert!(
            found.is_some_and(|took| (359_000..=360_000).contains(&took)),
            "{found:?}"
        );
    }

    /// The last thing that passes before the first ping is the login, and before each other the answer to the one before.
    #[test]
    fn a_ping_as_rare_as_the_nat_is_patient_comes_just_in_time_and_never_over_a_link_that_may_stall()
     {
        let every = Policy::swept(Millis::from_mins(5), Millis::from_secs(60));
        let lost = |nat_idle: Millis, stall: Millis| {
            let assumptions = Assumptions {
                latency: (Millis::new(40), Millis::new(40)),
                nat_idle,
                stall: (Millis::ZERO, stall),
                ..Assumptions::default()
            };
            let found = detect(&every, Broken::Nat, 1, &assumptions, Seed(1));
            found.dead.runs() == 1
        };
        let five = Millis::from_mins(5);
        assert!(!lost(five, Millis::ZERO));
        assert!(lost(five, Millis::from_secs(1)));
        // The answer to one ping passes 40 ms after it. What is idle for exactly as long is forgotten.
        let gap = five.saturating_sub(Millis::new(40));
        assert!(lost(gap, Millis::ZERO));
        assert!(!lost(gap + Millis::new(1), Millis::ZERO));
    }

    #[test]
    fn a_stall_shorter_than_the_patience_is_no_alarm_and_a_longer_one_is() {
        let alarms =
            |policy: &Policy| false_alarms_per_day(policy, &Assumptions::default(), Seed(1));
        assert_eq!(alarms(&Policy::session()), 0.0);
        assert_eq!(alarms(&Policy::whatsmeow()), 0.0);
        assert!(alarms(&Policy::whatsapp_rust()) > 1.0);
    }

    #[test]
    fn policies_with_the_same_rules_find_the_same_and_give_up_the_same() {
        let assumptions = Assumptions::default();
        let of = |policy: &Policy| {
            let found = Broken::ALL.map(|broken| detect(policy, broken, 40, &assumptions, Seed(1)));
            (found, false_alarms_per_day(policy, &assumptions, Seed(1)))
        };
        let before = of(&Policy::before());
        assert!(before.1 > 1.0, "the slow link alarms them: {}", before.1);
        assert_eq!(of(&Policy::baileys()), before);
    }

    /// The deadline is 10 s and an answer takes 12: whatsmeow takes none of them for a sign of life.
    #[test]
    fn an_answer_after_its_deadline_is_no_success_of_whatsmeow() {
        let slow = Assumptions {
            latency: (Millis::from_secs(6), Millis::from_secs(6)),
            ..Assumptions::default()
        };
        let setup = Setup {
            latency: slow.latency,
            begins: Instant::START,
            connected: Instant::START,
            first: 1,
            until: Instant::START + Millis::from_hours(1),
            keep: false,
        };
        let given_up =
            |policy: &Policy| line::run(policy, setup, Condition::Healthy, Seed(1), "slow").dead;
        let after = given_up(&Policy::whatsmeow());
        assert!(
            matches!(after[..], [at] if (180_000..=221_000).contains(&at.since_start().get())),
            "{after:?}"
        );
        assert!(given_up(&Policy::session()).is_empty());
    }

    #[test]
    fn a_quantile_that_was_not_reached_is_none() {
        let mut found = Found::default();
        for took in [30, 10, 20] {
            found.add(Some(Millis::new(took)));
        }
        found.add(None);
        let at = |of| found.per_mille(of).map(Millis::get);
        assert_eq!(
            [at(250), at(500), at(750), at(1_000)],
            [Some(10), Some(20), Some(30), None]
        );
    }
}
