//! A trace in the JSON format of Chrome's tracing, which Perfetto opens (<https://ui.perfetto.dev>).
//!
//! Each organization is a process with a lane for its state, its connections, its keep-alive, what else it hears and says,
//! and its limiter; the run is one more, with a lane for faults, the machines and the findings. What lasts at the same time
//! in one lane stands in rows of it. Times are microseconds.

mod rows;

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};
use squall_protocol::{Instant, Node};

use self::rows::{Rows, order, track};
use crate::oracle::Finding;
use crate::trace::{
    Ask, ConnectionId, Entry, Event, FaultRef, Header, Message, OrgName, Side, Verdict,
};

/// Writes a trace as it is read. Its memory is what has begun and not ended.
pub struct Perfetto<W: Write> {
    out: W,
    written: bool,
    orgs: Vec<OrgName>,
    whose: BTreeMap<ConnectionId, OrgName>,
    states: BTreeMap<OrgName, Begun>,
    links: BTreeMap<ConnectionId, Begun>,
    pings: BTreeMap<(ConnectionId, Vec<u8>), Begun>,
    faults: BTreeMap<FaultRef, Begun>,
    rows: Rows,
    ends: Instant,
}

/// What has begun and not ended.
#[derive(Debug)]
struct Begun {
    process: usize,
    lane: Lane,
    row: usize,
    since: Instant,
    name: String,
}

/// The lanes of an organization, and those of the run.
#[derive(Clone, Copy, Debug)]
enum Lane {
    State = 1,
    Connections,
    KeepAlive,
    Messages,
    Limiter,
    Faults,
    Machines,
    Findings,
}

const OF_AN_ORGANIZATION: [(Lane, &str); 5] = [
    (Lane::State, "state"),
    (Lane::Connections, "connections"),
    (Lane::KeepAlive, "keep-alive"),
    (Lane::Messages, "messages"),
    (Lane::Limiter, "limiter and operator"),
];
const OF_THE_RUN: [(Lane, &str); 3] = [
    (Lane::Faults, "faults"),
    (Lane::Machines, "processes and clocks"),
    (Lane::Findings, "findings"),
];
/// The process of the run; those of the organizations follow.
const RUN: usize = 1;
/// So many pings of a connection wait for an answer at most; of more, the oldest is told as one that has none yet.
const MOST_WAITING: usize = 32;

impl<W: Write> Perfetto<W> {
    /// Begins with the lanes of the trace that begins with this header.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn begin(mut out: W, header: &Header) -> io::Result<Self> {
        let about = json!({
            "scenario": header.name, "subject": header.subject, "engine": header.engine, "seed": header.seed,
            "starts": header.starts.to_string(),
        });
        write!(
            out,
            "{{\"displayTimeUnit\":\"ms\",\"otherData\":{about},\"traceEvents\":["
        )?;
        let mut perfetto = Self {
            out,
            written: false,
            orgs: header.organizations.keys().cloned().collect(),
            whose: BTreeMap::new(),
            states: BTreeMap::new(),
            links: BTreeMap::new(),
            pings: BTreeMap::new(),
            faults: BTreeMap::new(),
            rows: Rows::default(),
            ends: Instant::START,
        };
        perfetto.name(RUN, "the run", &OF_THE_RUN)?;
        for org in perfetto.orgs.clone() {
            let process = perfetto.process(Some(&org));
            perfetto.name(process, &format!("org {org}"), &OF_AN_ORGANIZATION)?;
        }
        Ok(perfetto)
    }

    /// Writes the next entry.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn observe(&mut self, entry: &Entry) -> io::Result<()> {
        let at = entry.at;
        self.ends = at;
        match &entry.event {
            Event::State { org, state } => {
                if let Some(before) = self.states.remove(org) {
                    self.end(before, at)?;
                }
                let begun = self.begins(Some(org), Lane::State, state.name().to_owned(), at)?;
                self.states.insert(org.clone(), begun);
                Ok(())
            }
            Event::Dial { conn, org, .. } => {
                self.whose.insert(*conn, org.clone());
                let begun = self.begins(Some(org), Lane::Connections, conn.to_string(), at)?;
                self.links.insert(*conn, begun);
                Ok(())
            }
            Event::Released {
                conn,
                by: Side::Client,
            }
            | Event::ConnectRefused { conn }
            | Event::Unanswered { conn } => self.link_ends(*conn, at),
            Event::Sent {
                conn,
                from: Side::Client,
                message,
            } => self.sent(at, *conn, message),
            Event::Delivered {
                conn,
                to: Side::Client,
                message,
            } => self.heard(at, *conn, message),
            Event::FaultOn { fault, kind, .. } => {
                let begun = self.begins(None, Lane::Faults, kind.to_string(), at)?;
                self.faults.insert(*fault, begun);
                Ok(())
            }
            Event::FaultOff { fault, .. } => match self.faults.remove(fault) {
                Some(begun) => self.end(begun, at),
                None => Ok(()),
            },
            event => self.moment(at, event),
        }
    }

    /// Marks what was found.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn found(&mut self, findings: &[Finding]) -> io::Result<()> {
        for finding in findings {
            let args = json!({
                "message": finding.message,
                "org": finding.org, "conn": finding.conn.map(|conn| conn.0),
            });
            self.instant(
                None,
                Lane::Findings,
                finding.oracle.name(),
                finding.at,
                &args,
            )?;
        }
        Ok(())
    }

    /// Ends what has not ended, and the file.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn finish(mut self) -> io::Result<()> {
        let ends = self.ends;
        for begun in std::mem::take(&mut self.states).into_values() {
            self.end(begun, ends)?;
        }
        for conn in self.links.keys().copied().collect::<Vec<_>>() {
            self.link_ends(conn, ends)?;
        }
        for begun in std::mem::take(&mut self.faults).into_values() {
            self.end(begun, ends)?;
        }
        self.out.write_all(b"]}\n")?;
        self.out.flush()
    }

    fn link_ends(&mut self, conn: ConnectionId, at: Instant) -> io::Result<()> {
        let Some(begun) = self.links.remove(&conn) else {
            return Ok(());
        };
        let unanswered = self.pings.extract_if(.., |(of, _), _| *of == conn);
        let unanswered: Vec<Begun> = unanswered.map(|(_, ping)| ping).collect();
        for mut ping in unanswered {
            ping.name += ", not answered";
            self.end(ping, at)?;
        }
        self.end(begun, at)
    }

    fn sent(&mut self, at: Instant, conn: ConnectionId, message: &Message) -> io::Result<()> {
        match message {
            Message::Ping(payload) => self.pinged(at, (conn, payload.clone()), "WebSocket Ping"),
            Message::Stanza(node) if node.get("xmlns") == Some("w:p") => {
                self.pinged(at, (conn, id(node)), "IQ ping")
            }
            other => self.message(at, conn, "sends", other),
        }
    }

    fn pinged(&mut self, at: Instant, ping: (ConnectionId, Vec<u8>), kind: &str) -> io::Result<()> {
        let waiting = self.pings.iter().filter(|((conn, _), _)| *conn == ping.0);
        if waiting.clone().count() == MOST_WAITING {
            let oldest = waiting.min_by_key(|(_, begun)| begun.since);
            let oldest = oldest.map(|(key, _)| key.clone());
            if let Some(mut begun) = oldest.and_then(|key| self.pings.remove(&key)) {
                begun.name += ", not answered yet";
                self.end(begun, at)?;
            }
        }
        let org = self.whose.get(&ping.0).cloned();
        let begun = self.begins(org.as_ref(), Lane::KeepAlive, kind.to_owned(), at)?;
        // A ping that is sent again under its name begins anew.
        match self.pings.insert(ping, begun) {
            Some(before) => self.end(before, at),
            None => Ok(()),
        }
    }

    fn heard(&mut self, at: Instant, conn: ConnectionId, message: &Message) -> io::Result<()> {
        let answers = match message {
            Message::Pong(payload) => Some((conn, payload.clone())),
            Message::Stanza(node) if node.tag == "iq" => Some((conn, id(node))),
            _ => None,
        };
        let answered = answers.and_then(|answers| self.pings.remove(&answers));
        match answered {
            Some(ping) => self.end(ping, at),
            None => self.message(at, conn, "hears", message),
        }
    }

    fn message(
        &mut self,
        at: Instant,
        conn: ConnectionId,
        does: &str,
        message: &Message,
    ) -> io::Result<()> {
        let (name, args) = match message {
            Message::Stanza(node) => (node.tag.to_string(), json!({ "stanza": node.to_string() })),
            Message::Handshake(name) => (name.to_string(), json!({})),
            other => {
                let said = format!("{other:?}");
                let short = said.split([' ', '(', '{']).next().unwrap_or_default();
                (short.to_owned(), json!({ "message": said }))
            }
        };
        let org = self.whose.get(&conn).cloned();
        let name = format!("{does} {name}");
        self.instant(org.as_ref(), Lane::Messages, &name, at, &args)
    }

    /// What takes no time.
    fn moment(&mut self, at: Instant, event: &Event) -> io::Result<()> {
        let (org, lane, name, args) = match event {
            Event::Request { org, ask } => {
                let name = match ask {
                    Ask::Start => "start asked for",
                    Ask::Stop => "stop asked for",
                    Ask::ScanQr => "QR code scanned",
                };
                (Some(org), Lane::Limiter, name.to_owned(), json!({}))
            }
            Event::Verdict { org, verdict } => {
                let name = match verdict {
                    Verdict::Granted { attempt } => format!("granted: attempt {attempt}"),
                    Verdict::Denied { cause, .. } => format!("denied: {cause}"),
                    Verdict::Unreachable => "unreachable".to_owned(),
                };
                (
                    Some(org),
                    Lane::Limiter,
                    name,
                    json!({ "verdict": verdict }),
                )
            }
            Event::PermitSpent { org, attempt } => {
                let name = format!("permit of attempt {attempt} spent");
                (Some(org), Lane::Limiter, name, json!({}))
            }
            Event::PermitRevoked { org, attempt, .. } => {
                let name = format!("permit of attempt {attempt} revoked");
                (Some(org), Lane::Limiter, name, json!({}))
            }
            Event::Disconnected {
                org, cause, detail, ..
            } => {
                let args = json!({ "detail": detail });
                (
                    Some(org),
                    Lane::State,
                    format!("disconnected: {cause}"),
                    args,
                )
            }
            Event::Alert { org, kind, .. } => (
                org.as_ref(),
                Lane::State,
                format!("alert: {kind}"),
                json!({}),
            ),
            Event::FaultActed { kind, conn, .. } => {
                let name = format!("{kind} acts on {conn}");
                (None, Lane::Faults, name, json!({}))
            }
            Event::Booted
            | Event::RefusedToStart { .. }
            | Event::StartedTwice { .. }
            | Event::Stopping
            | Event::Exited
            | Event::Crashed { .. }
            | Event::Suspended
            | Event::Resumed
            | Event::Paused
            | Event::Continued
            | Event::ClockStepped { .. }
            | Event::ServerDown
            | Event::ServerUp => (None, Lane::Machines, format!("{event:?}"), json!({})),
            _ => return Ok(()),
        };
        self.instant(org.cloned().as_ref(), lane, &name, at, &args)
    }

    /// Something begins to last, in the first row of its lane that is free.
    fn begins(
        &mut self,
        org: Option<&OrgName>,
        lane: Lane,
        name: String,
        since: Instant,
    ) -> io::Result<Begun> {
        let process = self.process(org);
        let (row, new) = self.rows.take(process, lane);
        if new && row > 0 {
            let mut all = OF_AN_ORGANIZATION.iter().chain(&OF_THE_RUN);
            let of = all.find(|(other, _)| *other as u8 == lane as u8);
            let named = of.map_or("", |(_, name)| name);
            self.name_track(process, lane, row, &format!("{named}, row {}", row + 1))?;
        }
        Ok(Begun {
            process,
            lane,
            row,
            since,
            name,
        })
    }

    /// It is over.
    fn end(&mut self, begun: Begun, at: Instant) -> io::Result<()> {
        let Begun {
            process,
            lane,
            row,
            since,
            name,
        } = begun;
        self.rows.free(process, lane, row);
        self.write(&json!({
            "ph": "X", "name": name, "pid": process, "tid": track(lane, row),
            "ts": micros(since), "dur": micros(at) - micros(since),
        }))
    }

    fn instant(
        &mut self,
        org: Option<&OrgName>,
        lane: Lane,
        name: &str,
        at: Instant,
        args: &Value,
    ) -> io::Result<()> {
        let process = self.process(org);
        self.write(&json!({
            "ph": "i", "s": "t", "name": name, "pid": process, "tid": track(lane, 0),
            "ts": micros(at), "args": args,
        }))
    }

    fn name(&mut self, process: usize, name: &str, lanes: &[(Lane, &str)]) -> io::Result<()> {
        self.tells("process_name", process, 0, &json!({ "name": name }))?;
        for (lane, name) in lanes {
            self.name_track(process, *lane, 0, name)?;
        }
        Ok(())
    }

    /// A row's name, and where it stands.
    fn name_track(&mut self, process: usize, lane: Lane, row: usize, name: &str) -> io::Result<()> {
        let of = track(lane, row);
        self.tells("thread_name", process, of, &json!({ "name": name }))?;
        let order = json!({ "sort_index": order(lane, row) });
        self.tells("thread_sort_index", process, of, &order)
    }

    fn tells(&mut self, what: &str, process: usize, of: usize, args: &Value) -> io::Result<()> {
        self.write(&json!({ "ph": "M", "name": what, "pid": process, "tid": of, "args": args }))
    }

    fn process(&self, org: Option<&OrgName>) -> usize {
        let place = org.and_then(|org| self.orgs.iter().position(|other| other == org));
        place.map_or(RUN, |place| RUN + 1 + place)
    }

    fn write(&mut self, event: &Value) -> io::Result<()> {
        let before = if self.written { ",\n" } else { "\n" };
        self.written = true;
        write!(self.out, "{before}{event}")
    }
}

fn micros(at: Instant) -> u64 {
    at.since_start().get().saturating_mul(1_000)
}

fn id(node: &Node) -> Vec<u8> {
    node.get("id").unwrap_or_default().as_bytes().to_vec()
}
