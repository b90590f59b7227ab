//! What a check found.

use std::fmt;

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Check {
    /// The spaces make sense and stay what they are.
    Spaces,
    /// An episode can begin, also after the end of another.
    Reset,
    /// Every allowed action can be taken.
    Step,
    /// Observations are written, finite and in their space.
    Observation,
    /// The last observation of an episode is that of its last state.
    FinalObservation,
    /// Rewards are finite.
    Reward,
    /// The mask is written, leaves a choice, and is enforced.
    Mask,
    /// Actions outside the space are errors.
    InvalidAction,
    /// The same stream and the same actions give the same bits.
    Determinism,
    /// An episode does not depend on those before it.
    NewEpisode,
    /// A restored instance continues exactly.
    Restore,
    /// Another task's state is refused.
    ForeignState,
    /// Episodes end.
    EpisodeEnd,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Check::Spaces => "spaces",
            Check::Reset => "reset",
            Check::Step => "step",
            Check::Observation => "observation",
            Check::FinalObservation => "final observation",
            Check::Reward => "reward",
            Check::Mask => "action mask",
            Check::InvalidAction => "invalid action",
            Check::Determinism => "determinism",
            Check::NewEpisode => "new episode",
            Check::Restore => "save and restore",
            Check::ForeignState => "foreign state",
            Check::EpisodeEnd => "end of the episode",
        })
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// It may be meant so.
    Warning,
    /// Training, checkpoints or evaluation would go wrong.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// When a finding was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The episode, from 0.
    pub episode: u64,
    /// The step of the episode: 0 is the reset, 1 the first step.
    pub step: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "episode {}, step {}", self.episode, self.step)
    }
}

/// Something that is wrong, or may be.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// Which check made it.
    pub check: Check,
    /// How bad it is.
    pub severity: Severity,
    /// Where it was made first, if it is about a moment.
    pub place: Option<Place>,
    /// How often it was made.
    pub times: u64,
    /// What is wrong, with the numbers of the first time.
    pub what: String,
    /// How to mend it.
    pub mend: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, self.check)?;
        match (self.place, self.times) {
            (None, 1) => {}
            (None, times) => write!(f, ", {times} times")?,
            (Some(place), 1) => write!(f, ", {place}")?,
            (Some(place), times) => write!(f, ", {times} times, first in {place}")?,
        }
        write!(f, ": {}\n  to mend it: {}", self.what, self.mend)
    }
}

/// The findings so far; those of one kind are counted, and the first of them kept.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    /// Adds a finding. Those of one check with one remedy are of one kind.
    pub(super) fn add(
        &mut self,
        check: Check,
        severity: Severity,
        place: Option<Place>,
        what: String,
        mend: &'static str,
    ) {
        let same = |known: &&mut Finding| known.check == check && known.mend == mend;
        match self.0.iter_mut().find(same) {
            Some(known) => known.times += 1,
            None => self.0.push(Finding { check, severity, place, times: 1, what, mend }),
        }
    }

    pub(super) fn has(&self, check: Check) -> bool {
        self.0.iter().any(|finding| finding.check == check)
    }
}

/// What a check found, errors first, and how much it looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckReport {
    findings: Vec<Finding>,
    episodes: u64,
    steps: u64,
}

impl CheckReport {
    pub(super) fn new(findings: Findings, episodes: u64, steps: u64) -> Self {
        let mut findings = findings.0;
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Self { findings, episodes, steps }
    }

    pub(super) fn into_result(self) -> Result<Self, CheckFailed> {
        if self.errors().next().is_none() { Ok(self) } else { Err(CheckFailed(self)) }
    }

    /// Everything that was found, errors first.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// What is wrong.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error)
    }

    /// What may be wrong.
    pub fn warnings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Warning)
    }

    /// The episodes that ended.
    pub fn episodes(&self) -> u64 {
        self.episodes
    }

    /// The steps that were taken, those of copies not counted.
    pub fn steps(&self) -> u64 {
        self.steps
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |n: u64, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        write!(
            f,
            "{} and {} in {}, {}",
            count(self.errors().count() as u64, "error"),
            count(self.warnings().count() as u64, "warning"),
            count(self.episodes, "episode"),
            count(self.steps, "step"),
        )?;
        self.findings.iter().try_for_each(|finding| write!(f, "\n{finding}"))
    }
}

/// The environment breaks its contract; the text is that of the report.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct CheckFailed(CheckReport);

impl CheckFailed {
    /// What was found.
    pub fn report(&self) -> &CheckReport {
        &self.0
    }
}
