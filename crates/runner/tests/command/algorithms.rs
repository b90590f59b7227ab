//! Every algorithm by its name: trained, gone on with, evaluated, reported, and what is asked of it wrongly.

use gradus_runner::Algorithm;

use crate::tools::Place;

/// What makes each quick; CartPole's first episodes have some twenty steps.
const QUICK: &str = "--env CartPole-v1 --quiet --set n_envs=4 --set n_steps=128 --set epochs=2 \
                     --set minibatches=none --set minibatch_size=128 --set hidden=[8] --set eval_episodes=5";

#[test]
fn every_algorithm_trains_and_goes_on() {
    let place = Place::new();
    for algo in Algorithm::NAMES {
        let said = place
            .succeed(&format!("train {QUICK} --algo {algo} --total-steps 1024 --json --out {algo}"))
            .json();
        assert_eq!((&said["algo"], &said["finished"]), (&(*algo).into(), &true.into()));
        let steps = said["total_steps"].as_u64().expect("a count");
        assert!(steps >= 1024 && said["eval_mean_return"].as_f64().is_some(), "{said}");
        let said = place.succeed(&format!("resume {algo} --total-steps {} --json", steps + 1024)).json();
        assert!(said["total_steps"].as_u64() >= Some(steps + 1024), "{said}");
        let said = place.succeed(&format!("eval {algo} --episodes 3 --json")).json();
        assert!(said["mean_return"].as_f64() >= Some(1.0), "{said}");
    }
    place.succeed(&format!("report {}", Algorithm::NAMES.join(" ")));
}

#[test]
fn settings_that_do_not_fit_the_algorithm_are_named() {
    let place = Place::new();
    let refuse = |args: &str, parts: &[&str]| {
        place.refuse(&format!("train {QUICK} {args}"), parts);
    };
    refuse("--set advantage_estimator=gea", &["advantage_estimator = \"gea\"", "did you mean gae?"]);
    refuse("--set advantage_estimator=guess", &["unknown value, it must be one of gae, td, n-step"]);
    refuse("--set advantage_estimator=whole-return", &["a return is for the algorithm reinforce alone"]);
    refuse(
        "--algo reinforce --set advantage_estimator=gae",
        &["advantage_estimator = \"gae\" (from --set)", "give reward-to-go"],
    );
    refuse("--algo reinforce --set baseline=mean", &["it must be one of none, running-mean, value"]);
    refuse("--algo reinforce --set shared_trunk=true", &["shared_trunk = true", "fitted apart"]);
    refuse(
        "--algo reinforce --set discount_weights=true --set advantage_estimator=whole-return",
        &["discount_weights = true", "reward-to-go"],
    );
    refuse("--algo a2c --set learning_rate_schedule=kl-adaptive", &["only PPO's learning rate"]);
    refuse("--algo ppo-adaptive-kl --set kl_coef=0", &["kl_coef = 0", "above 0 where it adapts"]);
    refuse("--algo ppo-adaptive-kl --set kl_low=1 --set kl_high=0.1", &["kl_low = 1", "above 0.1"]);
    refuse("--set dual_clip=1", &["dual_clip = 1 (from --set): out of range", "above 1, or none"]);
    refuse("--algo cem --set population=0", &["population = 0 (from --set): out of range", "from 2"]);
    refuse("--algo cem --set population=4", &["elite_fraction = 0", "at least 2"]);
    refuse("--algo cma-es --set population=2", &["population = 2", "at least 3 candidates"]);
    refuse("--algo cma-es --set covariance=round", &["it must be one of auto, full, diagonal"]);
    refuse("--algo cma-es --set initial_deviation=0", &["initial_deviation = 0", "above 0"]);
    refuse("--algo cem --set shared_trunk=true", &["shared_trunk = true", "a search has no critic"]);
    refuse("--algo cem --set episodes_per_candidate=0", &["episodes_per_candidate = 0", "from 1"]);
}
