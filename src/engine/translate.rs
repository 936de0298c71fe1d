//! From the session's and the server's words to those of the trace: one total function for each enum.

use std::collections::BTreeMap;
use std::sync::Arc;

use squall_session::machine::{Alert, Disconnected};
use squall_session::store::Ledger;
use squall_session::{AttemptId, Cause, OrgId, Stage, State};

use crate::subject::KeptStore;
use crate::trace::{ConnectionId, Event, OrgName, Remembered};
use crate::words;

/// Where a session stands.
pub(crate) fn state(state: State) -> words::State {
    match state {
        State::Idle => words::State::Idle,
        State::Waiting => words::State::Waiting,
        State::Connecting => words::State::Connecting,
        State::AwaitingQrScan => words::State::AwaitingQrScan,
        State::Pairing => words::State::Pairing,
        State::Connected => words::State::Connected,
        State::Degraded => words::State::Degraded,
        State::Blocked => words::State::Blocked,
        State::LoggedOut => words::State::LoggedOut,
        State::DisconnectedManualReconnectRequired => {
            words::State::DisconnectedManualReconnectRequired
        }
    }
}

/// Why a session ended, and at which stage where that is part of the cause.
pub(crate) fn cause(cause: &Cause) -> (words::Cause, Option<words::Stage>) {
    let plain = match cause {
        Cause::RateLimited => words::Cause::RateLimited,
        Cause::RestartRequired => words::Cause::RestartRequired,
        Cause::LoggedOut => words::Cause::LoggedOut,
        Cause::Replaced => words::Cause::Replaced,
        Cause::Forbidden => words::Cause::Forbidden,
        Cause::ClientOutdated => words::Cause::ClientOutdated,
        Cause::TemporaryBan => words::Cause::TemporaryBan,
        Cause::LoginRefused { .. } => words::Cause::LoginRefused,
        Cause::ServiceUnavailable => words::Cause::ServiceUnavailable,
        Cause::BadMac => words::Cause::BadMac,
        Cause::ProtocolError => words::Cause::ProtocolError,
        Cause::StreamError => words::Cause::StreamError,
        Cause::ConnectionLost(_) => words::Cause::ConnectionLost,
        Cause::ConnectionClosed { stage: at } => {
            return (words::Cause::ConnectionClosed, Some(stage(*at)));
        }
        Cause::Refused => words::Cause::Refused,
        Cause::HandshakeFailed => words::Cause::HandshakeFailed,
        Cause::ConnectTimedOut { stage: at } => {
            return (words::Cause::ConnectTimedOut, Some(stage(*at)));
        }
        Cause::QrExpired => words::Cause::QrExpired,
        Cause::PermitRevoked(_) => words::Cause::PermitRevoked,
        Cause::ProcessDied => words::Cause::ProcessDied,
        Cause::Stopped => words::Cause::Stopped,
    };
    (plain, None)
}

/// How far a connection had come.
fn stage(stage: Stage) -> words::Stage {
    match stage {
        Stage::Connect => words::Stage::Connect,
        Stage::Handshake => words::Stage::Handshake,
        Stage::Login => words::Stage::Login,
        Stage::Pairing => words::Stage::Pairing,
        Stage::Open => words::Stage::Open,
    }
}

/// What an operator should look at.
pub(crate) fn alert(org: OrgName, alert: Alert) -> Event {
    let (kind, messages) = match alert {
        Alert::RateLimited => (words::Alert::RateLimited, None),
        Alert::TwoDisconnectsInADay => (words::Alert::TwoDisconnectsInADay, None),
        Alert::BadMac => (words::Alert::BadMac, None),
        Alert::Undecryptable(messages) => (words::Alert::Undecryptable, Some(messages)),
        Alert::NotReady => (words::Alert::NotReady, None),
    };
    Event::Alert {
        org: Some(org),
        kind,
        messages,
    }
}

/// The alert of a process that found the wall clock far ahead at its boot.
pub(crate) const fn clock_jump() -> Event {
    Event::Alert {
        org: None,
        kind: words::Alert::ClockJump,
        messages: None,
    }
}

/// A disconnect, as the subject reports it.
pub(crate) fn disconnected(org: OrgName, conn: Option<ConnectionId>, what: &Disconnected) -> Event {
    let (cause, stage) = cause(&what.cause);
    Event::Disconnected {
        org,
        attempt: what.attempt.0,
        conn,
        cause,
        stage,
        failure: what.then.failure,
        block: what.then.block,
        clear: what.then.clear,
        raw: what.raw.clone().map(Arc::new),
        detail: what.detail.clone(),
    }
}

/// What a boot says of an attempt that the death of the process cut short.
pub(crate) fn process_died(org: &OrgId, attempt: AttemptId) -> Event {
    Event::Disconnected {
        org: OrgName::from(org.as_str()),
        attempt: attempt.0,
        conn: None,
        cause: words::Cause::ProcessDied,
        stage: None,
        failure: true,
        block: None,
        clear: false,
        raw: None,
        detail: String::new(),
    }
}

/// What a store remembers of these organizations; of some nothing, and nothing at all where there is no store any more.
pub(crate) fn remembered(
    store: &KeptStore,
    organizations: &[OrgName],
) -> BTreeMap<OrgName, Remembered> {
    let ledger = store.contents().unwrap_or_default().ledger;
    let of = |name: &OrgName| (name.clone(), of_org(&ledger, &OrgId::new(name.clone())));
    let all = organizations.iter().map(of);
    all.filter(|(_, what)| *what != Remembered::default())
        .collect()
}

/// The high-water mark is the limiter's time of the boot: the boot itself has moved it there.
fn of_org(ledger: &Ledger, org: &OrgId) -> Remembered {
    let Some(now) = ledger.high_water else {
        return Remembered::default();
    };
    let own = |(_, attempt): &(_, &squall_session::store::Attempt)| attempt.org == *org;
    let attempts = ledger.attempts.iter().filter(own);
    let block = ledger.blocks.get(org).copied().max(ledger.block_of_all);
    Remembered {
        attempts: attempts
            .map(|(id, attempt)| (id.0, now - attempt.admitted_at))
            .collect(),
        failed: ledger.failures.get(org).map(|at| now - *at),
        blocked: block.filter(|until| *until > now).map(|until| until - now),
    }
}
