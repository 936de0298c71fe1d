//! Exit codes: what scripts and CI go by. They are part of the interface; a change is a breaking one.

use std::process::ExitCode;

/// How a command ended, the least grave first: of a set of runs the gravest counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything held.
    #[default]
    Held,
    /// Nothing is wrong, but a precondition was not met: something was not put to the test.
    Inconclusive,
    /// An oracle found something, a store is refused, or two traces differ.
    Findings,
    /// The command line asks for what cannot be done.
    Usage,
    /// A scenario, a trace or the lines of a store cannot be read, or two traces not be compared.
    BadScenario,
    /// The same scenario with the same seed ran in two ways.
    NotDeterministic,
    /// A bug of Squall's own.
    Bug,
}

impl Exit {
    /// The number that the process ends with.
    pub const fn code(self) -> u8 {
        match self {
            Self::Held => 0,
            Self::Findings => 1,
            Self::Usage => 2, // clap's own number
            Self::BadScenario => 3,
            Self::Inconclusive => 4,
            Self::NotDeterministic => 5,
            Self::Bug => 70, // EX_SOFTWARE of sysexits.h
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_of_a_set_counts() {
        let gravest_first = [
            Exit::Bug,
            Exit::NotDeterministic,
            Exit::BadScenario,
            Exit::Usage,
            Exit::Findings,
            Exit::Inconclusive,
            Exit::Held,
        ];
        assert!(gravest_first.is_sorted_by(|graver, other| graver > other));
        let codes = gravest_first.map(Exit::code);
        assert_eq!(codes, [70, 5, 3, 2, 1, 4, 0]);
        let set = [Exit::Held, Exit::Inconclusive, Exit::Findings, Exit::Held];
        assert_eq!(set.into_iter().max(), Some(Exit::Findings));
    }
}
