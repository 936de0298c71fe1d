//! Mutants that misread what the server says of how long to stay away.

use squall_protocol::{Node, Now};
use squall_session::limiter::{Go, Permit};
use squall_session::machine::Refusal;
use squall_session::{Input, LinkInput};

use super::twist::{Stage, Twist};
use super::{Mutant, UNCHANGED};
use crate::words::OracleName;

/// Never looks at Retry-After.
pub(super) const RETRY_AFTER: Mutant = Mutant {
    name: "retry-after-ignored",
    about: "does not look at the Retry-After of a 429",
    incident: "orkestral/venom#865",
    oracle: OracleName::LimiterShadow,
    scenario: "the upgrade is refused with 429 and Retry-After",
    twist: || Box::new(Misreads(without_retry_after)),
    ..UNCHANGED
};

/// Keeps `expire` in 32 bits.
pub(super) const EXPIRE: Mutant = Mutant {
    name: "expire-in-32-bits",
    about: "takes a ban that is longer than 2^31 ms for one that is over",
    incident: "oxidezap/baileyrs#20",
    oracle: OracleName::LimiterShadow,
    scenario: "a temporary ban, with and without an end",
    twist: || Box::new(Misreads(with_a_short_expire)),
    ..UNCHANGED
};

/// How it reads what happens on a link.
struct Misreads(fn(LinkInput) -> LinkInput);

impl Twist for Misreads {
    fn on_input(&mut self, now: Now, input: Input<Permit, Go>, stage: &mut Stage) {
        let input = match input {
            Input::Link(link, what) => Input::Link(link, (self.0)(what)),
            other => other,
        };
        stage.feed(now, input);
    }
}

fn without_retry_after(what: LinkInput) -> LinkInput {
    match what {
        LinkInput::Refused(Refusal::Http { status, .. }) => LinkInput::Refused(Refusal::Http {
            status,
            retry_after: None,
        }),
        other => other,
    }
}

fn with_a_short_expire(mut what: LinkInput) -> LinkInput {
    if let LinkInput::Stanza(node) = &mut what
        && node.tag == "failure"
        && expire(node).is_some_and(|seconds| seconds > LONGEST_TIMER)
    {
        let expire = node.attrs.iter_mut().find(|(name, _)| name == "expire");
        expire
            .into_iter()
            .for_each(|(_, value)| *value = "0".into());
    }
    what
}

fn expire(node: &Node) -> Option<u64> {
    node.get("expire")?.parse().ok()
}

/// In seconds: `setTimeout` takes a 32-bit number of milliseconds with a sign, and is over at once where more is asked.
const LONGEST_TIMER: u64 = (1 << 31) / 1_000;
