//! Every algorithm on the classic tasks.

use gradus_runner::presets::PRESETS;

use super::scores;
use super::study::{Study, Variant};

/// Every algorithm that has a preset for a classic task, as the preset has it.
pub(super) fn study() -> Study {
    let mut variants: Vec<Variant> = Vec::new();
    for preset in PRESETS.iter().filter(|preset| scores::range(preset.env).is_some()) {
        if variants.iter().all(|variant| variant.algo != preset.algo) {
            variants.push(Variant::new(preset.algo, preset.algo, Vec::new()));
        }
    }
    Study {
        name: "classic",
        title: "All algorithms on the classic tasks",
        about: "Every algorithm with the settings of its preset. Presets were chosen for each algorithm and task, and do \
                not all take\nequally many steps (the table of a task says how many): this compares what is shipped, \
                not algorithms of equal\nbudgets.",
        baseline: "ppo",
        variants,
        has_searches: false,
    }
}
