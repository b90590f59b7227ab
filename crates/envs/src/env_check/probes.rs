//! What an environment must refuse.

use gradus_core_math::Stream;

use super::Spaces;
use super::report::{Check, Findings, Severity};
use super::subject::{Failure, Make, guard};
use crate::{Space, State};

const REFUSE: &str =
    "begin step with choice(action, n)? or space.check(action)?, which returns EnvError::invalid_action";

const DO_NOT_PANIC: &str =
    "return an error in place of the panic: begin step with choice(action, n)? or space.check(action)?";

/// Takes actions that are not in the space, at the first and the last place of the action, each as the first
/// one of an episode.
pub(super) fn invalid_actions(make: &Make<'_, '_>, spaces: &Spaces, seed: u64, findings: &mut Findings) {
    let mut valid = vec![0.0; spaces.action.width()];
    spaces.action.sample(&mut Stream::new(seed, "action", 1), &mut valid);
    let last = valid.len() - 1;
    for (i, value) in outside(&spaces.action).into_iter().filter(|&(i, _)| i == 0 || i == last) {
        let mut subject = spaces.subject(make, findings);
        let mut rng = Stream::new(seed, "environment", 0);
        if subject.reset(&mut rng).is_err() {
            return;
        }
        let mut action = valid.clone();
        action[i] = value;
        let (what, mend) = match subject.step(&action, &mut rng) {
            Ok(()) => ("it was taken like any other".to_owned(), REFUSE),
            Err(Failure::Refused(_)) => continue,
            Err(failure) => (failure.to_string(), DO_NOT_PANIC),
        };
        let space = &spaces.action;
        findings.add(
            Check::InvalidAction,
            Severity::Warning,
            None,
            format!("an action with {value} at place {i} is not in {space}, but {what}"),
            mend,
        );
    }
}

/// Coordinates that no action of `space` has: (place, value).
fn outside(space: &Space) -> Vec<(usize, f32)> {
    let choices = |i: usize, n: usize| [-1.0, 0.5, n as f32, f32::NAN].map(|value| (i, value)).to_vec();
    match space {
        Space::Discrete { n } => choices(0, *n),
        Space::MultiDiscrete { sizes } => {
            sizes.iter().enumerate().flat_map(|(i, &n)| choices(i, n)).collect()
        }
        Space::MultiBinary { n } => (0..*n).flat_map(|i| choices(i, 2)).collect(),
        Space::Box { low, high } => {
            let beyond = |(i, (&low, &high)): (usize, (&f32, &f32))| {
                // Well beyond, so that a task which forgives rounding passes.
                let margin = 0.5 * (high - low).clamp(1.0, f32::MAX);
                [(i, low - margin), (i, high + margin), (i, f32::NAN)]
            };
            let all = low.iter().zip(high).enumerate().flat_map(beyond);
            all.filter(|&(i, value)| !(low[i] <= value && value <= high[i])).collect()
        }
    }
}

/// Restores the state of a task that does not exist.
pub(super) fn foreign_state(make: &Make<'_, '_>, spaces: &Spaces, findings: &mut Findings) {
    let mut subject = spaces.subject(make, findings);
    let what = match subject.restore(&State::of("a task that does not exist", &())) {
        Ok(()) => "it was restored like any other".to_owned(),
        Err(Failure::Refused(_)) => return,
        Err(failure) => failure.to_string(),
    };
    findings.add(
        Check::ForeignState,
        Severity::Warning,
        None,
        format!("a state of another task should be refused, but {what}"),
        "read the state with state.get(NAME)?, which refuses a name other than the one given to State::of",
    );
}

/// Looks for a mask of which the environment says nothing.
pub(super) fn silent_mask(make: &Make<'_, '_>, spaces: &Spaces, seed: u64, findings: &mut Findings) {
    if spaces.masked || spaces.action.mask_width() == 0 {
        return;
    }
    let mut subject = spaces.subject(make, findings);
    if subject.reset(&mut Stream::new(seed, "environment", 0)).is_err() {
        return;
    }
    let mut mask = vec![true; spaces.action.mask_width()];
    let written = guard(|| {
        subject.env.action_mask(&mut mask);
        Ok(())
    });
    if written.is_ok() && mask.contains(&false) {
        findings.add(
            Check::Mask,
            Severity::Warning,
            None,
            "action_mask forbids a choice, but has_action_mask says that there is no mask: nobody will ask"
                .to_owned(),
            "let has_action_mask return true",
        );
    }
}
