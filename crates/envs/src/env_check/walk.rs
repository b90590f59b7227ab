//! Random episodes, beside which copies of the environment do the same.

use gradus_core_math::Stream;
use rand::RngExt;

use super::actions::{choose_allowed, locate};
use super::ends::Ends;
use super::follower::{Follower, Role};
use super::report::{Check, Findings, Place, Severity};
use super::subject::{Failure, Make, Subject, first_difference};
use super::{EnvCheck, Spaces};
use crate::checks::allows_an_action;
use crate::{Space, State};

const SAVED_TWICE: &str = "saving again right after restoring gives another state";
const SAVE_ALIKE: &str = "save in an order that is always the same, and restore every field that is saved";

/// The environment that walks, and everything beside it.
pub(super) struct Walk<'a, 'm, 'e> {
    check: &'a EnvCheck,
    make: &'a Make<'m, 'e>,
    spaces: &'a Spaces,
    findings: &'a mut Findings,
    main: Subject<'e>,
    rng: Stream,
    actor: Stream,
    /// Copies that take the same actions, and must show the same.
    followers: Vec<Follower<'e>>,
    /// A copy that is restored before every step and takes it.
    shadow: Subject<'e>,
    ends: Ends,
    place: Place,
    steps: u64,
}

impl<'a, 'm, 'e> Walk<'a, 'm, 'e> {
    pub(super) fn new(
        check: &'a EnvCheck,
        make: &'a Make<'m, 'e>,
        spaces: &'a Spaces,
        findings: &'a mut Findings,
    ) -> Self {
        let main = spaces.subject(make, findings);
        let twin = spaces.subject(make, findings);
        let shadow = spaces.subject(make, findings);
        let rng = Stream::new(check.seed, "environment", 0);
        let twin = Follower { subject: twin, rng: rng.clone(), role: Role::Twin, left: u64::MAX };
        Self {
            actor: Stream::new(check.seed, "action", 0),
            check,
            make,
            spaces,
            findings,
            main,
            rng,
            followers: vec![twin],
            shadow,
            ends: Ends::default(),
            place: Place { episode: 0, step: 0 },
            steps: 0,
        }
    }

    /// Takes the episodes; gives the numbers of those that ended and of their steps.
    pub(super) fn run(&mut self) -> (u64, u64) {
        for episode in 0..self.check.episodes {
            self.place = Place { episode, step: 0 };
            if self.begin().is_none() || self.episode().is_none() {
                break;
            }
        }
        if let Some(what) = self.ends.judge(!self.findings.has(Check::Restore)) {
            let mend = "write the observation of the state in which the episode ended, and leave the reset to \
                        the caller";
            self.add(Check::FinalObservation, Severity::Warning, what.to_owned(), mend);
        }
        let place = Some(self.place);
        self.spaces.check_same(&*self.main.env, "the instance that has walked", place, self.findings);
        (self.ends.ended, self.steps)
    }

    /// Begins an episode, here and in the copies; `None` when that is impossible.
    fn begin(&mut self) -> Option<()> {
        let at_start = self.rng.clone();
        if let Err(failure) = self.main.reset(&mut self.rng) {
            let mend = "make reset work from every state: a new instance, the middle of an episode, its end";
            self.add(Check::Reset, Severity::Error, failure.to_string(), mend);
            return None;
        }
        if self.place.episode > 0 {
            let subject = self.spaces.subject(self.make, self.findings);
            self.followers.push(Follower { subject, rng: at_start, role: Role::Newcomer, left: u64::MAX });
        }
        self.follow(|follower| follower.subject.reset(&mut follower.rng));
        self.look()?;
        self.ends.begin(&self.main.row);
        Some(())
    }

    /// Takes steps until the episode ends; `None` when it cannot go on.
    fn episode(&mut self) -> Option<()> {
        let mut action = vec![0.0; self.spaces.action.width()];
        while self.place.step < self.check.max_steps {
            let before = self.save()?;
            if is_stop(self.place.step) {
                self.restore_copies(&before);
                self.take_forbidden_action(&before);
            }
            self.choose(&mut action);
            let rng = self.rng.clone();
            self.place.step += 1;
            self.step(&action)?;
            self.shadow_step(&before, &action, rng);
            let over = self.main.step.outcome.is_over();
            self.ends.note(&self.main.row, over);
            if over {
                self.followers.retain(|follower| follower.role != Role::Newcomer);
                let last = self.save()?;
                self.restore_copies(&last);
                return Some(());
            }
        }
        let what = format!("it did not end within {} steps", self.check.max_steps);
        self.add(
            Check::EpisodeEnd,
            Severity::Warning,
            what,
            "wrap the environment in TimeLimit, unless random actions are only slow to find an end",
        );
        None
    }

    fn add(&mut self, check: Check, severity: Severity, what: String, mend: &'static str) {
        self.findings.add(check, severity, Some(self.place), what, mend);
    }

    fn save(&mut self) -> Option<State> {
        let result = self.main.save();
        let saved = |failure: Failure| {
            self.add(
                Check::Restore,
                Severity::Error,
                format!("save: {failure}"),
                "give State::of plain data that serialises",
            );
        };
        result.map_err(saved).ok()
    }

    /// Chooses an allowed action at random; now and then one at the bounds of its box.
    fn choose(&mut self, action: &mut [f32]) {
        const AT_BOUNDS: f64 = 0.125;
        let space = &self.spaces.action;
        space.sample(&mut self.actor, action);
        match space {
            Space::Box { low, high } if self.actor.random_bool(AT_BOUNDS) => {
                for (x, (&low, &high)) in action.iter_mut().zip(low.iter().zip(high)) {
                    let bound = if self.actor.random() { high } else { low };
                    *x = if bound.is_finite() { bound } else { *x };
                }
            }
            _ if self.spaces.masked => choose_allowed(space, &self.main.mask, &mut self.actor, action),
            _ => {}
        }
    }

    /// Takes a step, here and in the copies, and looks at what it gave.
    fn step(&mut self, action: &[f32]) -> Option<()> {
        self.steps += 1;
        if let Err(failure) = self.main.step(action, &mut self.rng) {
            let mend = if failure.is_invalid_action() {
                "accept every action that the action space and the mask allow, or make them smaller"
            } else {
                "make step work for every allowed action, from every state that can be reached"
            };
            self.add(Check::Step, Severity::Error, format!("on the action {action:?} {failure}"), mend);
            return None;
        }
        let reward = self.main.step.reward;
        if !reward.is_finite() {
            let what = format!("the reward is {reward} for the action {action:?}");
            self.add(Check::Reward, Severity::Error, what, "let step return finite rewards only");
        }
        self.follow(|follower| {
            follower.left = follower.left.saturating_sub(1);
            follower.subject.step(action, &mut follower.rng)
        });
        self.look()
    }

    /// Lets the copies do what the environment did; those that differ are reported and dropped.
    fn follow(&mut self, mut act: impl FnMut(&mut Follower<'e>) -> Result<(), Failure>) {
        let (main, place) = (&self.main, self.place);
        let findings = &mut *self.findings;
        self.followers.retain_mut(|follower| {
            let difference = match act(follower) {
                Ok(()) => main.difference(&follower.subject),
                Err(failure) => Some(format!("only one of them works: {failure}")),
            };
            let Some(difference) = difference else { return follower.left > 0 };
            let (check, severity, title, mend) = follower.role.check();
            findings.add(check, severity, Some(place), format!("{title}: {difference}"), mend);
            false
        });
    }

    /// Looks at the observation and the mask; `None` when there is no action to go on with.
    fn look(&mut self) -> Option<()> {
        self.look_at_observation();
        if !self.spaces.masked || self.main.step.outcome.is_over() {
            return Some(());
        }
        if let Some(i) = self.main.unwritten_flag {
            let what = format!("mask[{i}] was not written");
            self.add(Check::Mask, Severity::Error, what, "write every flag of the mask, at every call");
        }
        if !allows_an_action(&self.spaces.action, &self.main.mask) {
            let mend = "allow at least one choice in every part of the action, or end the episode";
            self.add(Check::Mask, Severity::Error, "it allows no action".to_owned(), mend);
            return None;
        }
        Some(())
    }

    fn look_at_observation(&mut self) {
        let (check, when) = if self.main.step.outcome.is_over() {
            (Check::FinalObservation, " at the end of the episode")
        } else {
            (Check::Observation, "")
        };
        let space = &self.spaces.observation;
        let row = &self.main.row;
        let (what, mend) = if let Some(i) = self.main.unwritten() {
            let what =
                format!("observation[{i}] was not written{when}, or computed from what the buffer held");
            (
                what,
                "write every number of the observation, at every reset and every step, the last one included",
            )
        } else if let Some(i) = row.iter().position(|x| !x.is_finite()) {
            let what = format!("observation[{i}] is {}{when}", row[i]);
            (what, "keep observations finite; look for divisions by zero and overflow")
        } else if !space.contains(row) {
            let what = match space {
                Space::Box { low, high } => {
                    let outside = |&i: &usize| !(low[i] <= row[i] && row[i] <= high[i]);
                    let i = (0..row.len()).find(outside).unwrap_or_default();
                    format!("observation[{i}] is {}, outside [{}, {}]{when}", row[i], low[i], high[i])
                }
                _ => format!("{row:?} is not in {space}{when}"),
            };
            (what, "clip the observation, or widen the observation space; bounds may be infinite")
        } else {
            return;
        };
        self.add(check, Severity::Error, what, mend);
    }

    /// Sends copies on from `state`, in which the environment is now.
    fn restore_copies(&mut self, state: &State) {
        let fresh = self.spaces.subject(self.make, self.findings);
        let mut used = self.spaces.subject(self.make, self.findings);
        self.lead_astray(&mut used);
        for (mut subject, role) in [(fresh, Role::RestoredNew), (used, Role::RestoredUsed)] {
            let (check, severity, title, mend) = role.check();
            let restored = subject.restore(state).and_then(|()| {
                let difference = subject.mask_difference(&self.main)?;
                Ok((difference, subject.save()?))
            });
            match restored {
                Ok((None, again)) => {
                    if again != *state {
                        self.add(Check::Restore, Severity::Warning, SAVED_TWICE.to_owned(), SAVE_ALIKE);
                    }
                }
                Ok((Some(difference), _)) => {
                    self.add(check, severity, format!("{title}: {difference}"), mend);
                    continue;
                }
                Err(failure) => {
                    self.add(check, severity, format!("a state that was just saved: {failure}"), mend);
                    continue;
                }
            }
            let (rng, left) = (self.rng.clone(), self.check.stretch);
            self.followers.push(Follower { subject, rng, role, left });
        }
    }

    /// Takes a few steps in an episode of its own; wherever that ends, or fails, is as good.
    fn lead_astray(&mut self, subject: &mut Subject<'e>) {
        const STEPS: usize = 3;
        let mut rng = Stream::new(self.check.seed, "astray", self.steps);
        let mut action = vec![0.0; self.spaces.action.width()];
        let mut running = subject.reset(&mut rng).is_ok();
        for _ in 0..STEPS {
            if !running {
                return;
            }
            self.spaces.action.sample(&mut rng, &mut action);
            if self.spaces.masked {
                choose_allowed(&self.spaces.action, &subject.mask, &mut rng, &mut action);
            }
            running = subject.step(&action, &mut rng).is_ok() && !subject.step.outcome.is_over();
        }
    }

    /// Restores a copy to the state before the step and takes the step again: with the same stream it must
    /// show the same; with another it shows whether the step depends on the stream.
    fn shadow_step(&mut self, before: &State, action: &[f32], mut rng: Stream) {
        let (check, severity, title, mend) = Role::RestoredUsed.check();
        let restored = self.shadow.restore(before).and_then(|()| self.shadow.step(action, &mut rng));
        let difference = match restored {
            Ok(()) => self.main.difference(&self.shadow),
            Err(failure) => Some(failure.to_string()),
        };
        if let Some(difference) = difference {
            self.add(check, severity, format!("{title}: {difference}"), mend);
            return;
        }
        let mut other = Stream::new(self.check.seed, "another stream", self.steps);
        let again = self.shadow.restore(before).and_then(|()| self.shadow.step(action, &mut other));
        let same = again.is_ok() && first_difference(&self.main.row, &self.shadow.row).is_none();
        self.ends.random(!same, self.main.step.outcome.is_over());
    }

    /// Takes a choice that the mask forbids in `state`.
    fn take_forbidden_action(&mut self, state: &State) {
        let Some(flag) = self.main.mask.iter().position(|allowed| !allowed) else { return };
        let mut action = vec![0.0; self.spaces.action.width()];
        choose_allowed(&self.spaces.action, &self.main.mask, &mut self.actor, &mut action);
        let (part, forbidden) = locate(&self.spaces.action, flag);
        action[part] = forbidden as f32;
        let restored = self.shadow.restore(state);
        let what = match restored.and_then(|()| self.shadow.step(&action, &mut self.rng.clone())) {
            Ok(()) => "it was taken like any other",
            Err(Failure::Panicked(_)) => "it panicked",
            Err(Failure::Refused(_)) => return,
        };
        self.add(
            Check::Mask,
            Severity::Warning,
            format!("the mask forbids the action {action:?}, but {what}"),
            "return EnvError::forbidden_action for what the mask forbids, so that a learner that ignores it \
             is found out",
        );
    }
}

/// Whether copies set out from this step: 0, 1, 2, 5, 10, 20, 50, …
fn is_stop(step: u64) -> bool {
    let mut digit = step;
    while digit > 0 && digit.is_multiple_of(10) {
        digit /= 10;
    }
    step == 0 || matches!(digit, 1 | 2 | 5)
}
