//! Trust regions, and what happens without one.

use super::study::{Study, Variant};

/// Learning rates of REINFORCE, half a decade apart.
const LEARNING_RATES: [&str; 7] = ["0.0001", "0.0003", "0.001", "0.003", "0.01", "0.03", "0.1"];

/// NPG, four kinds of TRPO, and REINFORCE with one learning rate after the other.
pub(super) fn study() -> Study {
    let mut variants = vec![
        Variant::new("npg", "npg", Vec::new()),
        Variant::new("trpo", "trpo", Vec::new()),
        Variant::new("trpo-max-kl", "trpo-max-kl", Vec::new()),
        Variant::new("trpo-vine", "trpo-vine", Vec::new()),
        Variant::new("trpo-empirical", "trpo", vec!["fisher=empirical".into()]),
    ];
    variants.extend(LEARNING_RATES.map(|rate| {
        let sets = vec![format!("learning_rate={rate}")];
        Variant::new(format!("reinforce-lr-{rate}"), "reinforce", sets)
    }));
    Study {
        name: "trust-region",
        title: "Trust regions",
        about: "The natural policy gradient, whose step is δ long by the quadratic model alone; TRPO, whose line search \
                holds the mean\nKL divergence itself to δ; TRPO with the bound on the divergence of every state; TRPO by the \
                vine, whose steps\ninclude those of its roll-outs; TRPO with the empirical Fisher matrix. δ is the same for \
                a task, and all else as\nin the preset of each algorithm. Beside them REINFORCE with learning rates half a \
                decade apart: how much does the\nlength of a step decide?",
        baseline: "trpo",
        variants,
        has_searches: true,
    }
}
