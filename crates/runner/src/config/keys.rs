//! The keys of a training run.

use std::ops::Bound::{Excluded, Included, Unbounded};

use super::{Key, Kind};

const PPO_PAPER: &str = "Schulman et al. 2017, Table 3";
const PPO_CLIPPING: &str = "Schulman et al. 2017, Table 1";
const PPO_NETWORK: &str = "Schulman et al. 2017, section 6.1";
const SB3: &str = "stable-baselines3, PPO";
const TRPO_PAPER: &str = "Schulman et al. 2015, section 8";
const SB3_TRPO: &str = "stable-baselines3-contrib, TRPO";
const OURS: &str = "ours";

const COUNT: Kind = Kind::Integer(1, i64::MAX);
const POSITIVE: Kind = Kind::Float(Excluded(0.0), Unbounded);
const NOT_NEGATIVE: Kind = Kind::Float(Included(0.0), Unbounded);
const FRACTION: Kind = Kind::Float(Included(0.0), Included(1.0));
const SCHEDULE: Kind = Kind::Choice(&["constant", "linear"]);

/// Everything that can be set for a training run.
pub static KEYS: &[Key] = &[
    Key::new("env", Kind::Text, "The environment, as in `gradus envs`."),
    Key::new("algo", Kind::Text, "The algorithm.").default("ppo", OURS),
    Key::new("seed", Kind::Integer(0, i64::MAX), "The seed of everything random.").default("0", OURS),
    Key::new("total_steps", COUNT, "Environment steps to train for, over all environments together.")
        .default("100000", OURS),
    Key::new("threads", Kind::Integer(1, 1024), "Threads to compute on; with none, as many as help.")
        .optional()
        .default("none", OURS),
    Key::new(
        "device",
        Kind::Place(&["cpu", "flex", "ndarray", "wgpu"]),
        "Where networks are evaluated: fused kernels on cpu, Burn elsewhere.",
    )
    .default("cpu", OURS),
    Key::new("n_envs", Kind::Integer(1, 65_536), "Environments that are stepped side by side.")
        .default("1", OURS),
    Key::new("n_steps", Kind::Integer(1, 16_777_216), "Steps of each environment between two updates.")
        .default("2048", PPO_PAPER),
    Key::new("epochs", Kind::Integer(1, 1_000_000), "Passes over the collected steps in each update.")
        .default("10", PPO_PAPER),
    Key::new("minibatches", COUNT, "Minibatches that each pass is divided into, instead of minibatch_size.")
        .optional()
        .replaces(&["minibatch_size"]),
    Key::new("minibatch_size", COUNT, "Steps in a minibatch, instead of minibatches.")
        .optional()
        .default("64", PPO_PAPER)
        .replaces(&["minibatches"]),
    Key::new("learning_rate", POSITIVE, "Adam's step size, at the beginning.").default("3e-4", PPO_PAPER),
    Key::new("learning_rate_schedule", SCHEDULE, "Whether it stays or falls to 0 at the end of training.")
        .default("constant", SB3),
    Key::new("gamma", FRACTION, "Discount of future rewards.").default("0.99", PPO_PAPER),
    Key::new("gae_lambda", FRACTION, "Bias against variance in the advantages: 0 is TD, 1 Monte Carlo.")
        .default("0.95", PPO_PAPER),
    Key::new(
        "clip_epsilon",
        Kind::Float(Excluded(0.0), Excluded(1.0)),
        "How far from 1 the probability ratio still counts, at the beginning.",
    )
    .default("0.2", PPO_CLIPPING),
    Key::new("clip_schedule", SCHEDULE, "Whether it stays or falls to 0 at the end of training.")
        .default("constant", SB3),
    Key::new("value_clip_epsilon", POSITIVE, "How far values may move from the old ones and still count.")
        .optional()
        .default("none", SB3),
    Key::new("entropy_coef", NOT_NEGATIVE, "Weight of the entropy in the objective.").default("0.0", SB3),
    Key::new("value_coef", NOT_NEGATIVE, "Weight of the value loss in the objective.").default("0.5", SB3),
    Key::new("max_grad_norm", POSITIVE, "Length to which longer gradients are cut.")
        .optional()
        .default("0.5", SB3),
    Key::new("kl_target", POSITIVE, "KL(old, new) above which an update stops early.")
        .optional()
        .default("none", SB3),
    Key::new("max_kl", POSITIVE, "TRPO, NPG: the greatest mean of KL(old, new) of an update.")
        .default("0.01", TRPO_PAPER),
    Key::new("cg_iterations", Kind::Integer(1, 1_000_000), "TRPO, NPG: iterations of conjugate gradient.")
        .default("10", TRPO_PAPER),
    Key::new(
        "cg_damping",
        NOT_NEGATIVE,
        "TRPO, NPG: the multiple of the identity added to the Fisher matrix.",
    )
    .default("0.1", SB3_TRPO),
    Key::new(
        "backtrack_ratio",
        Kind::Float(Excluded(0.0), Excluded(1.0)),
        "TRPO: how much shorter each trial of the line search is than the one before.",
    )
    .default("0.8", SB3_TRPO),
    Key::new("max_backtracks", Kind::Integer(1, 1_000), "TRPO: the trials of the line search.")
        .default("10", SB3_TRPO),
    Key::new("normalize_advantage", Kind::Bool, "Whether advantages get mean 0 and deviation 1.")
        .default("true", SB3),
    Key::new("normalize_observation", Kind::Bool, "Whether observations are scaled by running moments.")
        .default("false", SB3),
    Key::new(
        "normalize_reward",
        Kind::Bool,
        "Whether rewards are scaled by the running deviation of returns.",
    )
    .default("false", SB3),
    Key::new(
        "network",
        Kind::Choice(&["dense", "conv", "gru"]),
        "What sees an observation before the hidden layers: nothing, convolutions over an image, a memory. The latter two need another device than cpu.",
    )
    .default("dense", OURS),
    Key::new(
        "conv_layers",
        Kind::Integers(1, 65_536),
        "Channels, kernel and stride of each convolution, one after the other; with none, those that suit the image.",
    )
    .optional()
    .default("none", OURS),
    Key::new("gru_width", Kind::Integer(1, 65_536), "Length of the memory's state.").default("64", OURS),
    Key::new(
        "sequence_length",
        Kind::Integer(1, 16_777_216),
        "Steps that a network with a memory is trained on in one piece; n_steps is a multiple of it.",
    )
    .default("32", OURS),
    Key::new("hidden", Kind::Integers(1, 65_536), "Widths of the hidden layers.")
        .default("[64, 64]", PPO_NETWORK),
    Key::new("activation", Kind::Choice(&["tanh", "relu"]), "What follows each hidden layer.")
        .default("tanh", PPO_NETWORK),
    Key::new("shared_trunk", Kind::Bool, "Whether policy and critic share their hidden layers.")
        .default("false", PPO_NETWORK),
    Key::new(
        "log_std_init",
        Kind::Float(Included(-20.0), Included(5.0)),
        "Log of the first standard deviation.",
    )
    .default("0.0", SB3),
    Key::new(
        "action_scaling",
        Kind::Choice(&["rescale", "clip"]),
        "Whether [-1, 1] is mapped onto the bounds of a box, or actions are clipped into them.",
    )
    .default("rescale", OURS),
    Key::new("eval_episodes", COUNT, "Episodes of an evaluation.").default("100", OURS),
    Key::new(
        "eval_every",
        COUNT,
        "Environment steps between evaluations during training; the best policy is kept.",
    )
    .optional()
    .default("none", OURS),
    Key::new(
        "target_return",
        Kind::Float(Unbounded, Unbounded),
        "Mean return of 100 training episodes at which training ends early.",
    )
    .optional()
    .default("none", OURS),
    Key::new("checkpoint_every", COUNT, "Environment steps between two checkpoints.").default("50000", OURS),
    Key::new("keep_checkpoints", COUNT, "How many of the last checkpoints are kept.").default("3", OURS),
];
