//! Expectations: about somebody who exists, in a part of the run that comes.

use squall_protocol::{Instant, Millis};

use super::Checker;
use crate::scenario::model::{Action, Expectation, Expected, Step};
use crate::scenario::problem::Problem;
use crate::scenario::range::Window;
use crate::scenario::raw::{RawConnectedFor, RawDetectedWithin, RawExpected, RawStatus};
use crate::scenario::yaml::At;

impl Checker<'_> {
    pub(super) fn expectation(
        &mut self,
        raw: At<RawExpected>,
        steps: &[Step],
    ) -> Option<Expectation> {
        let expected = match raw.value {
            RawExpected::Dials(raw) => Expected::Dials {
                org: raw.org.as_ref().map(|org| self.org(org)),
                count: raw.count,
                within: self.window(raw.within.as_ref()),
            },
            RawExpected::Attempts(raw) => Expected::Attempts {
                org: raw.org.as_ref().map(|org| self.org(org)),
                count: raw.count,
                within: self.window(raw.within.as_ref()),
            },
            RawExpected::Denied(raw) => Expected::Denied {
                org: raw.org.as_ref().map(|org| self.org(org)),
                cause: raw.cause,
                count: raw.count,
                within: self.window(raw.within.as_ref()),
            },
            RawExpected::Status(raw) => self.status(&raw),
            RawExpected::States(raw) => Expected::States {
                org: self.org(&raw.org),
                is: raw.is,
                count: raw.count,
                within: self.window(raw.within.as_ref()),
            },
            RawExpected::Cause(raw) => Expected::Cause {
                org: self.org(&raw.org),
                nth: self.nth(raw.nth.as_ref()).unwrap_or(1),
                is: raw.is,
            },
            RawExpected::ConnectedFor(raw) => self.connected_for(&raw),
            RawExpected::DetectedWithin(raw) => self.detected_within(&raw, steps)?,
            RawExpected::Alert(raw) => Expected::Alert {
                org: raw.org.as_ref().map(|org| self.org(org)),
                kind: raw.kind,
                count: raw.count,
            },
            RawExpected::Outcome(raw) => Expected::Outcome { is: raw.is },
        };
        Some(Expectation {
            expected,
            line: raw.at.0,
        })
    }

    fn status(&mut self, raw: &RawStatus) -> Expected {
        if raw.at.value > self.runs_for {
            let (value, runs_for) = (raw.at.value.to_string(), self.runs_for);
            self.at(
                raw.at.at,
                Problem::OutsideTheRun {
                    key: "at",
                    value,
                    runs_for,
                },
            );
        }
        Expected::Status {
            org: self.org(&raw.org),
            is: raw.is,
            at: Instant::START + raw.at.value,
        }
    }

    fn connected_for(&mut self, raw: &RawConnectedFor) -> Expected {
        let within = self.window(raw.within.as_ref());
        let at_least = raw.at_least.value;
        let Window { from, to } = within;
        if at_least == Millis::ZERO {
            self.at(raw.at_least.at, Problem::Zero("at_least"));
        } else if at_least > to - from {
            let window = to - from;
            self.at(
                raw.at_least.at,
                Problem::LongerThanItsWindow { at_least, window },
            );
        }
        Expected::ConnectedFor {
            org: self.org(&raw.org),
            at_least,
            within,
        }
    }

    fn detected_within(&mut self, raw: &RawDetectedWithin, steps: &[Step]) -> Option<Expected> {
        let org = self.org(&raw.org);
        let number = self.step_with_id(&raw.step)?;
        let step = steps.iter().find(|step| step.number == number)?;
        if !matches!(step.action, Action::Inject { .. } | Action::Fault { .. }) {
            let (id, has) = (raw.step.value.clone(), step.action.key());
            self.at(
                raw.step.at,
                Problem::OtherAction {
                    id,
                    needs: "`inject` or `fault` to detect",
                    has,
                },
            );
        }
        Some(Expected::DetectedWithin {
            org,
            step: number,
            is: raw.is,
        })
    }
}
