//! A game as an environment.

use gradus_core_math::Stream;

use super::{Action, Chance, Game, Planes, SIZE};
use crate::{Env, EnvError, Space, State, Step, TimeLimit, choice};

/// The probability that an action is not taken and the one before it repeated (Young & Tian 2019, as in
/// Machado et al. 2018 for Atari, there 0.25).
const STICKY_ACTIONS: f64 = 0.1;
/// The steps of [`MinAtar::v1`]. MinAtar has no limit, but a player without fault plays for ever.
pub(crate) const TIME_LIMIT: u64 = 5000;

/// A game of MinAtar as an environment: by default with sticky actions of probability 0.1, with difficulty
/// that rises where the game has that, and with the actions that do something in it.
///
/// With a probability that [`with_sticky_actions`](Self::with_sticky_actions) sets, a step does not take the
/// action that it is given, but once more the one that was taken last. Before the first step of an episode
/// that is none; MinAtar keeps the one of the episode before, which would make an episode depend on what was
/// before its reset.
#[derive(Clone, Debug)]
pub struct MinAtar<G> {
    game: G,
    last_action: Action,
    sticky_actions: f64,
    ramping: bool,
    actions: &'static [Action],
}

/// The game before the first reset has to be some game, but no stream is there yet to draw it.
struct NoChance;

impl Chance for NoChance {
    fn happens(&mut self, _probability: f64) -> bool {
        false
    }

    fn below(&mut self, _n: u8) -> u8 {
        0
    }
}

impl<G: Game> Default for MinAtar<G> {
    fn default() -> Self {
        Self {
            game: G::start(&mut NoChance),
            last_action: Action::Noop,
            sticky_actions: STICKY_ACTIONS,
            ramping: true,
            actions: G::MINIMAL_ACTIONS,
        }
    }
}

impl<G: Game> MinAtar<G> {
    /// The settings of the `-v1` environments of MinAtar's package, which are the defaults here, and at most
    /// 5000 steps.
    pub fn v1() -> TimeLimit<Self> {
        TimeLimit::new(Self::default(), TIME_LIMIT)
    }

    /// Repeats the last action with this probability instead of taking the given one.
    ///
    /// # Errors
    /// When it is not a probability.
    pub fn with_sticky_actions(mut self, probability: f64) -> Result<Self, EnvError> {
        if !(0.0..=1.0).contains(&probability) {
            let message = format!("the probability of a sticky action is {probability}, not within 0 and 1");
            return Err(EnvError::setup(message));
        }
        self.sticky_actions = probability;
        Ok(self)
    }

    /// Whether the game becomes harder as it goes on. Breakout and Freeway never do.
    pub fn with_difficulty_ramping(mut self, ramping: bool) -> Self {
        self.ramping = ramping;
        self
    }

    /// Offers all six actions, also those that do nothing in this game.
    pub fn with_full_action_set(mut self) -> Self {
        self.actions = &Action::ALL;
        self
    }

    /// The environment in the middle of a game, before which `last_action` was taken.
    pub fn with_state(mut self, game: G, last_action: Action) -> Self {
        (self.game, self.last_action) = (game, last_action);
        self
    }

    /// The state of the game.
    pub fn game(&self) -> &G {
        &self.game
    }

    /// The action that was taken last, and that a sticky action repeats.
    pub fn last_action(&self) -> Action {
        self.last_action
    }

    /// What each index means as an action.
    pub fn actions(&self) -> &'static [Action] {
        self.actions
    }

    /// A step with the chances of `chance`, first whether the action sticks.
    #[inline]
    pub fn play<C: Chance>(&mut self, action: Action, chance: &mut C) -> Step {
        if !chance.happens(self.sticky_actions) {
            self.last_action = action;
        }
        self.game.step(self.last_action, self.ramping, chance)
    }

    /// Writes the observation of the present state.
    #[inline]
    pub fn observe(&self, observation: &mut [f32]) {
        self.game.draw(&mut Planes::empty(observation));
    }
}

impl<G: Game> Env for MinAtar<G> {
    fn observation_space(&self) -> Space {
        Space::MultiBinary { n: shape::<G>().iter().product() }
    }

    fn action_space(&self) -> Space {
        Space::Discrete { n: self.actions.len() }
    }

    fn image_shape(&self) -> Option<[usize; 3]> {
        Some(shape::<G>())
    }

    fn reset(&mut self, rng: &mut Stream, observation: &mut [f32]) -> Result<(), EnvError> {
        self.game.restart(rng);
        self.last_action = Action::Noop;
        self.observe(observation);
        Ok(())
    }

    #[inline]
    fn step(&mut self, action: &[f32], rng: &mut Stream, observation: &mut [f32]) -> Result<Step, EnvError> {
        let action = self.actions[choice(action, self.actions.len())?];
        let step = self.play(action, rng);
        self.observe(observation);
        Ok(step)
    }

    fn save(&self) -> State {
        State::of(G::NAME, &(self.last_action, &self.game))
    }

    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        let (last_action, game): (Action, G) = state.get(G::NAME)?;
        if !game.is_sound() {
            return Err(EnvError::bad_state(format!("the saved state is none of {}", G::NAME)));
        }
        (self.last_action, self.game) = (last_action, game);
        Ok(())
    }
}

/// The shape of the observation.
const fn shape<G: Game>() -> [usize; 3] {
    [G::CHANNELS.len(), SIZE as usize, SIZE as usize]
}
