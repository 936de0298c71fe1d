//! One beat of a connected session: the time-out, the IQ ping that comes of it, and its answer.

use jiff::{SignedDuration, Timestamp};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use squall_protocol::pairing::Device;
use squall_protocol::{Instant, Node, Now};
use squall_session::limiter::{Admission, Go, Limiter, MemoryStore, Permit};
use squall_session::{Input, LinkId, LinkInput, Machine, OrgId, Output, Policy, Session, State};

/// A session and a server that answers everything at once.
pub struct Beat {
    session: Session,
    now: Now,
    link: LinkId,
    answers: Vec<LinkInput>,
    asked: Option<Permit>,
}

fn at(mono: Instant) -> Now {
    let begins: Timestamp = "2026-01-19T14:00:00Z".parse().expect("a timestamp");
    let since = i64::try_from(mono.since_start().get()).expect("a time within the bench");
    Now {
        mono,
        wall: begins + SignedDuration::from_millis(since),
    }
}

fn result(id: &str) -> Node {
    Node::new("iq")
        .attr("from", "s.whatsapp.net")
        .attr("type", "result")
        .attr("id", id)
}

impl Beat {
    /// Admitted, waited, dialed, logged in.
    ///
    /// # Panics
    /// Where it does not come to that.
    pub fn connected() -> Self {
        let rng = ChaCha8Rng::seed_from_u64;
        let mut device = Device::generate(&mut rng(1));
        device.jid = Some("15550100:1@s.whatsapp.net".to_owned());
        device.lid = Some("100:1@lid".to_owned());
        let (org, policy, start) = (OrgId::new("1"), Policy::default(), at(Instant::START));
        let (mut limiter, _) = Limiter::boot(MemoryStore::new(), policy.limiter.clone(), start)
            .expect("a store in memory can be read");
        let Admission::Granted(permit) = limiter.admit(start, &org, false) else {
            panic!("the first attempt is granted");
        };
        let mut beat = Self {
            session: Session::new(org, policy, device, None, rng(2)),
            now: start,
            link: LinkId(0),
            answers: Vec::new(),
            asked: None,
        };
        beat.input(Input::Start(permit));
        beat.wake();
        let permit = beat.asked.take().expect("the session asks for its dial");
        let go = limiter
            .confirm(beat.now, permit)
            .expect("nothing stands in the way");
        beat.input(Input::Go(go));
        for input in [
            LinkInput::Connected,
            LinkInput::Upgraded,
            LinkInput::Secured,
            LinkInput::Stanza(Node::new("success")),
        ] {
            beat.input(Input::Link(beat.link, input));
        }
        beat.answer();
        assert!(beat.is_connected());
        beat
    }

    /// The beat.
    pub fn once(&mut self) {
        self.wake();
        self.answer();
    }

    /// Whether it held so far.
    pub fn is_connected(&self) -> bool {
        self.session.state() == State::Connected
    }

    /// Goes on to the session's next time-out.
    fn wake(&mut self) {
        let (due, _) = self
            .session
            .poll_timeout()
            .expect("a session that lives wakes again");
        self.now = at(due);
        self.input(Input::Timeout);
    }

    fn input(&mut self, input: Input<Permit, Go>) {
        self.session.handle_input(self.now, input);
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Confirm(_, permit) => self.asked = Some(permit),
                Output::Dial(dial) => self.link = dial.link,
                Output::Send(_, node) => {
                    let answered = node.tag == "iq" && node.get("type") != Some("result");
                    if let (true, Some(id)) = (answered, node.get("id")) {
                        self.answers.push(LinkInput::Stanza(result(id)));
                    }
                }
                Output::Ping(_, payload) => self.answers.push(LinkInput::Pong(payload)),
                _ => {}
            }
        }
    }

    fn answer(&mut self) {
        for answer in std::mem::take(&mut self.answers) {
            self.input(Input::Link(self.link, answer));
        }
    }
}
