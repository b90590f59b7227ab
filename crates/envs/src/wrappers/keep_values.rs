//! Observations that do not tell everything.

use gradus_core_math::Stream;

use crate::{Env, EnvError, Space, State, Step};

const NAME: &str = "KeepValues";

/// Shows some of the values of a box alone, in a given order: a task whose velocities are hidden, say, which then asks
/// for a policy that remembers.
#[derive(Clone, Debug)]
pub struct KeepValues<E> {
    env: E,
    kept: Vec<usize>,
    /// The whole observation.
    whole: Vec<f32>,
}

impl<E: Env> KeepValues<E> {
    /// Shows the values `kept` of the observations of `env`.
    ///
    /// # Panics
    /// When the observations of `env` are no [`Space::Box`], or `kept` is empty or names a value that is not there.
    ///
    /// ```
    /// use gradus_core_math::Stream;
    /// use gradus_envs::classic::CartPole;
    /// use gradus_envs::{Env, KeepValues};
    ///
    /// // The places of cart and pole, without their velocities.
    /// let mut env = KeepValues::new(CartPole::v1(), &[0, 2]);
    /// let mut observation = [0.0; 2];
    /// env.reset(&mut Stream::new(0, "environment", 0), &mut observation)?;
    /// # Ok::<(), gradus_envs::EnvError>(())
    /// ```
    pub fn new(env: E, kept: &[usize]) -> Self {
        let space = env.observation_space();
        let width = space.width();
        assert!(
            matches!(space, Space::Box { .. }),
            "only the values of a box can be hidden, not those of {space}"
        );
        assert!(!kept.is_empty(), "at least one value is shown");
        assert!(kept.iter().all(|&i| i < width), "{kept:?} names a value that is not among {width}");
        Self { env, kept: kept.to_vec(), whole: vec![0.0; width] }
    }

    /// The environment inside.
    pub fn env(&self) -> &E {
        &self.env
    }

    fn show(&self, observation: &mut [f32]) {
        observation.iter_mut().zip(&self.kept).for_each(|(shown, &i)| *shown = self.whole[i]);
    }
}

impl<E: Env> Env for KeepValues<E> {
    fn observation_space(&self) -> Space {
        match self.env.observation_space() {
            Space::Box { low, high } => {
                let of = |bounds: &[f32]| self.kept.iter().map(|&i| bounds[i]).collect();
                Space::Box { low: of(&low), high: of(&high) }
            }
            // Refused by `new`.
            other => other,
        }
    }

    fn action_space(&self) -> Space {
        self.env.action_space()
    }

    fn reset(&mut self, rng: &mut Stream, observation: &mut [f32]) -> Result<(), EnvError> {
        self.env.reset(rng, &mut self.whole)?;
        self.show(observation);
        Ok(())
    }

    fn step(&mut self, action: &[f32], rng: &mut Stream, observation: &mut [f32]) -> Result<Step, EnvError> {
        let step = self.env.step(action, rng, &mut self.whole)?;
        self.show(observation);
        Ok(step)
    }

    fn has_action_mask(&self) -> bool {
        self.env.has_action_mask()
    }

    fn action_mask(&self, mask: &mut [bool]) {
        self.env.action_mask(mask);
    }

    fn save(&self) -> State {
        State::of(NAME, &self.env.save())
    }

    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        let inner: State = state.get(NAME)?;
        self.env.restore(&inner)
    }
}
