//! Triggers: one for each step, and within the run.

use squall_protocol::{Instant, Millis};

use super::Checker;
use crate::scenario::model::{EventKind, EventMatcher, Trigger};
use crate::scenario::problem::Problem;
use crate::scenario::range::Between;
use crate::scenario::raw::{RawEvent, RawStep};
use crate::scenario::yaml::At;

impl Checker<'_> {
    pub(super) fn trigger(&mut self, raw: &RawStep, step: (usize, usize)) -> Option<Trigger> {
        let given: Vec<_> = [
            ("at", raw.at.as_ref().map(|at| at.at)),
            ("every", raw.every.as_ref().map(|every| every.at)),
            ("at_random", raw.at_random.as_ref().map(|gap| gap.at)),
            ("on", raw.on.as_ref().map(|on| on.at)),
        ]
        .into_iter()
        .filter_map(|(key, at)| Some((key, at?)))
        .collect();
        match given[..] {
            [] => {
                self.at(step, Problem::NoTrigger);
                return None;
            }
            [_] => {}
            [(first, _), (second, at), ..] => {
                self.at_key(second, at, Problem::TwoTriggers { first, second });
                return None;
            }
        }
        if let Some(at) = &raw.at {
            self.before_the_end("at", at);
            return Some(Trigger::At(at.value));
        }
        if let Some(every) = &raw.every {
            return Some(self.every(raw, every));
        }
        if let Some(gap) = &raw.at_random {
            return Some(self.at_random(raw, gap));
        }
        let on = raw.on.as_ref()?;
        if let Some(after) = &raw.after {
            self.before_the_end("after", after);
        }
        Some(Trigger::On {
            event: self.event(&on.value),
            after: raw
                .after
                .as_ref()
                .map_or(Between::exactly(Millis::ZERO), |after| after.value),
        })
    }

    fn every(&mut self, raw: &RawStep, every: &At<Between>) -> Trigger {
        if every.value.min == Millis::ZERO {
            self.at(every.at, Problem::Zero("every"));
        }
        let from = raw.from.as_ref().unwrap_or(every);
        self.before_the_end(if raw.from.is_some() { "from" } else { "every" }, from);
        let until = self.repeats_until(raw, from.value);
        Trigger::Every {
            every: every.value,
            from: from.value,
            until: Instant::START + until,
        }
    }

    fn at_random(&mut self, raw: &RawStep, gap: &At<Between>) -> Trigger {
        if gap.value.min == Millis::ZERO {
            self.at(gap.at, Problem::Zero("at_random"));
        }
        self.before_the_end("at_random", gap);
        if let Some(from) = &raw.from {
            self.before_the_end("from", from);
        }
        let from = raw
            .from
            .as_ref()
            .map_or(Between::exactly(Millis::ZERO), |from| from.value);
        let until = self.repeats_until(raw, from);
        Trigger::AtRandom {
            gap: gap.value,
            from,
            until: Instant::START + until,
        }
    }

    /// Where a repetition that begins at `from` ends.
    fn repeats_until(&mut self, raw: &RawStep, from: Between) -> Millis {
        match &raw.until {
            None => self.runs_for,
            Some(until) => {
                if until.value.min < from.max {
                    self.ends_before(until, from.max);
                }
                if until.value.max > self.runs_for {
                    self.after_the_end("until", until);
                }
                if until.value.min != until.value.max {
                    self.at(
                        until.at,
                        Problem::Value(
                            "beside `every` and `at_random`, `until` is one point of the run"
                                .to_owned(),
                        ),
                    );
                }
                until.value.max
            }
        }
    }

    fn event(&mut self, event: &RawEvent) -> EventMatcher {
        let (kind, org, nth) = match event {
            RawEvent::Attempt(of) => (EventKind::Attempt, &of.org, &of.nth),
            RawEvent::Dial(of) => (EventKind::Dial, &of.org, &of.nth),
            RawEvent::Upgrade(of) => (EventKind::Upgrade, &of.org, &of.nth),
            RawEvent::Login(of) => (EventKind::Login, &of.org, &of.nth),
            RawEvent::PairSuccess(of) => (EventKind::PairSuccess, &of.org, &of.nth),
            RawEvent::Disconnected(of) => (EventKind::Disconnected, &of.org, &of.nth),
            RawEvent::Denied(of) => (EventKind::Denied, &of.org, &of.nth),
            RawEvent::Stanza(of) => {
                let (tag, from) = (of.tag.clone(), of.from);
                (EventKind::Stanza { tag, from }, &of.org, &of.nth)
            }
        };
        EventMatcher {
            kind,
            org: org.as_ref().map(|org| self.org(org)),
            nth: self.nth(nth.as_ref()),
        }
    }

    pub(super) fn before_the_end(&mut self, key: &'static str, at: &At<Between>) {
        if at.value.max >= self.runs_for {
            self.after_the_end(key, at);
        }
    }

    pub(super) fn after_the_end(&mut self, key: &'static str, at: &At<Between>) {
        let (value, runs_for) = (at.value.to_string(), self.runs_for);
        self.at(
            at.at,
            Problem::AfterTheEnd {
                key,
                at: value,
                runs_for,
            },
        );
    }

    pub(super) fn ends_before(&mut self, until: &At<Between>, from: Millis) {
        let value = until.value.to_string();
        self.at(
            until.at,
            Problem::EndsBeforeItBegins {
                key: "until",
                until: value,
                from,
            },
        );
    }
}
