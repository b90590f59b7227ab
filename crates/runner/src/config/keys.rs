//! The keys of a training run.

use std::ops::Bound::{Excluded, Included, Unbounded};

use super::{Key, Kind};

const PPO_PAPER: &str = "Schulman et al. 2017, Table 3";
const PPO_CLIPPING: &str = "Schulman et al. 2017, Table 1";
const PPO_ADAPTIVE: &str = "Schulman et al. 2017, section 4";
const PPO_NETWORK: &str = "Schulman et al. 2017, section 6.1";
const SB3: &str = "stable-baselines3, PPO";
const TRPO_PAPER: &str = "Schulman et al. 2015, section 8";
const SB3_TRPO: &str = "stable-baselines3-contrib, TRPO";
const SB3_A2C: &str = "stable-baselines3, A2C";
const REINFORCE_PAPER: &str = "Williams 1992";
const PRACTICE: &str = "Sutton & Barto, section 13.3: practice";
const ACER: &str = "Wang et al. 2016, section 6";
const CEM_PAPER: &str = "Szita & Lőrincz 2006";
const RSL_RL: &str = "rsl_rl";
const TRPO_CRITIC: &str = "stable-baselines3-contrib, TRPO's critic";
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
    Key::new("threads", Kind::Integer(1, 1024), "Threads to compute on; with none, as many as are found to be the fastest.")
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
    Key::new("learning_rate", POSITIVE, "The optimiser's step size, at the beginning.")
        .default("3e-4", PPO_PAPER),
    Key::new(
        "learning_rate_schedule",
        Kind::Choice(&["constant", "linear", "kl-adaptive"]),
        "Whether it stays, falls to 0 at the end of training, or (PPO) follows the KL divergence of the updates.",
    )
    .default("constant", SB3),
    Key::new(
        "learning_rate_kl_target",
        POSITIVE,
        "PPO: KL(old, new) of an update that a kl-adaptive learning rate aims at.",
    )
    .default("0.01", RSL_RL),
    Key::new(
        "optimizer",
        Kind::Choice(&["adam", "rmsprop", "plain"]),
        "REINFORCE, A2C: what turns gradients into steps; with none, adam for REINFORCE, rmsprop for A2C.",
    )
    .optional()
    .default("none", SB3_A2C),
    Key::new("gamma", FRACTION, "Discount of future rewards.").default("0.99", PPO_PAPER),
    Key::new("gae_lambda", FRACTION, "Bias against variance in the advantages: 0 is TD, 1 Monte Carlo.")
        .default("0.95", PPO_PAPER),
    Key::new(
        "advantage_estimator",
        Kind::Choice(&[
            "gae",
            "td",
            "n-step",
            "monte-carlo",
            "reward-to-go",
            "whole-return",
            "bootstrapped-return",
        ]),
        "What weighs an action: an advantage (the first four), or for REINFORCE a return; with none, reward-to-go for REINFORCE, gae for the others.",
    )
    .optional()
    .default("none", OURS),
    Key::new("advantage_steps", COUNT, "The steps of the estimator n-step.").default("5", SB3_A2C),
    Key::new(
        "discount_weights",
        Kind::Bool,
        "REINFORCE: whether step t counts gamma^t, which makes the gradient that of the discounted return.",
    )
    .default("false", PRACTICE),
    Key::new(
        "baseline",
        Kind::Choice(&["none", "running-mean", "value"]),
        "REINFORCE: what is subtracted from returns: nothing, their mean in earlier updates, or a critic's value.",
    )
    .default("value", REINFORCE_PAPER),
    Key::new(
        "baseline_decay",
        FRACTION,
        "REINFORCE: what an update counts in the running mean beside the one after it.",
    )
    .default("0.9", OURS),
    Key::new("critic_learning_rate", POSITIVE, "REINFORCE: the step size of a critic that is the baseline.")
        .default("1e-3", TRPO_CRITIC),
    Key::new(
        "row_max_kl",
        NOT_NEGATIVE,
        "A2C with a trust region: how much KL(average, new) of a state may grow along its gradient.",
    )
    .default("1.0", ACER),
    Key::new(
        "average_decay",
        FRACTION,
        "A2C with a trust region: what is kept of the average policy in an update.",
    )
    .default("0.99", ACER),
    Key::new(
        "clip_epsilon",
        Kind::Float(Excluded(0.0), Excluded(1.0)),
        "How far from 1 the probability ratio still counts, at the beginning.",
    )
    .default("0.2", PPO_CLIPPING),
    Key::new("clip_schedule", SCHEDULE, "Whether it stays or falls to 0 at the end of training.")
        .default("constant", SB3),
    Key::new(
        "dual_clip",
        Kind::Float(Excluded(1.0), Unbounded),
        "PPO: the multiple of a negative advantage below which no ratio takes a step's objective; 3 in Ye et al. 2020.",
    )
    .optional()
    .default("none", SB3),
    Key::new(
        "kl_coef",
        NOT_NEGATIVE,
        "PPO with a penalty: the weight of KL(old, new), at the beginning where it adapts.",
    )
    .default("1.0", PPO_CLIPPING),
    Key::new("kl_coef_target", POSITIVE, "PPO with an adaptive penalty: KL(old, new) of an update that kl_coef aims at.")
        .default("0.01", PPO_CLIPPING),
    Key::new(
        "kl_low",
        NOT_NEGATIVE,
        "PPO with an adaptive penalty: KL(old, new) below which kl_coef falls; with none, kl_coef_target / 1.5.",
    )
    .optional()
    .default("none", PPO_ADAPTIVE),
    Key::new(
        "kl_high",
        POSITIVE,
        "PPO with an adaptive penalty: KL(old, new) above which kl_coef rises; with none, 1.5 kl_coef_target.",
    )
    .optional()
    .default("none", PPO_ADAPTIVE),
    Key::new(
        "kl_coef_factor",
        Kind::Float(Excluded(1.0), Unbounded),
        "PPO with an adaptive penalty: by what kl_coef rises or falls.",
    )
    .default("2.0", PPO_ADAPTIVE),
    Key::new(
        "normalize_value",
        Kind::Bool,
        "PPO: whether the critic is fitted to targets with running mean 0 and deviation 1.",
    )
    .default("false", SB3),
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
    Key::new("max_kl", POSITIVE, "TRPO, NPG: the bound on the mean of KL(old, new) of an update; trpo-max-kl: on that of every state.")
        .default("0.01", TRPO_PAPER),
    Key::new(
        "fisher",
        Kind::Choice(&["analytic", "empirical"]),
        "TRPO, NPG: the matrix of the natural gradient: the KL's Hessian, or outer products of the scores.",
    )
    .default("analytic", TRPO_PAPER),
    Key::new(
        "fisher_fraction",
        Kind::Float(Excluded(0.0), Included(1.0)),
        "TRPO, NPG: the share of an update's states that this matrix is made of.",
    )
    .default("1.0", SB3_TRPO),
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
    Key::new(
        "vine_states",
        COUNT,
        "trpo-vine: states of each environment, in a rollout, in which several actions are tried out.",
    )
    .default("16", OURS),
    Key::new(
        "vine_actions",
        Kind::Integer(2, 65_536),
        "trpo-vine: actions that are tried in a state; all of them where a choice has no more.",
    )
    .default("4", TRPO_PAPER),
    Key::new(
        "vine_length",
        Kind::Integer(1, 1_000_000),
        "trpo-vine: the most steps of a roll-out by which an action is valued.",
    )
    .default("50", TRPO_PAPER),
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
    Key::new(
        "population",
        Kind::Integer(2, 1_000_000),
        "CEM, CMA-ES: candidates of a generation; with none, 100 for CEM, 4 + 3 ln(parameters) for CMA-ES.",
    )
    .optional()
    .default("none", OURS),
    Key::new(
        "episodes_per_candidate",
        Kind::Integer(1, 1_000_000),
        "CEM, CMA-ES: episodes by whose mean return a candidate is judged, the same for all of a generation.",
    )
    .default("1", OURS),
    Key::new(
        "initial_deviation",
        POSITIVE,
        "CEM, CMA-ES: standard deviation of every parameter in the first generation.",
    )
    .default("0.3", OURS),
    Key::new(
        "elite_fraction",
        Kind::Float(Excluded(0.0), Included(1.0)),
        "CEM: share of the candidates that the next generation is fitted to; at least 2 of them.",
    )
    .default("0.1", CEM_PAPER),
    Key::new(
        "smoothing",
        Kind::Float(Excluded(0.0), Included(1.0)),
        "CEM: how much of mean and variance comes from the new elite.",
    )
    .default("1.0", CEM_PAPER),
    Key::new(
        "extra_noise",
        NOT_NEGATIVE,
        "CEM: what is added to every variance at first, in units of initial_deviation squared.",
    )
    .default("0.05", CEM_PAPER),
    Key::new(
        "noise_generations",
        COUNT,
        "CEM: generations in which extra_noise falls to 0; with none, it stays.",
    )
    .optional()
    .default("50", CEM_PAPER),
    Key::new(
        "covariance",
        Kind::Choice(&["auto", "full", "diagonal"]),
        "CMA-ES: what the covariance looks like; auto is full up to 500 parameters.",
    )
    .default("auto", OURS),
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
