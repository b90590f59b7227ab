//! Whole updates: beside the fused network, and of several trainers at once.

use burn::tensor::Device;
use gradus_core_math::{Distribution, Stream};
use gradus_envs::probe::{MatchSign, OneStep};
use gradus_envs::{VecEnv, VectorEnv};
use gradus_policy::{
    ActorCritic, ActorCriticConfig, Agent, Context, Frozen, Input, Linearized, Network, Rollout, Team, Update,
};
use gradus_policy_burn::build_actor_critic;
use gradus_ppo::{Minibatches, Ppo, PpoConfig};
use gradus_runner::{Settings, Trainer};
use gradus_trpo::{CriticConfig, Trpo, TrpoConfig};

use crate::devices::{devices, distance, families, uniform};

const WIDTH: usize = 4;
const STEPS: usize = 48;
const ENVS: usize = 4;

/// Experience with the actions, probabilities and values that `network` gives.
fn rollout<N: Network<Scalar = f32>>(network: &mut ActorCritic<N>, theta: &[f32]) -> Rollout<f32> {
    let family = network.distribution().clone();
    let rows = STEPS * ENVS;
    let mut rollout = Rollout::new(STEPS, ENVS, WIDTH, &family, false);
    rollout.observations = uniform("observations", rows * WIDTH);
    rollout.advantages = uniform("advantages", rows);
    rollout.value_targets = uniform("value_targets", rows);
    let mut outputs = vec![0.0; rows * network.output_width()];
    network.forward(Team::single(), theta, Input::all(&rollout.observations, WIDTH), &mut outputs);
    let mut stream = Stream::new(0, "sample", 0);
    let (n_params, width) = (family.n_params(), family.action_width());
    for (i, row) in outputs.chunks_exact(n_params + 1).enumerate() {
        let action = &mut rollout.actions[i * width..][..width];
        family.sample(&row[..n_params], None, &mut stream, action);
        rollout.log_probs[i] = family.log_prob(&row[..n_params], None, action);
        rollout.distribution_params[i * n_params..][..n_params].copy_from_slice(&row[..n_params]);
        rollout.values[i] = row[n_params];
    }
    rollout
}

fn config(family: Distribution) -> ActorCriticConfig {
    ActorCriticConfig::new(WIDTH, family).with_hidden(&[16, 16])
}

#[derive(Clone, Copy, Debug)]
enum Algorithm {
    Ppo,
    Trpo,
}

impl Algorithm {
    fn build<N: Network<Scalar = f32> + 'static>(self, agent: &Agent<N>) -> Box<dyn Update<N>> {
        match self {
            Algorithm::Ppo => {
                let config = PpoConfig::new().with_epochs(2).with_minibatches(Minibatches::Count(3));
                Box::new(Ppo::new(config, agent).expect("settings in range"))
            }
            Algorithm::Trpo => {
                let critic = CriticConfig::new().with_epochs(2).with_minibatch_size(64);
                Box::new(Trpo::new(TrpoConfig::new().with_critic(critic), agent).expect("settings in range"))
            }
        }
    }
}

/// The parameters after some updates, each on the experience that `measure`, a network with θ of its own, gives.
fn after<N: Network<Scalar = f32> + 'static>(
    network: ActorCritic<N>,
    algorithm: Algorithm,
    updates: usize,
    rollouts: &[Rollout<f32>],
) -> Vec<f32> {
    let mut agent = Agent::new(network, &mut Stream::new(8, "initialize", 0));
    let mut update = algorithm.build(&agent);
    let mut rng = Stream::new(9, "update", 0);
    for rollout in &rollouts[..updates] {
        let context = Context { team: Team::single(), progress: 0.0, rng: &mut rng };
        update.update(&mut agent, &rollout.batch(), context).expect("finite numbers");
    }
    agent.theta
}

/// The experience of a run of the fused network.
fn experience(family: &Distribution, algorithm: Algorithm, updates: usize) -> Vec<Rollout<f32>> {
    let mut agent = Agent::new(config(family.clone()).build::<f32>(), &mut Stream::new(8, "initialize", 0));
    let mut update = algorithm.build(&agent);
    let mut rng = Stream::new(9, "update", 0);
    let mut rollouts = Vec::new();
    for _ in 0..updates {
        let rollout = rollout(&mut agent.network, &agent.theta);
        let context = Context { team: Team::single(), progress: 0.0, rng: &mut rng };
        update.update(&mut agent, &rollout.batch(), context).expect("finite numbers");
        rollouts.push(rollout);
    }
    rollouts
}

#[test]
fn ten_updates_come_to_the_parameters_of_the_fused_network() {
    for family in families() {
        for algorithm in [Algorithm::Ppo, Algorithm::Trpo] {
            let rollouts = experience(&family, algorithm, 10);
            let fused = after(config(family.clone()).build::<f32>(), algorithm, 10, &rollouts);
            let one_less = after(config(family.clone()).build::<f32>(), algorithm, 9, &rollouts);
            for (name, device) in devices() {
                let network = build_actor_critic(&config(family.clone()), &device);
                let burn = after(network, algorithm, 10, &rollouts);
                let apart = distance(&burn, &fused);
                assert!(apart < 1e-4, "{algorithm:?} with {family:?} on {name}: {apart:e}");
                // The wrong variant: an update too few is a hundred times as far.
                let wrong = distance(&one_less, &fused);
                assert!(wrong > 20.0 * apart && wrong > 1e-3, "{wrong:e} and {apart:e}");
            }
        }
    }
}

/// Trainers that share Burn's one place for graphs must not lose each other's gradients.
#[test]
fn several_trainers_at_once_come_to_what_they_come_to_one_after_the_other() {
    let family = Distribution::Categorical { n: 3 };
    let rollouts = experience(&family, Algorithm::Ppo, 6);
    for (name, device) in devices() {
        let run = |device: &Device, first: usize| {
            let network = build_actor_critic(&config(family.clone()), device);
            after(network, Algorithm::Ppo, 6 - first, &rollouts[first..])
        };
        let alone: Vec<Vec<f32>> = (0..4).map(|first| run(&device, first)).collect();
        let together: Vec<Vec<f32>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|first| {
                    scope.spawn({
                        let (run, device) = (&run, &device);
                        move || run(device, first)
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("a trainer")).collect()
        });
        for (alone, together) in alone.iter().zip(&together) {
            assert!(distance(together, alone) < 1e-6, "a gradient was lost on {name}");
        }
        assert!(distance(&alone[0], &alone[1]) > 1e-3, "the trainers do the same");
    }
}

/// What acts on one thread must not be in the way of what learns on another.
#[test]
fn acting_beside_learning_changes_neither() {
    let family = Distribution::Categorical { n: 3 };
    let observations = uniform("observations", 64 * WIDTH);
    for (name, device) in devices() {
        let mut network = build_actor_critic(&config(family.clone()), &device);
        let mut theta = vec![0.0; network.parameter_count()];
        network.initialize(&mut Stream::new(1, "initialize", 0), &mut theta);
        let mut frozen = network.freeze_policy(&theta);
        let (mut expected, mut gradient) = (vec![0.0; 64 * 3], vec![0.0; theta.len()]);
        frozen.forward(&observations, &mut expected);
        let cotangent = uniform("cotangent", 64 * 4);
        let mut learn = |gradient: &mut [f32]| {
            let mut point = network.linearize(Team::single(), &theta, Input::all(&observations, WIDTH));
            point.vjp(Team::single(), &cotangent, gradient);
        };
        learn(&mut gradient);
        let first = gradient.clone();
        std::thread::scope(|scope| {
            let acting = scope.spawn(|| {
                for _ in 0..50 {
                    let mut found = vec![0.0; expected.len()];
                    frozen.forward(&observations, &mut found);
                    assert!(distance(&found, &expected) < 1e-6, "{name}");
                }
            });
            for _ in 0..50 {
                learn(&mut gradient);
                assert!(distance(&gradient, &first) < 1e-6, "{name}");
            }
            acting.join().expect("acting");
        });
    }
}

/// A run from beginning to end: acting, advantages, updates. The task is one step whose reward is 1 for the action that
/// matches an observation's sign and −1 for the other, so that the critic's loss falls as the returns become certain.
#[test]
fn a_run_of_ppo_lowers_the_loss_and_is_that_of_the_fused_network() {
    let settings = Settings::ppo().with_rollout(8, 64).with_hidden(&[16, 16]).with_total_steps(20 * 512);
    let make = |n: usize, seed: u64, first: usize| {
        let envs = (0..n).map(|_| OneStep::new(MatchSign)).collect();
        Ok(Box::new(VecEnv::new(envs, seed, first)?) as Box<dyn VectorEnv>)
    };
    let fused = curve(Trainer::new("MatchSign", &make, &settings).expect("a run"));
    for (name, device) in devices() {
        let build = |config: &ActorCriticConfig| build_actor_critic(config, &device);
        let curve = curve(Trainer::with_network("MatchSign", &make, &settings, build).expect("a run"));
        let ([first_loss, first_return], [last_loss, last_return]) = (curve[0], curve[curve.len() - 1]);
        assert!(last_loss < 0.2 * first_loss, "the loss went from {first_loss} to {last_loss} on {name}");
        assert!(
            last_return > 0.9 && first_return < 0.5,
            "return from {first_return} to {last_return} on {name}"
        );
        for (i, (found, expected)) in curve.iter().zip(&fused).enumerate() {
            let apart = (found[0] / expected[0] - 1.0).abs();
            assert!(apart < 1e-3, "update {i} on {name}: {found:?} and {expected:?}");
        }
    }
}

/// The critic's loss and the mean return after each iteration.
fn curve<N: Network<Scalar = f32> + 'static>(mut trainer: Trainer<N>) -> Vec<[f64; 2]> {
    let mut curve = Vec::new();
    while !trainer.is_done() {
        let metrics = trainer.iterate().expect("an iteration").metrics;
        let loss = metrics.get("value_loss").expect("the critic's loss");
        curve.push([loss, trainer.mean_return().expect("episodes")]);
    }
    curve
}

/// What a concurrent backward pass takes away are leaves that were gone back through before (tracel-ai/burn#5573): those
/// of a point whose `vjp` is asked for again.
#[test]
fn points_beside_each_other_keep_their_gradients_each_time() {
    const ROUNDS: usize = 60;
    let family = Distribution::Categorical { n: 3 };
    let observations = uniform("observations", 16 * WIDTH);
    let cotangent = uniform("cotangent", 16 * 4);
    for (name, device) in devices() {
        let gradients = |rounds: usize| {
            let mut network = build_actor_critic(&config(family.clone()), &device);
            let mut theta = vec![0.0; network.parameter_count()];
            network.initialize(&mut Stream::new(1, "initialize", 0), &mut theta);
            let mut all = Vec::new();
            for _ in 0..rounds {
                let mut point = network.linearize(Team::single(), &theta, Input::all(&observations, WIDTH));
                for _ in 0..3 {
                    let mut gradient = vec![0.0; theta.len()];
                    point.vjp(Team::single(), &cotangent, &mut gradient);
                    all.push(gradient);
                }
            }
            all
        };
        let alone = gradients(1).remove(0);
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| gradients(ROUNDS))).collect();
            for thread in threads {
                for gradient in thread.join().expect("no panic") {
                    assert!(distance(&gradient, &alone) < 1e-6, "a gradient was lost on {name}");
                }
            }
        });
    }
}
