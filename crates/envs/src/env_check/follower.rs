//! Copies of the environment that must do what it does.

use gradus_core_math::Stream;

use super::report::{Check, Severity};
use super::subject::Subject;

/// A copy on its way.
pub(super) struct Follower<'e> {
    pub(super) subject: Subject<'e>,
    pub(super) rng: Stream,
    pub(super) role: Role,
    /// For how many more steps it follows.
    pub(super) left: u64,
}

/// What a copy shows by differing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Made apart, with the same stream, from the beginning.
    Twin,
    /// Made at the beginning of this episode.
    Newcomer,
    /// Made now, and restored from a saved state.
    RestoredNew,
    /// Taken from somewhere else in another episode, and restored from a saved state.
    RestoredUsed,
}

impl Role {
    /// The check, the severity, the title and the remedy of a finding by it.
    pub(super) fn check(self) -> (Check, Severity, &'static str, &'static str) {
        match self {
            Role::Twin => (
                Check::Determinism,
                Severity::Error,
                "two instances with the same stream and the same actions differ",
                "draw every random number from the stream that is handed in, and keep clocks, globals and \
                 the order of hash maps out of the dynamics",
            ),
            Role::Newcomer => (
                Check::NewEpisode,
                Severity::Warning,
                "a new instance differs from one that has had episodes before",
                "set every field anew in reset; ignore this if episodes are meant to build on one another",
            ),
            Role::RestoredNew => (
                Check::Restore,
                Severity::Error,
                "a new instance that was restored differs from the one that was saved",
                "save every field that changes during an episode, also counters and caches, and restore it",
            ),
            Role::RestoredUsed => (
                Check::Restore,
                Severity::Error,
                "an instance that was in another episode and then restored differs from the one that was saved",
                "let restore set every field, also those that are empty or at their default in the saved state",
            ),
        }
    }
}
