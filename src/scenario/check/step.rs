//! Steps: one trigger, one action, and nothing that could never happen.

use squall_protocol::Millis;

use super::Checker;
use crate::scenario::model::{
    Action, CrashedStore, Lasts, Step, Supervisor, Systemd, Target, Trigger, Which,
};
use crate::scenario::problem::Problem;
use crate::scenario::range::Between;
use crate::scenario::raw::{Name, RawStep, RawStore, RawSupervisor, RawWhich};
use crate::scenario::yaml::At;

/// How long a server is down if nobody says.
const DEFAULT_DOWN: Between = Between::exactly(Millis::from_secs(5));

// systemd-system.conf(5): DefaultRestartSec=, DefaultStartLimitIntervalSec= and DefaultStartLimitBurst=.
const RESTART_SEC: Between = Between::exactly(Millis::new(100));
const START_LIMIT_INTERVAL: Between = Between::exactly(Millis::from_secs(10));
const START_LIMIT_BURST: u32 = 5;

impl Checker<'_> {
    /// Remembers each id, before any step is looked at: a step may name one that comes later.
    pub(super) fn collect_ids(&mut self, steps: &[At<RawStep>]) {
        for (number, step) in (1u32..).zip(steps) {
            let Some(id) = &step.value.id else { continue };
            self.a_name("id", id.at, &id.value);
            if let Some((_, line)) = self.ids.get(&id.value) {
                let (id_at, line, id) = (id.at, *line, id.value.clone());
                self.at(id_at, Problem::DuplicateId { id, line });
            } else {
                self.ids.insert(id.value.clone(), (number, step.at.0));
            }
        }
    }

    pub(super) fn step(&mut self, number: u32, step: At<RawStep>) -> Option<Step> {
        let At { value: raw, at } = step;
        let trigger = self.trigger(&raw, at);
        self.stray_keys(&raw);
        let id = raw.id.as_ref().map(|id| id.value.clone());
        let action = self.action(raw, at, trigger.as_ref());
        Some(Step {
            number,
            id,
            trigger: trigger?,
            action: action?,
            line: at.0,
        })
    }

    /// Keys that mean nothing beside the step's trigger and action.
    fn stray_keys(&mut self, raw: &RawStep) {
        let of = |at: &Option<At<Between>>| at.as_ref().map(|at| at.at);
        let (timed, faulty) = (
            raw.fault.is_some(),
            raw.fault.is_some() || raw.inject.is_some(),
        );
        let again = raw.repeats();
        let strays = [
            ("from", of(&raw.from), again, "`every` or `at_random`"),
            (
                "until",
                of(&raw.until),
                again || timed,
                "`every`, `at_random` or `fault`",
            ),
            ("after", of(&raw.after), raw.on.is_some(), "`on`"),
            ("for", of(&raw.lasts), timed, "`fault`"),
            (
                "org",
                raw.org.as_ref().map(|org| org.at),
                faulty,
                "`inject` or `fault`; other actions have their own",
            ),
            (
                "connection",
                raw.connection.as_ref().map(|it| it.at),
                faulty,
                "`inject` or `fault`",
            ),
        ];
        for (key, at, belongs, beside) in strays {
            if let Some(at) = at
                && !belongs
            {
                self.at_key(key, at, Problem::Stray { key, beside });
            }
        }
    }

    fn action(
        &mut self,
        raw: RawStep,
        step: (usize, usize),
        trigger: Option<&Trigger>,
    ) -> Option<Action> {
        let mut given: Vec<_> = [
            ("start_session", raw.start_session.as_ref().map(|it| it.at)),
            ("stop_session", raw.stop_session.as_ref().map(|it| it.at)),
            ("scan_qr", raw.scan_qr.as_ref().map(|it| it.at)),
            ("inject", raw.inject.as_ref().map(|it| it.at)),
            ("fault", raw.fault.as_ref().map(|it| it.at)),
            ("clear", raw.clear.as_ref().map(|it| it.at)),
            ("client_crash", raw.client_crash.as_ref().map(|it| it.at)),
            ("client_stop", raw.client_stop.as_ref().map(|it| it.at)),
            ("client_start", raw.client_start.as_ref().map(|it| it.at)),
            ("suspend", raw.suspend.as_ref().map(|it| it.at)),
            ("client_pause", raw.client_pause.as_ref().map(|it| it.at)),
            ("clock_step", raw.clock_step.as_ref().map(|it| it.at)),
            ("supervisor", raw.supervisor.as_ref().map(|it| it.at)),
            (
                "server_restart",
                raw.server_restart.as_ref().map(|it| it.at),
            ),
        ]
        .into_iter()
        .filter_map(|(key, at)| Some((key, at?)))
        .collect();
        given.sort_by_key(|(_, at)| *at);
        match given[..] {
            [] => {
                self.at(step, Problem::NoAction);
                return None;
            }
            [_] => {}
            [(first, _), (second, at), ..] => {
                self.at_key(second, at, Problem::TwoActions { first, second });
                return None;
            }
        }
        if let Some(of) = &raw.start_session {
            return Some(Action::StartSession {
                orgs: self.orgs(&of.value.org),
            });
        }
        if let Some(of) = &raw.stop_session {
            return Some(Action::StopSession {
                orgs: self.orgs(&of.value.org),
            });
        }
        if let Some(of) = &raw.scan_qr {
            return Some(Action::ScanQr {
                orgs: self.orgs(&of.value.org),
            });
        }
        if let Some(clear) = &raw.clear {
            let step = self.step_with_id(&clear.value.id)?;
            self.cleared.push((step, clear.value.id.at));
            return Some(Action::Clear { step });
        }
        if let Some(action) = self.of_a_machine(&raw) {
            return action;
        }
        let target = self.target(raw.org.as_ref(), raw.connection.as_ref());
        if let Some(inject) = raw.inject {
            return Some(Action::Inject {
                fault: inject.value,
                target,
            });
        }
        let lasts = self.lasts(&raw, trigger);
        Some(Action::Fault {
            fault: raw.fault?.value,
            target,
            lasts,
        })
    }

    /// What happens to a process or a clock. `None` where the step has no such action.
    fn of_a_machine(&mut self, raw: &RawStep) -> Option<Option<Action>> {
        let action = if let Some(crash) = &raw.client_crash {
            return Some(self.crash(crash.value.store.as_ref(), crash.value.down_for.as_ref()));
        } else if raw.client_stop.is_some() {
            Action::ClientStop
        } else if raw.client_start.is_some() {
            Action::ClientStart
        } else if let Some(suspend) = &raw.suspend {
            self.some_time("for", &suspend.value.lasts);
            Action::Suspend {
                lasts: suspend.value.lasts.value,
            }
        } else if let Some(pause) = &raw.client_pause {
            self.some_time("for", &pause.value.lasts);
            Action::ClientPause {
                lasts: pause.value.lasts.value,
            }
        } else if let Some(step) = &raw.clock_step {
            let by = &step.value.by;
            if by.value.length.min == Millis::ZERO {
                self.at(by.at, Problem::Zero("by"));
            }
            Action::ClockStep { by: by.value }
        } else if let Some(supervisor) = &raw.supervisor {
            Action::Supervisor {
                how: self.supervisor(&supervisor.value),
            }
        } else if let Some(restart) = &raw.server_restart {
            let down_for = restart.value.down_for.as_ref();
            if let Some(down_for) = down_for {
                self.some_time("down_for", down_for);
            }
            Action::ServerRestart {
                down_for: down_for.map_or(DEFAULT_DOWN, |down_for| down_for.value),
                connections: restart.value.connections,
            }
        } else {
            return None;
        };
        Some(Some(action))
    }

    fn crash(
        &mut self,
        store: Option<&At<RawStore>>,
        down_for: Option<&At<Between>>,
    ) -> Option<Action> {
        if let Some(down_for) = down_for {
            self.some_time("down_for", down_for);
        }
        let store = match store.map(|store| store.value) {
            None | Some(RawStore::Kept) => CrashedStore::Kept,
            Some(RawStore::Torn) => CrashedStore::Torn,
            Some(RawStore::Lost) => CrashedStore::Lost,
        };
        let down_for = down_for.map(|down_for| down_for.value);
        Some(Action::ClientCrash { store, down_for })
    }

    fn target(&mut self, org: Option<&At<Name>>, which: Option<&At<RawWhich>>) -> Target {
        let connection = match which.map(|which| (&which.value, which.at)) {
            None | Some((RawWhich::All, _)) => Which::All,
            Some((RawWhich::Old, _)) => Which::Old,
            Some((RawWhich::Nth(nth), at)) => {
                if *nth == 0 {
                    self.at(at, Problem::FromOne("connection"));
                }
                Which::Nth(*nth)
            }
        };
        Target {
            org: org.map(|org| self.org(org)),
            connection,
        }
    }

    /// When the fault goes off. Beside `every` and `at_random`, `until` ends the repetition instead.
    fn supervisor(&mut self, raw: &RawSupervisor) -> Supervisor<Between> {
        match raw {
            RawSupervisor::Restart(restart) => {
                self.some_time("restart", restart);
                Supervisor::Fixed(restart.value)
            }
            RawSupervisor::Systemd(unit) => {
                let mut time = |key, given: Option<&At<Between>>, default| match given {
                    Some(length) => {
                        self.some_time(key, length);
                        length.value
                    }
                    None => default,
                };
                let (sec, interval) = (
                    unit.restart_sec.as_ref(),
                    unit.start_limit_interval.as_ref(),
                );
                Supervisor::Systemd(Systemd {
                    restart_sec: time("restart_sec", sec, RESTART_SEC),
                    start_limit_interval: time(
                        "start_limit_interval",
                        interval,
                        START_LIMIT_INTERVAL,
                    ),
                    start_limit_burst: unit.start_limit_burst.unwrap_or(START_LIMIT_BURST),
                })
            }
            RawSupervisor::Docker(_) => Supervisor::Docker,
        }
    }

    fn lasts(&mut self, raw: &RawStep, trigger: Option<&Trigger>) -> Lasts {
        if let Some(lasts) = &raw.lasts {
            self.some_time("for", lasts);
        }
        let until = raw.until.as_ref().filter(|_| !raw.repeats());
        match (&raw.lasts, until) {
            (Some(_), Some(until)) => {
                self.at_key("until", until.at, Problem::ForAndUntil);
                Lasts::ToTheEnd
            }
            (Some(lasts), None) => Lasts::For(lasts.value),
            (None, Some(until)) => {
                if until.value.max > self.runs_for {
                    self.after_the_end("until", until);
                }
                if let Some(Trigger::At(at)) = trigger
                    && until.value.min <= at.max
                {
                    self.ends_before(until, at.max);
                }
                Lasts::Until(until.value)
            }
            (None, None) => Lasts::ToTheEnd,
        }
    }

    /// Each `clear` names a step with a `fault`.
    pub(super) fn clears_name_faults(&mut self, steps: &[Step]) {
        for (number, at) in std::mem::take(&mut self.cleared) {
            let Some(step) = steps.iter().find(|step| step.number == number) else {
                continue;
            };
            if !matches!(step.action, Action::Fault { .. }) {
                let (id, has) = (step.id.clone().unwrap_or_default(), step.action.key());
                let needs = "`fault` to clear";
                self.at(at, Problem::OtherAction { id, needs, has });
            }
        }
    }

    fn some_time(&mut self, key: &'static str, length: &At<Between>) {
        if length.value.min == Millis::ZERO {
            self.at(length.at, Problem::Zero(key));
        }
    }
}
