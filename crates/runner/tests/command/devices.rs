//! Training beside the fused kernels: on Burn's devices, where this build has them.

use crate::tools::Place;

#[cfg(feature = "burn")]
use gradus_policy_burn::devices_in_build as in_build;

#[cfg(not(feature = "burn"))]
fn in_build() -> Vec<&'static str> {
    Vec::new()
}

/// What the build lacks is refused before anything is written, and says what to do.
#[test]
fn a_device_that_is_not_there_is_refused_with_what_would_bring_it() {
    let place = Place::new();
    let train = "train --env CartPole-v1 --algo ppo --out run --device";
    let absent = ["flex", "ndarray", "wgpu"].into_iter().filter(|name| !in_build().contains(name));
    for device in absent {
        let hint =
            if cfg!(feature = "burn") { "build with the feature `" } else { "build with `--features " };
        let said = [&*format!("the device {device} is not part of this build"), &*format!("{hint}{device}`")];
        place.refuse(&format!("{train} {device}"), &said);
    }
    place.refuse(&format!("{train} flax"), &["device = \"flax\"", "did you mean flex?"]);
}

#[test]
fn networks_that_the_kernels_do_not_evaluate_need_another_device() {
    let place = Place::new();
    place.refuse(
        "train --env CartPole-v1 --algo ppo --out run --set network=gru --set shared_trunk=true",
        &["network = \"gru\" (from --set)", "dense layers alone", "--device flex"],
    );
    place.refuse(
        "train --env CartPole-v1 --algo ppo --out run --device flex --set network=gru --set sequence_length=7",
        &["sequence_length = 7 (from --set): n_steps = 32 is no multiple of it", "set shared_trunk=true"],
    );
    place.refuse(
        "train --env MinAtar/Breakout-v1 --algo ppo --out run --set conv_layers=[16,3]",
        &["conv_layers = [16, 3] (from --set)", "three numbers a layer"],
    );
}

#[cfg(feature = "burn")]
mod with_burn {
    use super::*;
    use crate::tools::QUICK;

    /// Those for processors; wgpu has its own suite, for it takes a driver.
    fn devices() -> Vec<&'static str> {
        let devices = in_build().into_iter().filter(|name| *name != "wgpu");
        let devices: Vec<_> = devices.collect();
        assert!(
            !devices.is_empty(),
            "a build with Burn has a device for processors, or nothing is tested here"
        );
        devices
    }

    /// What solves the task on the fused kernels solves it here.
    #[test]
    fn cart_pole_is_solved_on_every_device() {
        for device in devices() {
            let place = Place::new();
            let train =
                format!("train --env CartPole-v1 --algo ppo --quiet --json --out run --device {device}");
            let summary = place.succeed(&train).json();
            assert_eq!(summary["device"], device);
            let mean_return = summary["eval_mean_return"].as_f64().expect("a number");
            assert!(mean_return >= 475.0, "{mean_return} on {device}");
        }
    }

    #[test]
    fn a_run_in_two_parts_is_the_run_in_one_on_every_device() {
        let steady = "--set learning_rate_schedule=constant --set clip_schedule=constant";
        let common =
            format!("train --env CartPole-v1 --quiet --set checkpoint_every=1024 --threads 2 {steady}");
        let algorithms = [
            "ppo --set epochs=2",
            "trpo --set n_envs=4 --set n_steps=256",
            "npg --set n_envs=4 --set n_steps=256",
        ];
        for device in devices() {
            for algorithm in algorithms {
                let place = Place::new();
                let train = format!("{common} --device {device} --algo {algorithm}");
                place.succeed(&format!("{train} --total-steps 4096 --out whole"));
                place.succeed(&format!("{train} --total-steps 2048 --out parts"));
                assert!(place.parameters("whole") != place.parameters("parts"));
                place.succeed("resume parts --total-steps 4096 --quiet");
                assert!(place.parameters("whole") == place.parameters("parts"), "{algorithm} on {device}");
            }
        }
    }

    /// A policy is its description and its numbers: where it was trained is no part of it.
    #[test]
    fn a_policy_is_evaluated_on_any_device() {
        let place = Place::new();
        place.succeed(&format!("train {QUICK} --total-steps 20000 --out run"));
        let eval = |device: &str| {
            let said = place.succeed(&format!("eval run --episodes 20 --json --device {device}"));
            said.json()["mean_return"].as_f64().expect("a number")
        };
        let fused = eval("cpu");
        for device in devices() {
            // Rounding may turn a single action of thousands.
            let other = eval(device);
            assert!((other - fused).abs() < 0.1 * fused, "{other} on {device}, {fused} on cpu");
        }
    }

    #[test]
    fn what_remembers_resumes_exactly_and_is_not_for_the_kernels() {
        let place = Place::new();
        let train = "train --env CartPoleNoVel-v1 --algo ppo --quiet --set epochs=1 --set total_steps=4096 \
                     --set learning_rate_schedule=constant --set clip_schedule=constant --set checkpoint_every=1024";
        let train = format!("{train} --device {}", devices()[0]);
        place.succeed(&format!("{train} --out whole"));
        place.succeed(&format!("{train} --total-steps 2048 --out parts"));
        place.succeed("resume parts --total-steps 4096 --quiet");
        assert!(place.parameters("whole") == place.parameters("parts"));
        place.succeed("eval parts --episodes 3");
        let said = ["Gru { width: 64 }", "use another device (`--device flex`"];
        place.refuse("eval parts --episodes 3 --device cpu", &said);
    }

    #[test]
    fn games_are_learnt_from_pixels() {
        let place = Place::new();
        let train =
            "train --env MinAtar/Freeway-v1 --algo ppo --quiet --json --set n_envs=8 --set n_steps=32";
        let train = format!("{train} --total-steps 512 --set eval_episodes=1 --device {}", devices()[0]);
        let summary = place.succeed(&format!("{train} --out run")).json();
        assert_eq!(summary["total_steps"], 512);
        let report = place.succeed("eval run --episodes 1 --json");
        assert!(report.json()["mean_return"].as_f64().is_some());
    }
}
