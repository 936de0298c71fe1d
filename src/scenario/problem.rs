//! What may be wrong with a scenario: one closed list, each with the way out in its text.

use std::path::PathBuf;

use squall_protocol::Millis;

/// What is wrong with a scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    // The file.
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// It is no text.
    #[error("is no text: see byte {0}; a scenario is YAML in UTF-8")]
    NoText(usize),
    /// It is larger than any scenario.
    #[error("is {bytes} bytes long; a scenario has at most {most}")]
    TooLong {
        /// How long it is.
        bytes: u64,
        /// How long it may be.
        most: u64,
    },
    /// There is nothing in it.
    #[error("is empty; `squall new NAME` writes a scenario to begin with")]
    Empty,
    /// A directory has no scenario below it.
    #[error("has no scenario below it: no file there is named *.yaml")]
    NoScenarios,
    /// Another file of the run has a scenario of the same name.
    #[error("the name {name:?} is taken by {}; give one of them another", other.display())]
    NameTaken {
        /// The name.
        name: String,
        /// The file that has it.
        other: PathBuf,
    },

    // The form.
    /// No YAML.
    #[error("{0}")]
    Yaml(String),
    /// More nodes, depth or aliases than a scenario needs.
    #[error(
        "more nodes, depth or aliases than any scenario needs; nothing is read beyond this point"
    )]
    TooMuch,
    /// More than one document.
    #[error("a file holds one scenario; what follows the `---` belongs into a file of its own")]
    TwoDocuments,
    /// A value that its key does not take.
    #[error("{0}")]
    Value(String),
    /// A key that does not exist there.
    #[error("unknown key {key:?}{}", hint(nearest.as_ref(), known))]
    UnknownKey {
        /// The key.
        key: String,
        /// The one that was probably meant.
        nearest: Option<String>,
        /// Those that exist there.
        known: Vec<String>,
    },
    /// A word that is not on the list.
    #[error("unknown {what} {word:?}{}", hint(nearest.as_ref(), known))]
    UnknownWord {
        /// What the words of that list are called.
        what: &'static str,
        /// The word.
        word: String,
        /// The one that was probably meant.
        nearest: Option<String>,
        /// Those on the list.
        known: Vec<String>,
    },
    /// A key that must be there.
    #[error("the key `{key}` is missing here")]
    MissingKey {
        /// The key.
        key: &'static str,
    },
    /// A key that is there twice.
    #[error("the key {key:?} is already there; each key comes once")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A name that says nothing.
    #[error("`{0}` needs at least one letter")]
    Blank(&'static str),
    /// A name with a line break or another control character.
    #[error("`{0}` is one line of plain text")]
    OneLine(&'static str),
    /// Not an instant.
    #[error("{0:?} is no instant; write it in RFC 3339, like 2026-01-19T09:00:00-05:00")]
    NoInstant(String),

    /// An instant that no clock of ours can tell.
    #[error("{0:?} is finer than a millisecond, which is the smallest step of the clock")]
    FineInstant(String),

    // The meaning.
    /// There is nobody to test.
    #[error("there is no organization; name one, like {{ \"1\": {{ paired: true }} }}")]
    NoOrganizations,
    /// Nobody of that name.
    #[error("there is no organization {org:?}{}", hint(nearest.as_ref(), known))]
    UnknownOrganization {
        /// The name.
        org: String,
        /// The one that was probably meant.
        nearest: Option<String>,
        /// Those that exist.
        known: Vec<String>,
    },
    /// No step of that name.
    #[error("no step has the id {id:?}{}", hint(nearest.as_ref(), known))]
    UnknownStep {
        /// The id.
        id: String,
        /// The one that was probably meant.
        nearest: Option<String>,
        /// Those that exist.
        known: Vec<String>,
    },
    /// The step of that name does something else.
    #[error("step {id:?} has no {needs}; it has `{has}`")]
    OtherAction {
        /// The id.
        id: String,
        /// What it would need.
        needs: &'static str,
        /// What it has.
        has: &'static str,
    },
    /// An id that another step has.
    #[error("the id {id:?} is taken by the step on line {line}")]
    DuplicateId {
        /// The id.
        id: String,
        /// Where it was given first.
        line: usize,
    },
    /// A step that never acts.
    #[error("this step has no trigger; say when: at, every or on")]
    NoTrigger,
    /// A step with two triggers.
    #[error("this step has two triggers, `{first}` and `{second}`; make two steps of it")]
    TwoTriggers {
        /// One.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A step that does nothing.
    #[error(
        "this step does nothing; say what: start_session, stop_session, scan_qr, inject, fault, clear, client_crash, \
         client_stop, client_start, suspend, client_pause, clock_step, supervisor or server_restart"
    )]
    NoAction,
    /// A step that does two things.
    #[error("this step does two things, `{first}` and `{second}`; make two steps of it")]
    TwoActions {
        /// One.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A key that means nothing beside the others.
    #[error("`{key}` means nothing here; it belongs beside {beside}")]
    Stray {
        /// The key.
        key: &'static str,
        /// Where it belongs.
        beside: &'static str,
    },
    /// Two keys that say the same.
    #[error("`for` and `until` both say when the fault goes off; keep one")]
    ForAndUntil,
    /// The engine that was asked for does not execute this fault.
    #[error("the engine `{engine}` has no fault `{fault}`")]
    EngineLacks {
        /// The fault.
        fault: &'static str,
        /// The engine.
        engine: &'static str,
    },
    /// No zone of that name.
    #[error("there is no time zone {zone:?}{}", match nearest {
        Some(nearest) => format!(", did you mean {nearest:?}?"),
        None => "; write a name of the IANA database, like America/New_York".to_owned(),
    })]
    UnknownZone {
        /// The name.
        zone: String,
        /// The one that was probably meant.
        nearest: Option<String>,
    },
    /// It comes when the run is over.
    #[error("`{key}: {at}` is not before the end of the run, which lasts {runs_for}")]
    AfterTheEnd {
        /// The key.
        key: &'static str,
        /// What it says.
        at: String,
        /// How long the run lasts.
        runs_for: Millis,
    },
    /// It ends before it may begin.
    #[error("`{key}: {until}` may come before it begins, at {from}")]
    EndsBeforeItBegins {
        /// The key.
        key: &'static str,
        /// What it says.
        until: String,
        /// When it begins at the latest.
        from: Millis,
    },
    /// Longer than nothing, please.
    #[error("`{0}` must be longer than 0s")]
    Zero(&'static str),
    /// A quota that lets nobody in, or a guard that punishes everybody.
    #[error("`{0}` must be at least 1")]
    NotOne(&'static str),
    /// Counted from 1.
    #[error("`{0}` counts from 1")]
    FromOne(&'static str),
    /// A ping would be dead before it is late.
    #[error(
        "`dead_after: {dead}` is shorter than `late_after: {late}`: a ping would be given up before it is late"
    )]
    DeadBeforeLate {
        /// When it is given up.
        dead: Millis,
        /// When it is late.
        late: Millis,
    },
    /// A part of the run that never comes.
    #[error("`{key}: {value}` reaches beyond the run, which lasts {runs_for}")]
    OutsideTheRun {
        /// The key.
        key: &'static str,
        /// What it says.
        value: String,
        /// How long the run lasts.
        runs_for: Millis,
    },
    /// Longer than its window.
    #[error("`at_least: {at_least}` is longer than its window of {window}")]
    LongerThanItsWindow {
        /// How long it should be.
        at_least: Millis,
        /// How long it can be.
        window: Millis,
    },
    /// A live run is real time.
    #[error(
        "a live scenario runs in real time and lasts at most {most}; this one runs for {runs_for}"
    )]
    TooLongToBeLive {
        /// How long it lasts.
        runs_for: Millis,
        /// How long it may.
        most: Millis,
    },
    /// The wall clock has no such year.
    #[error("the run ends after the year 9999, which no calendar here knows")]
    EndOfTime,
}

/// ` , did you mean …?`, or else what there is.
fn hint(nearest: Option<&String>, known: &[String]) -> String {
    match nearest {
        Some(nearest) => format!(", did you mean {nearest:?}?"),
        None if known.is_empty() => String::new(),
        None => format!("; there are: {}", known.join(", ")),
    }
}
