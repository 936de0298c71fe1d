//! A plan for people: the drawn schedule.

use std::fmt;

use squall_protocol::Millis;

use super::{Action, Lasts, Phone, Plan, Trigger};
use crate::scenario::{EventKind, EventMatcher, Supervisor, Target, Which};
use crate::trace::Side;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let starts = self.starts.display_with_offset(self.offset);
        writeln!(f, "{} (seed {})", self.name, self.seed)?;
        writeln!(f, "  starts         {starts}, runs for {}", self.ends)?;
        for (name, org) in &self.organizations {
            writeln!(
                f,
                "  organization   {name}, {}",
                if org.paired { "paired" } else { "not paired" }
            )?;
        }
        let (least, most) = self.latency;
        if least == most {
            writeln!(f, "  latency        {least}")?;
        } else {
            writeln!(
                f,
                "  latency        {least}..{most}, drawn for each message"
            )?;
        }
        match self.phone {
            Phone::ScansAfter(delay) => {
                writeln!(f, "  phone          scans {delay} after a QR code is shown")?;
            }
            Phone::Never => {
                writeln!(f, "  phone          scans only when a step says so")?;
            }
        }
        for (kind, every) in [
            ("an IQ ping", self.server_pings.iq),
            ("a WebSocket Ping", self.server_pings.websocket),
        ] {
            if let Some(every) = every {
                writeln!(f, "  server         sends {kind} every {every}")?;
            }
        }
        let triggers = || self.steps.iter().map(|step| step.trigger.to_string());
        let width = triggers().map(|trigger| trigger.len()).max().unwrap_or(0);
        for (step, trigger) in self.steps.iter().zip(triggers()) {
            write!(
                f,
                "  step {:<10}{trigger:<width$}   {}",
                step.number, step.action
            )?;
            match &step.id {
                Some(id) => writeln!(f, "   ({id})")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => write!(f, "{at}"),
            Self::Every { every, from, until } => write!(f, "every {every}, {from}..{until}"),
            Self::AtRandom {
                gap, from, until, ..
            } => write!(f, "at random {gap}, {from}..{until}"),
            Self::On { event, after } if after.get() == 0 => write!(f, "on {event}"),
            Self::On { event, after } => write!(f, "{after} after {event}"),
        }
    }
}

impl fmt::Display for EventMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.nth {
            Some(nth) => write!(f, "#{nth} ")?,
            None => f.write_str("each ")?,
        }
        match &self.kind {
            EventKind::Attempt => f.write_str("attempt")?,
            EventKind::Dial => f.write_str("dial")?,
            EventKind::Upgrade => f.write_str("upgrade")?,
            EventKind::Login => f.write_str("login")?,
            EventKind::PairSuccess => f.write_str("pair_success")?,
            EventKind::Disconnected => f.write_str("disconnected")?,
            EventKind::Denied => f.write_str("denied")?,
            EventKind::Stanza { tag, from } => {
                match tag {
                    Some(tag) => write!(f, "stanza {tag}")?,
                    None => f.write_str("stanza")?,
                }
                match from {
                    Some(Side::Client) => f.write_str(" from client")?,
                    Some(Side::Server) => f.write_str(" from server")?,
                    None => {}
                }
            }
        }
        match &self.org {
            Some(org) => write!(f, " of org {org}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StartSession { orgs } => write!(f, "start_session {orgs}"),
            Self::StopSession { orgs } => write!(f, "stop_session {orgs}"),
            Self::ScanQr { orgs } => write!(f, "scan_qr {orgs}"),
            Self::Inject { fault, target } => write!(f, "inject {}{target}", fault.info().name),
            Self::Fault {
                fault,
                target,
                lasts,
            } => {
                write!(f, "fault {}{target}", fault.info().name)?;
                match lasts {
                    Lasts::For(length) => write!(f, " for {length}"),
                    Lasts::Until(at) => write!(f, " until {at}"),
                    Lasts::ToTheEnd => f.write_str(" to the end"),
                }
            }
            Self::Clear { step } => write!(f, "clear step {step}"),
            Self::ClientCrash { store, down_for } => {
                write!(f, "client_crash store {store}")?;
                match down_for {
                    Some(down_for) => write!(f, ", down for {down_for}"),
                    None => Ok(()),
                }
            }
            Self::ClientStop => f.write_str("client_stop"),
            Self::ClientStart => f.write_str("client_start"),
            Self::Suspend { lasts } => write!(f, "suspend for {lasts}"),
            Self::ClientPause { lasts } => write!(f, "client_pause for {lasts}"),
            Self::ClockStep { by } => {
                let way = if *by < 0 { "back" } else { "ahead" };
                write!(f, "clock_step {way} by {}", Millis::new(by.unsigned_abs()))
            }
            Self::Supervisor { how } => match how {
                Supervisor::Fixed(restart) => write!(f, "supervisor restarts after {restart}"),
                Supervisor::Systemd(unit) => write!(
                    f,
                    "supervisor restarts as systemd after {}, {} times in {}",
                    unit.restart_sec, unit.start_limit_burst, unit.start_limit_interval
                ),
                Supervisor::Docker => f.write_str("supervisor restarts as docker"),
            },
            Self::ServerRestart {
                down_for,
                connections,
            } => write!(
                f,
                "server_restart connections {connections}, down for {down_for}"
            ),
        }
    }
}

/// With a leading space, or nothing where everybody is meant.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(org) = &self.org {
            write!(f, " org {org}")?;
        }
        match self.connection {
            Which::All => Ok(()),
            Which::Nth(nth) => write!(f, " connection {nth}"),
            Which::Old => f.write_str(" old connections"),
        }
    }
}
