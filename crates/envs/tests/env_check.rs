//! The check of environments: what is shipped passes, and each flaw is found by its check.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use gradus_core_math::Stream;
use gradus_envs::classic::{CartPole, MountainCarContinuous, Pendulum};
use gradus_envs::finite::{CliffWalking, FrozenLake, Taxi};
use gradus_envs::probe::{
    ActionReward, ConstantReward, DelayedReward, Fault, Faulty, MaskedChoice, MatchDigits, MatchSign,
    MatchSwitches, MatchTarget, ObservationReward, OneStep,
};
use gradus_envs::{
    Check, CheckFailed, CheckReport, ClipAction, ENVIRONMENTS, Env, EnvCheck, EnvError, FrameStack,
    RescaleAction, Severity, Space, State, Step, TimeLimit, check_env, choice,
};
use rand::RngExt;

fn passes<E: Env>(name: &str, make: impl Fn() -> E) {
    let report = check_env(make, 3).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(report.findings().is_empty(), "{name}: {report}");
    assert_eq!(report.episodes(), 5, "{name}");
}

#[test]
fn all_that_is_shipped_passes() {
    for info in ENVIRONMENTS {
        passes(info.name, || info.make());
    }
    passes("CartPole", CartPole::default);
    passes("Taxi with a mask", Taxi::v4_masked);
    passes("index", || FrozenLake::four_by_four().env().with_index_observations());
    passes("slippery cliff", || TimeLimit::new(CliffWalking::default().with_slippery(true).env(), 50));
    passes("ConstantReward", || OneStep::new(ConstantReward));
    passes("ObservationReward", || OneStep::new(ObservationReward));
    passes("ActionReward", || OneStep::new(ActionReward));
    passes("MatchSign", || OneStep::new(MatchSign));
    passes("MatchTarget", || OneStep::new(MatchTarget));
    passes("MatchDigits", || OneStep::new(MatchDigits));
    passes("MatchSwitches", || OneStep::new(MatchSwitches));
    passes("DelayedReward", DelayedReward::default);
    passes("MaskedChoice", MaskedChoice::default);
    passes("ClipAction", || ClipAction::new(Pendulum::v1()).expect("a box"));
    passes("RescaleAction", || RescaleAction::new(MountainCarContinuous::v0()).expect("a box"));
    passes("FrameStack", || FrameStack::new(Pendulum::v1(), 3));
    passes("FrameStack with masks", || FrameStack::new(MaskedChoice::default(), 2));
}

/// Boxed environments, made by anything that can be called.
#[test]
fn boxed_environments_are_checked_too() {
    let make: &dyn Fn() -> Box<dyn Env> = &|| Box::new(CartPole::v1());
    assert!(check_env(make, 0).is_ok());
}

/// What is wrong with a [`Line`].
#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    Flawless,
    NoChoices,
    MaskOnBox,
    BadImage,
    OtherInstance,
    GrowingSpace,
    ResetFailsAfterTheEnd,
    ResetPanics,
    RefusesAnAction,
    Fails,
    Panics,
    UnwrittenAtReset,
    Unwritten,
    UnwrittenAtTheEnd,
    NotFinite,
    Outside,
    OutsideAtTheEnd,
    BadReward,
    FinalIsPrevious,
    FinalIsFirst,
    ResetsItself,
    EmptyMask,
    UnwrittenMask,
    UnenforcedMask,
    SilentMask,
    TakesAnything,
    PanicsOnTheInvalid,
    Global,
    LeftOver,
    ForgottenField,
    RestoresSparingly,
    MaskNotRestored,
    CountsSaves,
    TakesForeignStates,
    NeverEnds,
}

use Flaw::*;

static GLOBAL: AtomicU64 = AtomicU64::new(0);

const LENGTH: u32 = 12;

/// A walk along a line from one of five places: left, stay, right; 12 steps, which are shown beside the
/// place. The third choice is forbidden at odd places, where there is a mask.
#[derive(Debug)]
struct Line {
    flaw: Flaw,
    /// How many were made before it by the same maker.
    number: u64,
    start: i32,
    place: i32,
    taken: u32,
    episodes: u32,
    forbidden: bool,
    saves: Cell<u32>,
}

impl Line {
    fn new(flaw: Flaw, number: u64) -> Self {
        let saves = Cell::new(0);
        Self { flaw, number, start: 0, place: 0, taken: 0, episodes: 0, forbidden: false, saves }
    }

    fn begin(&mut self, rng: &mut Stream) {
        self.start = if self.flaw == FinalIsFirst { 1 } else { rng.random_range(-2..=2) };
        self.place = self.start;
        self.taken = 0;
        self.forbidden = self.place % 2 != 0;
    }

    fn show(&self, row: &mut [f32]) {
        row.copy_from_slice(&[self.place as f32, self.taken as f32]);
    }

    fn is_over(&self) -> bool {
        self.taken >= LENGTH && self.flaw != NeverEnds
    }

    fn check(&self, action: &[f32]) -> Result<usize, EnvError> {
        match self.flaw {
            TakesAnything => Ok((action[0].max(0.0) as usize).min(2)),
            PanicsOnTheInvalid => Ok([0, 1, 2][action[0] as usize]),
            MaskOnBox | NoChoices => unreachable!("its spaces make no sense"),
            _ => choice(action, 3),
        }
    }

    fn show_flawed(&self, last: (i32, u32), row: &mut [f32]) {
        let over = self.is_over();
        match self.flaw {
            Unwritten if self.taken == 5 => row[0] = 0.0,
            UnwrittenAtTheEnd if over => {}
            NotFinite if self.taken == 7 => row[1] = f32::INFINITY,
            Outside if self.taken == 3 => row[0] = 50.0,
            OutsideAtTheEnd if over => row[0] = -50.0,
            FinalIsPrevious if over => row.copy_from_slice(&[last.0 as f32, last.1 as f32]),
            FinalIsFirst if over => row.copy_from_slice(&[self.start as f32, 0.0]),
            LeftOver => row[0] += self.episodes as f32,
            Global => row[1] = (GLOBAL.fetch_add(1, Ordering::Relaxed) % 13) as f32,
            _ => {}
        }
    }
}

impl Env for Line {
    fn observation_space(&self) -> Space {
        let high = match self.flaw {
            OtherInstance => 20.0 + self.number as f32,
            GrowingSpace if self.episodes > 0 => 40.0,
            _ => 20.0,
        };
        Space::cube(2, -20.0, high)
    }

    fn action_space(&self) -> Space {
        match self.flaw {
            NoChoices => Space::Discrete { n: 0 },
            MaskOnBox => Space::cube(1, -1.0, 1.0),
            _ => Space::Discrete { n: 3 },
        }
    }

    fn image_shape(&self) -> Option<[usize; 3]> {
        Some(if self.flaw == BadImage { [1, 2, 2] } else { [2, 1, 1] })
    }

    fn reset(&mut self, rng: &mut Stream, row: &mut [f32]) -> Result<(), EnvError> {
        if self.flaw == ResetFailsAfterTheEnd && self.is_over() {
            return Err(EnvError::task("the line is used up"));
        }
        assert!(self.flaw != ResetPanics, "no line today");
        self.begin(rng);
        self.episodes += 1;
        if self.flaw == UnwrittenAtReset {
            row[0] = 0.0;
        } else {
            self.show(row);
        }
        Ok(())
    }

    fn step(&mut self, action: &[f32], rng: &mut Stream, row: &mut [f32]) -> Result<Step, EnvError> {
        let chosen = self.check(action)?;
        if self.flaw == RefusesAnAction && chosen == 2 {
            return Err(EnvError::invalid_action(action, &Space::Discrete { n: 2 }));
        }
        if self.has_action_mask() && self.flaw != UnenforcedMask && self.forbidden && chosen == 2 {
            return Err(EnvError::forbidden_action(action, "not at an odd place"));
        }
        if self.flaw == Fails && self.taken == 8 {
            return Err(EnvError::task("the line broke"));
        }
        assert!(self.flaw != Panics || self.taken != 8, "the line tore");
        let last = (self.place, self.taken);
        self.place += chosen as i32 - 1;
        self.taken = if self.flaw == NeverEnds { (self.taken + 1) % LENGTH } else { self.taken + 1 };
        self.forbidden = self.place % 2 != 0;
        let silent = match self.flaw {
            Unwritten => self.taken == 5,
            UnwrittenAtTheEnd => self.is_over(),
            _ => false,
        };
        if !silent {
            self.show(row);
        }
        self.show_flawed(last, row);
        let over = self.is_over();
        if self.flaw == ResetsItself && over {
            self.begin(rng);
            self.show(row);
        }
        let reward = if self.flaw == BadReward && self.taken == 9 { f64::NAN } else { 1.0 };
        Ok(if over { Step::terminated(reward) } else { Step::running(reward) })
    }

    fn has_action_mask(&self) -> bool {
        matches!(self.flaw, MaskOnBox | EmptyMask | UnwrittenMask | UnenforcedMask | MaskNotRestored)
    }

    fn action_mask(&self, mask: &mut [bool]) {
        match self.flaw {
            EmptyMask => mask.fill(self.taken != 6),
            UnwrittenMask => mask[2] = !self.forbidden,
            UnenforcedMask | MaskNotRestored => mask.copy_from_slice(&[true, true, !self.forbidden]),
            SilentMask => mask.copy_from_slice(&[true, true, false]),
            _ => mask.fill(true),
        }
    }

    fn save(&self) -> State {
        self.saves.set(self.saves.get() + 1);
        let saves = if self.flaw == CountsSaves { self.saves.get() } else { 0 };
        let episodes = if self.flaw == LeftOver { self.episodes } else { 0 };
        State::of("Line", &(self.start, self.place, self.taken, episodes, saves))
    }

    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        let saved = state.get::<(i32, i32, u32, u32, u32)>("Line");
        if self.flaw == TakesForeignStates && saved.is_err() {
            return Ok(());
        }
        let (start, place, taken, episodes, _) = saved?;
        (self.start, self.episodes) = (start, episodes);
        if !(self.flaw == RestoresSparingly && place == 0) {
            self.place = place;
        }
        if self.flaw != ForgottenField {
            self.taken = taken;
        }
        if self.flaw != MaskNotRestored {
            self.forbidden = self.place % 2 != 0;
        }
        Ok(())
    }
}

fn report_of(flaw: Flaw) -> CheckReport {
    let made = Cell::new(0);
    let make = || {
        made.set(made.get() + 1);
        Line::new(flaw, made.get())
    };
    let result = EnvCheck::new(3).with_max_steps(500).run(make);
    let failed = result.is_err();
    let report = result.unwrap_or_else(|error| error.report().clone());
    assert_eq!(failed, report.errors().next().is_some(), "{flaw:?}: {report}");
    report
}

/// Every flaw, the check and the severity that it must be found with, and words of the finding.
const FLAWS: [(Flaw, Check, Severity, &str); 34] = [
    (NoChoices, Check::Spaces, Severity::Error, "the action space makes no sense"),
    (MaskOnBox, Check::Spaces, Severity::Error, "actions of Box(1, from -1 to 1) cannot be masked"),
    (BadImage, Check::Spaces, Severity::Error, "an image of [1, 2, 2] is no observation of Box(2,"),
    (OtherInstance, Check::Spaces, Severity::Error, "a new instance has the spaces Box(2, from -20 to 22)"),
    (GrowingSpace, Check::Spaces, Severity::Error, "the instance that has walked has the spaces"),
    (
        ResetFailsAfterTheEnd,
        Check::Reset,
        Severity::Error,
        "episode 1, step 0: it failed: the line is used up",
    ),
    (ResetPanics, Check::Reset, Severity::Error, "episode 0, step 0: it panicked: no line today"),
    (RefusesAnAction, Check::Step, Severity::Error, "on the action [2.0] it failed: action 2 is not allowed"),
    (Fails, Check::Step, Severity::Error, "episode 0, step 9: on the action"),
    (Panics, Check::Step, Severity::Error, "it panicked: the line tore"),
    (
        UnwrittenAtReset,
        Check::Observation,
        Severity::Error,
        "5 times, first in episode 0, step 0: observation[1] was not",
    ),
    (
        Unwritten,
        Check::Observation,
        Severity::Error,
        "5 times, first in episode 0, step 5: observation[1] was not",
    ),
    (
        UnwrittenAtTheEnd,
        Check::FinalObservation,
        Severity::Error,
        "first in episode 0, step 12: observation[0] was not",
    ),
    (NotFinite, Check::Observation, Severity::Error, "first in episode 0, step 7: observation[1] is inf"),
    (Outside, Check::Observation, Severity::Error, "step 3: observation[0] is 50, outside [-20, 20]"),
    (OutsideAtTheEnd, Check::FinalObservation, Severity::Error, "step 12: observation[0] is -50, outside"),
    (BadReward, Check::Reward, Severity::Error, "step 9: the reward is NaN for the action"),
    (FinalIsPrevious, Check::FinalObservation, Severity::Warning, "always the observation before it"),
    (FinalIsFirst, Check::FinalObservation, Severity::Warning, "always the first observation of the episode"),
    (ResetsItself, Check::FinalObservation, Severity::Warning, "it depends on the random stream"),
    (EmptyMask, Check::Mask, Severity::Error, "episode 0, step 6: it allows no action"),
    (UnwrittenMask, Check::Mask, Severity::Error, "mask[0] was not written"),
    (UnenforcedMask, Check::Mask, Severity::Warning, "the mask forbids the action [2.0], but it was taken"),
    (SilentMask, Check::Mask, Severity::Warning, "has_action_mask says that there is no mask"),
    (
        TakesAnything,
        Check::InvalidAction,
        Severity::Warning,
        "4 times: an action with -1 at place 0 is not in",
    ),
    (
        PanicsOnTheInvalid,
        Check::InvalidAction,
        Severity::Warning,
        "an action with 3 at place 0 is not in Discrete(3), but it panicked",
    ),
    (Global, Check::Determinism, Severity::Error, "episode 0, step 1: two instances with the same stream"),
    (LeftOver, Check::NewEpisode, Severity::Warning, "episode 1, step 1: a new instance differs"),
    (ForgottenField, Check::Restore, Severity::Error, "a new instance that was restored differs"),
    (
        RestoresSparingly,
        Check::Restore,
        Severity::Error,
        "an instance that was in another episode and then restored",
    ),
    (MaskNotRestored, Check::Restore, Severity::Error, "mask[2] is"),
    (
        CountsSaves,
        Check::Restore,
        Severity::Warning,
        "saving again right after restoring gives another state",
    ),
    (TakesForeignStates, Check::ForeignState, Severity::Warning, "it was restored like any other"),
    (NeverEnds, Check::EpisodeEnd, Severity::Warning, "episode 0, step 500: it did not end within 500 steps"),
];

/// A flaw is found by its check, with these words, and no other check cries wolf; but a global also disturbs
/// what is restored.
#[test]
fn every_flaw_is_found_by_its_check() {
    let mut wrong = Vec::new();
    for (flaw, check, severity, words) in FLAWS {
        let report = report_of(flaw);
        let found = |text: String| text.contains(words);
        let hit = report.findings().iter().any(|finding| {
            (finding.check, finding.severity) == (check, severity) && found(finding.to_string())
        });
        let mut others = report.findings().iter().map(|f| f.check).filter(|&other| other != check);
        let alone = match flaw {
            Global => others.all(|other| [Check::Restore, Check::NewEpisode].contains(&other)),
            _ => others.next().is_none(),
        };
        if !(hit && alone) {
            wrong.push(format!("{flaw:?}: {report}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(report_of(Flawless).findings().is_empty(), "{}", report_of(Flawless));
}

/// Two dials of 2 and 3 choices for 6 steps; where the first stood last, it must not stand again, nor the
/// second on 2 before the third step.
#[derive(Debug, Default)]
struct Dials {
    last: usize,
    taken: u32,
    enforced: bool,
}

impl Env for Dials {
    fn observation_space(&self) -> Space {
        Space::MultiBinary { n: 1 }
    }

    fn action_space(&self) -> Space {
        Space::MultiDiscrete { sizes: vec![2, 3] }
    }

    fn reset(&mut self, _rng: &mut Stream, row: &mut [f32]) -> Result<(), EnvError> {
        (self.last, self.taken) = (0, 0);
        row[0] = 0.0;
        Ok(())
    }

    fn step(&mut self, action: &[f32], _rng: &mut Stream, row: &mut [f32]) -> Result<Step, EnvError> {
        self.action_space().check(action)?;
        let [first, second] = [action[0] as usize, action[1] as usize];
        if self.enforced && (first == self.last || (second == 2 && self.taken < 2)) {
            return Err(EnvError::forbidden_action(action, "turn the first dial"));
        }
        (self.last, self.taken) = (first, self.taken + 1);
        row[0] = first as f32;
        Ok(if self.taken == 6 { Step::terminated(0.0) } else { Step::running(0.0) })
    }

    fn has_action_mask(&self) -> bool {
        true
    }

    fn action_mask(&self, mask: &mut [bool]) {
        mask.copy_from_slice(&[self.last != 0, self.last != 1, true, true, self.taken >= 2]);
    }

    fn save(&self) -> State {
        State::of("Dials", &(self.last, self.taken))
    }

    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        (self.last, self.taken) = state.get("Dials")?;
        Ok(())
    }
}

/// A mask of several parts leaves a choice in each.
#[test]
fn masks_of_several_parts_are_respected() {
    passes("Dials", || Dials { enforced: true, ..Dials::default() });
    let report = check_env(Dials::default, 0).expect("only a warning");
    let found: Vec<_> = report.findings().iter().map(|finding| (finding.check, finding.severity)).collect();
    assert_eq!(found, [(Check::Mask, Severity::Warning)], "{report}");
}

#[test]
fn faulty_fails() {
    let cases = [
        (Fault::Observation(1, f32::NAN), Check::Observation),
        (Fault::Reward(f64::NEG_INFINITY), Check::Reward),
        (Fault::Failure, Check::Step),
        (Fault::NoActionAllowed, Check::Mask),
    ];
    for (fault, check) in cases {
        let failed = check_env(|| TimeLimit::new(Faulty::new(fault, 2), 20), 0).expect_err("a fault");
        let errors: Vec<_> = failed.report().errors().collect();
        assert!(matches!(errors[..], [error] if error.check == check), "{failed}");
        assert_eq!(errors[0].place.map(|place| (place.episode, place.step)), Some((0, 2)));
    }
}

/// The text says what, where, and how to mend it; and it is the text of the error.
#[test]
fn the_report_in_words() {
    let failed = EnvCheck::new(3).run(|| Line::new(Outside, 0)).expect_err("outside");
    let expected = "1 error and 0 warnings in 5 episodes, 60 steps\n\
                    error: observation, 5 times, first in episode 0, step 3: observation[0] is 50, outside \
                    [-20, 20]\n  to mend it: clip the observation, or widen the observation space; bounds may \
                    be infinite";
    assert_eq!(failed.to_string(), expected);
    let report = report_of(NeverEnds);
    assert_eq!((report.episodes(), report.steps(), report.warnings().count()), (0, 500, 1));
}

/// The same seed finds the same.
#[test]
fn a_check_repeats_itself() {
    let run = |seed| -> Result<CheckReport, CheckFailed> { check_env(|| Line::new(ForgottenField, 0), seed) };
    assert_eq!(run(1), run(1));
    assert!(run(1).is_err() && run(2).is_err());
}
