//! Whether an environment keeps the contract of [`Env`].

mod actions;
mod ends;
mod follower;
mod probes;
mod report;
mod subject;
mod walk;

use std::fmt;

pub use report::{Check, CheckFailed, CheckReport, Finding, Place, Severity};

use report::Findings;
use subject::{Make, Subject};
use walk::Walk;

use crate::{Env, Space};

/// Checks that an environment keeps the contract of [`Env`]; see [`EnvCheck`], which this runs with its
/// defaults. It belongs into a test of every environment of one's own:
///
/// ```
/// use gradus_envs::{check_env, classic::CartPole};
///
/// let report = check_env(CartPole::v1, 7)?;
/// assert!(report.findings().is_empty(), "{report}");
/// # Ok::<(), gradus_envs::CheckFailed>(())
/// ```
///
/// # Errors
/// When something is wrong; the error's text says what, where, and how to mend it.
pub fn check_env<'e, E: Env + 'e>(make: impl Fn() -> E, seed: u64) -> Result<CheckReport, CheckFailed> {
    EnvCheck::new(seed).run(make)
}

/// Checks an environment by taking random actions in it, with the same seed always the same ones.
///
/// What it looks at, and [`Check`] names:
/// - spaces make sense, stay what they were, and are the same in every instance;
/// - `reset` and `step` succeed for every allowed action of the action space, also on the bounds of a
///   finite box;
/// - an observation is written in full, is finite, and lies in the observation space; a reward is finite.
///   The buffer holds NaN before each call, so that what was left unwritten is seen;
/// - the final observation is written like any other, and is that of the state in which the episode ended:
///   neither the one before it nor the first one of the next episode, as far as that can be seen from
///   outside;
/// - the mask is written in full and leaves a choice; an action that it forbids, or that is outside the
///   space, is an error;
/// - two instances with the same stream and the same actions give the same bits, and an episode does not
///   depend on those before it;
/// - an instance that is restored from a saved state, be it new or used, continues with the same bits: one
///   step from every state on the way, and a stretch that may cross the end of the episode from several
///   states, the first and the final one among them; saving again gives the same state; another task's state
///   is refused;
/// - episodes end.
///
/// An error breaks a promise on which training, checkpoints or evaluation rely. A warning is what a task may
/// have good reason for. What a step after the end of an episode does is up to the task, and not looked at:
/// callers reset first.
///
/// A panic of the environment is a finding too, where panics unwind; the panic hook prints its message
/// nevertheless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvCheck {
    seed: u64,
    episodes: u64,
    max_steps: u64,
    stretch: u64,
}

impl EnvCheck {
    /// A check whose random numbers come from `seed`: 5 episodes of at most 10,000 steps, and 50 steps after
    /// a restored state.
    pub fn new(seed: u64) -> Self {
        Self { seed, episodes: 5, max_steps: 10_000, stretch: 50 }
    }

    /// How many episodes to take; at least 3 are needed to judge final observations.
    pub fn with_episodes(mut self, episodes: u64) -> Self {
        self.episodes = episodes;
        self
    }

    /// After how many steps an episode counts as one that may never end; the check ends with it.
    pub fn with_max_steps(mut self, max_steps: u64) -> Self {
        self.max_steps = max_steps;
        self
    }

    /// How many steps a restored instance must agree with the original.
    pub fn with_stretch(mut self, stretch: u64) -> Self {
        self.stretch = stretch;
        self
    }

    /// Checks the environment that `make` gives, a new instance at every call.
    ///
    /// # Errors
    /// When there is a finding of [`Severity::Error`]. The report is in the error.
    pub fn run<'e, E: Env + 'e>(&self, make: impl Fn() -> E) -> Result<CheckReport, CheckFailed> {
        self.run_boxed(&|| Box::new(make()))
    }

    fn run_boxed(&self, make: &Make<'_, '_>) -> Result<CheckReport, CheckFailed> {
        let mut findings = Findings::default();
        let (mut episodes, mut steps) = (0, 0);
        if let Some(spaces) = Spaces::of(make, &mut findings) {
            let mut walk = Walk::new(self, make, &spaces, &mut findings);
            (episodes, steps) = walk.run();
            probes::invalid_actions(make, &spaces, self.seed, &mut findings);
            probes::foreign_state(make, &spaces, &mut findings);
            probes::silent_mask(make, &spaces, self.seed, &mut findings);
        }
        CheckReport::new(findings, episodes, steps).into_result()
    }
}

/// What the instances of an environment have in common.
#[derive(Debug, PartialEq)]
struct Spaces {
    observation: Space,
    action: Space,
    masked: bool,
    image: Option<[usize; 3]>,
}

impl fmt::Display for Spaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the spaces {} and {} (mask: {})", self.observation, self.action, self.masked)?;
        self.image.map_or(Ok(()), |shape| write!(f, " and images of {shape:?}"))
    }
}

impl Spaces {
    fn read(env: &(impl Env + ?Sized)) -> Self {
        let (observation, action) = (env.observation_space(), env.action_space());
        Self { observation, action, masked: env.has_action_mask(), image: env.image_shape() }
    }

    /// The spaces of a new instance, if they make sense.
    fn of(make: &Make<'_, '_>, findings: &mut Findings) -> Option<Self> {
        let spaces = Self::read(&*make());
        let mut sensible = true;
        for (name, space) in [("observation", &spaces.observation), ("action", &spaces.action)] {
            if let Err(error) = space.validate() {
                sensible = false;
                findings.add(
                    Check::Spaces,
                    Severity::Error,
                    None,
                    format!("the {name} space makes no sense: {error}"),
                    "give it at least one coordinate or choice, at most 2^24 choices, and bounds that are \
                     numbers in order",
                );
            }
        }
        if spaces.masked && spaces.action.mask_width() == 0 {
            sensible = false;
            findings.add(
                Check::Spaces,
                Severity::Error,
                None,
                format!("it has an action mask, but actions of {} cannot be masked", spaces.action),
                "let has_action_mask return false, or make the actions Discrete or MultiDiscrete",
            );
        }
        let width = spaces.observation.width();
        if let Some(shape) = spaces.image.filter(|shape| shape.iter().product::<usize>() != width) {
            findings.add(
                Check::Spaces,
                Severity::Error,
                None,
                format!("an image of {shape:?} is no observation of {}", spaces.observation),
                "let image_shape return [channels, height, width], whose product is the width of a row",
            );
        }
        sensible.then_some(spaces)
    }

    /// A new instance, whose spaces must be these.
    fn subject<'e>(&self, make: &Make<'_, 'e>, findings: &mut Findings) -> Subject<'e> {
        let env = make();
        self.check_same(&*env, "a new instance", None, findings);
        Subject::new(env, self)
    }

    fn check_same(&self, env: &dyn Env, who: &str, place: Option<Place>, findings: &mut Findings) {
        let found = Self::read(env);
        if found != *self {
            findings.add(
                Check::Spaces,
                Severity::Error,
                place,
                format!("{who} has {found}, the first one had {self}"),
                "fix the spaces when the environment is made: networks are built for them",
            );
        }
    }
}
