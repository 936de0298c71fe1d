//! Pairing by QR code: codes while nobody scans, then the signed identity, then the one re-dial.

use std::collections::VecDeque;

use squall_protocol::pairing::qr_text;
use squall_protocol::{Instant, Millis, Node, Now};

use super::end::Ending;
use super::live::Restart;
use super::{Phase, Session, stanza};
use crate::cause::Stage;
use crate::machine::Event;
use crate::state::State;

/// The codes of one pairing, shown one after the other.
#[derive(Debug)]
pub(super) struct Codes {
    /// Those not shown yet.
    rest: VecDeque<String>,
    /// When the one that is shown gives way to the next.
    pub(super) until: Instant,
    /// When the last of the first offer has had its time. A later offer brings other codes and no more time: a server that
    /// offers again and again would otherwise have codes shown for ever.
    ends: Instant,
}

impl Session {
    /// An IQ of the pairing protocol came.
    pub(super) fn on_pairing_iq(&mut self, now: Now, node: &Node) {
        let Some(live) = self.live() else { return };
        if !live.registers || live.paired_here {
            return;
        }
        match live.stage {
            Stage::Login | Stage::Pairing => {}
            Stage::Connect | Stage::Handshake | Stage::Open => return,
        }
        if let Some(offer) = node.find("pair-device") {
            self.on_pair_device(now, node, offer);
        } else if let Some(success) = node.find("pair-success") {
            self.on_pair_success(now, node, success);
        }
    }

    fn on_pair_device(&mut self, now: Now, asked: &Node, offer: &Node) {
        self.send(stanza::result_of(asked));
        let refs = offer.children().iter().filter(|child| child.tag == "ref");
        let mut rest: VecDeque<_> = refs
            .filter_map(|one| std::str::from_utf8(one.content_bytes()?).ok())
            .map(str::to_owned)
            .collect();
        let Some(first) = rest.pop_front() else {
            self.end(now, Ending::qr_expired());
            return;
        };
        if let Some(live) = self.live() {
            let later = Millis::new(LATER_CODE.get().saturating_mul(rest.len() as u64));
            let ends = match &live.codes {
                Some(codes) => codes.ends,
                None => now.mono + FIRST_CODE + later,
            };
            live.stage = Stage::Pairing;
            live.stage_until = None;
            live.codes = Some(Codes {
                rest,
                until: ends.min(now.mono + FIRST_CODE),
                ends,
            });
        }
        self.set_state(State::AwaitingQrScan);
        self.show(&first);
    }

    /// The code that is shown has had its time.
    pub(super) fn on_qr_time(&mut self, now: Now) {
        let Some(codes) = self.live().and_then(|live| live.codes.as_mut()) else {
            return;
        };
        match codes.rest.pop_front() {
            Some(next) if codes.until < codes.ends => {
                codes.until = codes.ends.min(codes.until + LATER_CODE);
                self.show(&next);
            }
            _ => self.end(now, Ending::qr_expired()),
        }
    }

    fn on_pair_success(&mut self, now: Now, asked: &Node, success: &Node) {
        let paired = match self.device.on_pair_success(success, &mut self.rng) {
            Ok(paired) => paired,
            Err(why) => {
                self.send(stanza::error_of(asked, 500, "internal-server-error"));
                self.end(now, Ending::protocol_error(why.to_string(), asked.clone()));
                return;
            }
        };
        self.device = paired.device;
        let until = now.mono + self.policy.pairing_timeout;
        if let Phase::Live(live) = &mut self.phase {
            live.paired_here = true;
            live.stage = Stage::Pairing;
            live.stage_until = Some(until);
            live.codes = None;
            live.restart = match std::mem::replace(&mut live.restart, Restart::None) {
                Restart::Held(handoff) => Restart::Armed(handoff.arm()),
                other => other,
            };
        }
        // Stored before it is answered: what the server believes to be paired must not be lost.
        self.tell(Event::Device(self.device.clone()));
        self.set_state(State::Pairing);
        self.send(stanza::result_of(asked).child(paired.reply));
    }

    fn show(&mut self, reference: &str) {
        let text = qr_text(&self.device, reference);
        self.tell(Event::Qr(text));
    }
}

/// How long the first code is shown: as Baileys does.
const FIRST_CODE: Millis = Millis::from_secs(60);

/// How long each later one is.
const LATER_CODE: Millis = Millis::from_secs(20);
