//! Scenario and seed -> plan.

use squall_protocol::{Instant, Millis};

use super::interval::within;
use super::{Action, Lasts, Phone, Plan, PlannedStep, Trigger};
use crate::scenario::{self, Between, Scenario, Step, Supervisor, Systemd};
use crate::seed::Seed;

impl Plan {
    /// Draws whatever the scenario leaves open. The same scenario and seed draw the same plan, always and everywhere.
    pub fn draw(scenario: &Scenario, seed: Seed) -> Self {
        let phone = match scenario.phone {
            scenario::Phone::ScansAfter(delay) => Phone::ScansAfter(draw(seed, "phone", delay)),
            scenario::Phone::Never => Phone::Never,
        };
        Self {
            name: scenario.name.clone(),
            seed,
            starts: scenario.starts,
            offset: scenario.offset,
            ends: scenario.ends(),
            organizations: scenario.organizations.clone(),
            latency: (scenario.latency.min, scenario.latency.max),
            policy: scenario.policy.clone(),
            phone,
            guard: scenario.guard,
            server_pings: scenario.server_pings,
            live: scenario.live,
            steps: scenario
                .steps
                .iter()
                .map(|step| planned(step, seed))
                .collect(),
        }
    }
}

fn planned(step: &Step, seed: Seed) -> PlannedStep {
    let draw = |key: &str, range| draw(seed, &format!("step {}/{key}", step.number), range);
    let point = |key: &str, range| Instant::START + draw(key, range);
    let trigger = match &step.trigger {
        scenario::Trigger::At(at) => Trigger::At(point("at", *at)),
        scenario::Trigger::Every { every, from, until } => Trigger::Every {
            every: draw("every", *every),
            from: point("from", *from),
            until: *until,
        },
        scenario::Trigger::AtRandom { gap, from, until } => Trigger::AtRandom {
            gap: *gap,
            from: point("from", *from),
            until: *until,
            seed,
        },
        scenario::Trigger::On { event, after } => Trigger::On {
            event: event.clone(),
            after: draw("after", *after),
        },
    };
    let action = match step.action.clone() {
        scenario::Action::StartSession { orgs } => Action::StartSession { orgs },
        scenario::Action::StopSession { orgs } => Action::StopSession { orgs },
        scenario::Action::ScanQr { orgs } => Action::ScanQr { orgs },
        scenario::Action::Inject { fault, target } => Action::Inject { fault, target },
        scenario::Action::Fault {
            fault,
            target,
            lasts,
        } => Action::Fault {
            fault,
            target,
            lasts: match lasts {
                scenario::Lasts::For(length) => Lasts::For(draw("for", length)),
                scenario::Lasts::Until(at) => Lasts::Until(point("until", at)),
                scenario::Lasts::ToTheEnd => Lasts::ToTheEnd,
            },
        },
        scenario::Action::Clear { step } => Action::Clear { step },
        scenario::Action::ClientCrash { store, down_for } => Action::ClientCrash {
            store,
            down_for: down_for.map(|down_for| draw("down_for", down_for)),
        },
        scenario::Action::ClientStop => Action::ClientStop,
        scenario::Action::ClientStart => Action::ClientStart,
        scenario::Action::Suspend { lasts } => Action::Suspend {
            lasts: draw("for", lasts),
        },
        scenario::Action::ClientPause { lasts } => Action::ClientPause {
            lasts: draw("for", lasts),
        },
        scenario::Action::ClockStep { by } => {
            let length = i64::try_from(draw("by", by.length).get()).unwrap_or(i64::MAX);
            Action::ClockStep {
                by: if by.back { -length } else { length },
            }
        }
        scenario::Action::Supervisor { how } => Action::Supervisor {
            how: match how {
                Supervisor::Fixed(restart) => Supervisor::Fixed(draw("restart", restart)),
                Supervisor::Systemd(unit) => Supervisor::Systemd(Systemd {
                    restart_sec: draw("restart_sec", unit.restart_sec),
                    start_limit_interval: draw("start_limit_interval", unit.start_limit_interval),
                    start_limit_burst: unit.start_limit_burst,
                }),
                Supervisor::Docker => Supervisor::Docker,
            },
        },
        scenario::Action::ServerRestart {
            down_for,
            connections,
        } => Action::ServerRestart {
            down_for: draw("down_for", down_for),
            connections,
        },
    };
    PlannedStep {
        number: step.number,
        id: step.id.clone(),
        trigger,
        action,
        line: step.line,
    }
}

/// A length in the range, from the stream of this name.
fn draw(seed: Seed, what: &str, range: Between) -> Millis {
    if range.min == range.max {
        return range.min;
    }
    within(range, &mut seed.stream(&format!("plan/{what}")))
}
