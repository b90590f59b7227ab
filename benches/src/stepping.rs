//! Stepping alone: environments at the start of their episodes, and actions for many steps, drawn beforehand.

use gradus_core_math::Stream;
use gradus_envs::{EnvInfo, VectorEnv};

/// Steps of each environment for which there are actions.
const N_STEPS: usize = 256;

/// Environments of one task with actions for [`steps`](Stepping::steps) steps of all together.
pub struct Stepping {
    envs: Box<dyn VectorEnv>,
    actions: Vec<f32>,
    action_width: usize,
}

impl Stepping {
    /// So many environments of a task, always the same.
    ///
    /// # Panics
    /// If the task cannot be made or started.
    pub fn new(info: &EnvInfo, n_envs: usize) -> Self {
        let mut envs = info.make_vector(n_envs, 0, 0).expect("a task of the registry");
        envs.reset_all().expect("a task that starts");
        let mut stream = Stream::new(0, "actions", 0);
        let space = envs.action_space();
        let action_width = n_envs * space.width();
        let mut actions = vec![0.0; N_STEPS * action_width];
        actions.chunks_exact_mut(space.width()).for_each(|action| space.sample(&mut stream, action));
        Self { envs, actions, action_width }
    }

    /// Steps that one [`run`](Stepping::run) does, over all environments.
    pub fn steps(&self) -> usize {
        N_STEPS * self.envs.n_envs()
    }

    /// Steps through all actions once, and gives the number of episodes that have ended. `seen` is shown the
    /// observations after each step.
    ///
    /// # Panics
    /// If the task fails.
    pub fn run(&mut self, mut seen: impl FnMut(&[f32])) -> usize {
        for row in self.actions.chunks_exact(self.action_width) {
            self.envs.step(row).expect("an action of the space");
            seen(self.envs.observations());
        }
        self.envs.drain_episodes().count()
    }
}
