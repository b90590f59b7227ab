//! What is measured, of whom, and what is aimed at.

/// A library, ours first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Library {
    Gradus,
    Rejax,
    StableBaselines3,
    Sb3Contrib,
    Gymnasium,
    EnvPool,
}

impl Library {
    pub(super) fn name(self) -> &'static str {
        match self {
            Library::Gradus => "gradus",
            Library::Rejax => "rejax",
            Library::StableBaselines3 => "stable-baselines3",
            Library::Sb3Contrib => "sb3-contrib",
            Library::Gymnasium => "gymnasium",
            Library::EnvPool => "envpool",
        }
    }

    /// What is installed together, by the name of its file `benches/peers/requirements-….txt`; none for ours.
    pub(super) fn group(self) -> Option<&'static str> {
        match self {
            Library::Gradus => None,
            Library::Sb3Contrib => Some("stable-baselines3"),
            _ => Some(self.name()),
        }
    }
}

/// What is told of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantity {
    /// Environment steps a second.
    Rate,
    /// Seconds of one update.
    Update,
    /// Seconds of a whole process, from its start to its end.
    Wall,
    /// The most memory that was resident, in MiB.
    Memory,
}

impl Quantity {
    pub(super) fn name(self) -> &'static str {
        match self {
            Quantity::Rate => "steps a second",
            Quantity::Update => "one update",
            Quantity::Wall => "whole process",
            Quantity::Memory => "resident memory",
        }
    }

    /// How many times as good `ours` is as `theirs`: of times and memory, less is better.
    pub(super) fn ratio(self, ours: f64, theirs: f64) -> f64 {
        match self {
            Quantity::Rate => ours / theirs,
            Quantity::Update | Quantity::Wall | Quantity::Memory => theirs / ours,
        }
    }
}

/// PPO with two separate networks, with tanh after each hidden layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ppo {
    pub(super) env: &'static str,
    /// Widths of the observation and of the policy's outputs.
    pub(super) widths: (usize, usize),
    pub(super) n_envs: usize,
    pub(super) n_steps: usize,
    pub(super) epochs: usize,
    pub(super) minibatch_size: usize,
    pub(super) hidden: [usize; 2],
}

/// What is done.
#[derive(Clone, Copy, Debug)]
pub(super) enum Task {
    /// Steady training.
    Ppo(Ppo),
    /// Steady training with sb3-contrib's default settings.
    Trpo { env: &'static str },
    /// CartPole with RL Baselines3 Zoo's settings for PPO, until the last 100 episodes have a mean return of 475.
    Solve,
    /// Training CartPole, watched for its memory.
    Memory,
    /// Stepping with random actions, on one thread.
    Steps { env: &'static str },
}

/// What is aimed at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// To be so many times as good as another library.
    Times(Quantity, Library, f64),
    /// So many steps a second.
    RateAtLeast(f64),
    /// A whole process within so many seconds.
    WallAtMost(f64),
    /// No more memory, in MiB.
    MemoryAtMost(f64),
    /// A share of the peak of fused multiply-adds.
    ShareAtLeast(f64),
}

/// One line of the comparison.
#[derive(Clone, Copy, Debug)]
pub(super) struct Workload {
    pub(super) name: &'static str,
    pub(super) task: Task,
    pub(super) quantities: &'static [Quantity],
    /// Each with the environment steps, or updates, that take it some seconds.
    pub(super) peers: &'static [(Library, u64)],
    /// The same of ours.
    pub(super) amount: u64,
    pub(super) targets: &'static [Target],
}

/// Two networks of 2×64 on CartPole, 8 environments of 128 steps, 4 epochs of 4 minibatches.
const BASE: Ppo = Ppo {
    env: "CartPole-v1",
    widths: (4, 2),
    n_envs: 8,
    n_steps: 128,
    epochs: 4,
    minibatch_size: 256,
    hidden: [64, 64],
};

/// The settings of RL Baselines3 Zoo for PPO on CartPole, which are those of our preset.
pub(super) const ZOO: Ppo = Ppo { n_steps: 32, epochs: 20, minibatch_size: 256, ..BASE };

/// What the memory of the others is read on.
pub(super) const WATCHED: Ppo = BASE;

/// How `gradus` and the peers are told of stepping: so many environments side by side.
pub(super) const STEPPED_ENVS: usize = 64;

/// The mean return of 100 episodes at which CartPole counts as solved.
pub(super) const SOLVED: f64 = 475.0;

/// All of them. For stepping the amount is in thousandths of a second.
pub(super) const WORKLOADS: [Workload; 14] = [
    ppo(
        "ppo CartPole 8x128",
        BASE,
        3_000_000,
        &[(Library::Rejax, 500_000), (Library::StableBaselines3, 30_000)],
        &[
            Target::Times(Quantity::Rate, Library::Rejax, 5.0),
            Target::Times(Quantity::Rate, Library::StableBaselines3, 70.0),
            Target::ShareAtLeast(0.65),
        ],
    ),
    ppo(
        "ppo CartPole 64x32",
        Ppo { n_envs: 64, n_steps: 32, minibatch_size: 512, ..BASE },
        3_000_000,
        &[(Library::Rejax, 500_000), (Library::StableBaselines3, 60_000)],
        &[Target::Times(Quantity::Rate, Library::Rejax, 5.0)],
    ),
    ppo(
        "ppo CartPole 8x256, 10 epochs of 64",
        Ppo { n_steps: 256, epochs: 10, minibatch_size: 64, ..BASE },
        1_500_000,
        &[(Library::Rejax, 250_000), (Library::StableBaselines3, 12_000)],
        &[Target::Times(Quantity::Rate, Library::Rejax, 5.0)],
    ),
    ppo(
        "ppo CartPole 8x128, nets 2x256",
        Ppo { hidden: [256, 256], ..BASE },
        300_000,
        &[(Library::Rejax, 150_000), (Library::StableBaselines3, 20_000)],
        &[Target::Times(Quantity::Rate, Library::Rejax, 2.0)],
    ),
    ppo(
        "ppo Pendulum 8x128",
        Ppo { env: "Pendulum-v1", widths: (3, 1), ..BASE },
        2_500_000,
        &[(Library::Rejax, 500_000), (Library::StableBaselines3, 30_000)],
        &[Target::Times(Quantity::Rate, Library::Rejax, 4.0)],
    ),
    trpo("trpo CartPole", "CartPole-v1"),
    trpo("trpo Pendulum", "Pendulum-v1"),
    Workload {
        name: "solve CartPole",
        task: Task::Solve,
        quantities: &[Quantity::Wall],
        peers: &[(Library::StableBaselines3, 100_000)],
        amount: 100_000,
        targets: &[Target::WallAtMost(0.35)],
    },
    Workload {
        name: "memory CartPole",
        task: Task::Memory,
        quantities: &[Quantity::Memory],
        peers: &[(Library::Rejax, 50_000), (Library::StableBaselines3, 10_000)],
        amount: 100_000,
        targets: &[Target::MemoryAtMost(20.0)],
    },
    steps("steps CartPole", "CartPole-v1", &[Target::RateAtLeast(34e6)]),
    steps("steps Acrobot", "Acrobot-v1", &[]),
    steps("steps MountainCar", "MountainCar-v0", &[]),
    steps("steps MountainCarContinuous", "MountainCarContinuous-v0", &[]),
    steps("steps Pendulum", "Pendulum-v1", &[]),
];

const fn ppo(
    name: &'static str,
    ppo: Ppo,
    amount: u64,
    peers: &'static [(Library, u64)],
    targets: &'static [Target],
) -> Workload {
    Workload { name, task: Task::Ppo(ppo), quantities: &[Quantity::Rate], peers, amount, targets }
}

const fn trpo(name: &'static str, env: &'static str) -> Workload {
    Workload {
        name,
        task: Task::Trpo { env },
        quantities: &[Quantity::Update, Quantity::Rate],
        peers: &[(Library::Sb3Contrib, 5)],
        amount: 150,
        targets: &[
            Target::Times(Quantity::Update, Library::Sb3Contrib, 18.0),
            Target::Times(Quantity::Rate, Library::Sb3Contrib, 40.0),
        ],
    }
}

const fn steps(name: &'static str, env: &'static str, targets: &'static [Target]) -> Workload {
    let (task, quantities, peers): (_, &'static [Quantity], &'static [(Library, u64)]) =
        (Task::Steps { env }, &[Quantity::Rate], &[(Library::Gymnasium, 1_000), (Library::EnvPool, 1_000)]);
    Workload { name, task, quantities, peers, amount: 1_000, targets }
}

impl Workload {
    /// Runs of each library for so many repeats: a seed solves its task or does not, so there are twice as many.
    pub(super) fn rounds(&self, repeats: usize) -> usize {
        if matches!(self.task, Task::Solve) { 2 * repeats } else { repeats }
    }

    /// Ours and the peers.
    pub(super) fn libraries(&self) -> impl Iterator<Item = (Library, u64)> {
        std::iter::once((Library::Gradus, self.amount)).chain(self.peers.iter().copied())
    }
}

impl Ppo {
    /// Multiplications and additions for one environment step, of the products with weights alone.
    ///
    /// A product with a matrix of W weights costs 2W for a row. Acting is one forward pass of the policy, the values one of
    /// the critic, with one row more for each environment behind the end of the rollout: 1/T rows a step. In each epoch
    /// a row goes forward and back through both; back are two products with each matrix, the gradient of the weights
    /// and the one passed down, but for the first layer, because observations have no gradient.
    pub(super) fn flop_per_step(&self) -> f64 {
        let (policy, critic) = (self.matrices(self.widths.1), self.matrices(1));
        let weights = |matrices: &[usize; 3]| matrices.iter().sum::<usize>() as f64;
        let forward = |matrices: &[usize; 3]| 2.0 * weights(matrices);
        let backward = |matrices: &[usize; 3]| 2.0 * (2.0 * weights(matrices) - matrices[0] as f64);
        let values = 1.0 + 1.0 / self.n_steps as f64;
        let epoch = forward(&policy) + backward(&policy) + forward(&critic) + backward(&critic);
        forward(&policy) + values * forward(&critic) + self.epochs as f64 * epoch
    }

    /// Weights between the layers of a network with so many outputs.
    fn matrices(&self, outputs: usize) -> [usize; 3] {
        let [first, second] = self.hidden;
        [self.widths.0 * first, first * second, second * outputs]
    }
}
