//! What the link asks of faults about each message, and what they make of it together.
//!
//! A stream of bytes has no gaps: what is delayed or held delays what is behind it, and where one message is lost, all
//! that follow are.

use std::num::NonZeroU64;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_protocol::Millis;

/// The way of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the server.
    ToClient,
    /// To the server.
    ToServer,
}

/// The directions that a fault concerns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ways {
    /// Either way.
    #[default]
    Both,
    /// From the server.
    ToClient,
    /// To the server.
    ToServer,
}

impl Ways {
    /// Whether a message that goes this way is concerned.
    pub fn include(self, direction: Direction) -> bool {
        match self {
            Self::Both => true,
            Self::ToClient => direction == Direction::ToClient,
            Self::ToServer => direction == Direction::ToServer,
        }
    }
}

/// A message, or a piece of one, that is handed to the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handed {
    /// Where to.
    pub direction: Direction,
    /// Which message of its connection and direction it is or belongs to, from 0; the end of the stream is one too.
    pub number: u64,
    /// How long it is on the transport below the WebSocket, in bytes: 0 for the end of the stream.
    pub bytes: u64,
    /// Whether it was held and is asked about anew.
    pub again: bool,
}

/// What one fault does with a message, on top of the link's own latency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Carry {
    /// Nothing.
    #[default]
    Pass,
    /// Delivers it later by so much.
    After(Millis),
    /// Sends it at so many bytes a second, one message after another.
    Rate(NonZeroU64),
    /// Lets the reader have it in pieces.
    Slice(Slices),
    /// Keeps it, and everything behind it, until the server says [`Resume`](crate::server::Output::Resume); then it asks
    /// again.
    Hold,
    /// The network knows the connection no longer: this message is lost, and everything after it, either way, for good.
    Forget,
}

/// The pieces in which a message arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slices {
    /// The length of each, in bytes; that of the last is what is left.
    pub bytes: NonZeroU64,
    /// How long after one the next arrives.
    pub gap: Millis,
}

/// What all faults together do with a message. Delays add up, the slowest rate and the smallest pieces count, and what one
/// holds the others do not let pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passage {
    /// Whether it goes at all.
    pub fate: Fate,
    /// How much later it is delivered.
    pub after: Millis,
    /// How many bytes a second the line takes.
    pub rate: Option<NonZeroU64>,
    /// The pieces in which it arrives.
    pub slices: Option<Slices>,
}

/// Whether a message goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It does.
    #[default]
    Goes,
    /// It waits, with all behind it, until the link is told to ask again.
    Held,
    /// It is lost, and with it the connection, which neither end is told.
    Lost,
}

impl Passage {
    /// Takes in what one more fault does.
    pub fn add(&mut self, carry: Carry) {
        match carry {
            Carry::Pass => {}
            Carry::After(more) => self.after = self.after.saturating_add(more),
            Carry::Rate(rate) => self.rate = Some(self.rate.map_or(rate, |other| other.min(rate))),
            Carry::Slice(slices) => {
                self.slices = Some(self.slices.map_or(slices, |other| Slices {
                    bytes: other.bytes.min(slices.bytes),
                    gap: other.gap.max(slices.gap),
                }));
            }
            Carry::Hold => self.fate = self.fate.max(Fate::Held),
            Carry::Forget => self.fate = Fate::Lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(carries: &[Carry]) -> Passage {
        let mut passage = Passage::default();
        carries.iter().for_each(|carry| passage.add(*carry));
        passage
    }

    #[test]
    fn delays_add_up_and_the_narrowest_line_counts() {
        let rate = |rate| Carry::Rate(NonZeroU64::new(rate).unwrap());
        let after = |ms| Carry::After(Millis::new(ms));
        let passage = sum(&[after(20), rate(500), Carry::Pass, after(30), rate(100)]);
        assert_eq!(passage.after, Millis::new(50));
        assert_eq!(passage.rate, NonZeroU64::new(100));
        assert_eq!(passage.fate, Fate::Goes);
    }

    #[test]
    fn the_smallest_pieces_and_the_longest_gap_count() {
        let slice = |bytes, gap| {
            Carry::Slice(Slices {
                bytes: NonZeroU64::new(bytes).unwrap(),
                gap: Millis::new(gap),
            })
        };
        let slices = sum(&[slice(10, 5), slice(3, 1)]).slices.unwrap();
        assert_eq!((slices.bytes.get(), slices.gap.get()), (3, 5));
    }

    #[test]
    fn what_one_holds_no_other_lets_pass_and_what_is_forgotten_is_lost() {
        use Carry::{Forget, Hold, Pass};
        let after = Carry::After(Millis::new(1));
        assert_eq!(sum(&[Pass, Hold, after]).fate, Fate::Held);
        assert_eq!(sum(&[Forget, Hold]).fate, Fate::Lost);
        assert_eq!(sum(&[Hold, Forget]).fate, Fate::Lost);
    }

    #[test]
    fn ways_include_their_direction() {
        use Direction::{ToClient, ToServer};
        assert_eq!(
            [ToClient, ToServer].map(|way| Ways::Both.include(way)),
            [true, true]
        );
        assert_eq!(
            [ToClient, ToServer].map(|way| Ways::ToClient.include(way)),
            [true, false]
        );
        assert_eq!(
            [ToClient, ToServer].map(|way| Ways::ToServer.include(way)),
            [false, true]
        );
    }
}
