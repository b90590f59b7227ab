//! What keeps PPO's policy near the old one: the design of Table 1 in Schulman et al. 2017.

use super::study::{Study, Variant};

/// ε of the clipped objective in Table 1.
const EPSILONS: [&str; 3] = ["0.1", "0.2", "0.3"];

/// `d_targ` of the adaptive penalty in Table 1.
const TARGETS: [&str; 3] = ["0.003", "0.01", "0.03"];

/// β of the fixed penalty in Table 1.
const COEFFICIENTS: [&str; 4] = ["0.3", "1", "3", "10"];

/// The rows of Table 1, in its order.
pub(super) fn study() -> Study {
    // A penalty of weight 0 is the plain surrogate, r A: nothing is clipped, and nothing is subtracted.
    let mut variants = vec![Variant::new("no-clipping", "ppo-penalty", vec!["kl_coef=0".into()])];
    variants.extend(EPSILONS.map(|epsilon| {
        // Some presets let ε fall with the steps; in the table it stays.
        let sets = vec![format!("clip_epsilon={epsilon}"), "clip_schedule=constant".into()];
        Variant::new(format!("clip-{epsilon}"), "ppo", sets)
    }));
    variants.extend(TARGETS.map(|target| {
        let sets = vec![format!("kl_coef_target={target}"), "kl_coef=1".into()];
        Variant::new(format!("adaptive-kl-{target}"), "ppo-adaptive-kl", sets)
    }));
    variants.extend(COEFFICIENTS.map(|coefficient| {
        let sets = vec![format!("kl_coef={coefficient}")];
        Variant::new(format!("fixed-kl-{coefficient}"), "ppo-penalty", sets)
    }));
    Study {
        name: "clipping",
        title: "Clipping and penalties",
        about: "The design of Table 1 in Schulman et al. 2017, there with seven tasks of MuJoCo and three seeds: no clipping \
                or penalty,\nclipping with three ε, a penalty on the KL divergence that adapts to three targets, and one that \
                is fixed at four β.\nAll else is as in the task's preset for `ppo`, with which the presets of the \
                penalties agree. *no-clipping* is a\npenalty of weight 0, which is exactly the plain surrogate. The \
                adaptive β begins at 1, as in the paper. ε stays\nconstant, also where a preset lets it fall.",
        baseline: "clip-0.2",
        variants,
        has_searches: false,
    }
}
