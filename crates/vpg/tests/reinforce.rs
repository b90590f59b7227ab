//! REINFORCE on examples that every reader knows, with every baseline.

mod common;

use common::{CONTEXTS, assert_near, distance};
use gradus_advantage::{Episodes, finished_episodes, reward_to_go, whole_episode_returns};
use gradus_core_math::{Distribution, Stream};
use gradus_policy::{
    ActorCritic, ActorCriticConfig, Agent, Context, CriticConfig, Metrics, Mlp, MlpConfig, Rollout, Team,
    Update, UpdateError,
};
use gradus_vpg::{Average, Baseline, Reinforce, ReinforceConfig, StepConfig};

/// A policy that is its logits: no hidden layer, one constant observation.
fn logits_agent(n: usize) -> Agent<Mlp<f64>> {
    let layer = |outputs| Mlp::new(MlpConfig::new(1, outputs).with_hidden(&[]));
    let network = ActorCritic::separate(layer(n), layer(1), Distribution::Categorical { n }, 0.0);
    let mut agent = Agent::new(network, &mut Stream::new(0, "initialise", 0));
    agent.theta.fill(0.0);
    agent
}

/// Steps of one environment with these actions and Ψ.
fn rollout(n: usize, actions: &[f64], psi: &[f64], episode_returns: &[f64]) -> Rollout<f64> {
    let mut rollout = Rollout::new(actions.len(), 1, 1, &Distribution::Categorical { n }, false);
    rollout.observations.fill(1.0);
    rollout.actions.copy_from_slice(actions);
    rollout.advantages.copy_from_slice(psi);
    rollout.episode_returns = episode_returns.to_vec();
    rollout
}

fn update(
    reinforce: &mut Reinforce<f64>,
    agent: &mut Agent<Mlp<f64>>,
    rollout: &Rollout<f64>,
) -> Result<Metrics, UpdateError> {
    let mut rng = Stream::new(0, "update", 0);
    let context = Context { team: Team::single(), progress: 0.0, rng: &mut rng };
    reinforce.update(agent, &rollout.batch(), context)
}

fn ascent() -> ReinforceConfig {
    ReinforceConfig::new().with_step(StepConfig::ascent(1.0))
}

/// The step of one update from uniform logits, in the biases.
fn step(config: ReinforceConfig, n: usize, rollout: &Rollout<f64>) -> Vec<f64> {
    let mut agent = logits_agent(n);
    let mut reinforce = Reinforce::new(config, &agent).expect("valid settings");
    update(&mut reinforce, &mut agent, rollout).expect("finite numbers");
    agent.theta[n..2 * n].to_vec()
}

/// Rewards 5, 0, −2: the whole return weighs every step with 3, the reward-to-go with 3, −2, −2.
#[test]
fn rewards_5_0_minus_2() {
    let episodes = Episodes::new(1, &[5.0, 0.0, -2.0], &[false, false, true], &[false; 3]).expect("arrays");
    let (mut whole, mut to_go) = ([0.0; 3], [0.0; 3]);
    whole_episode_returns(&episodes, 1.0, &mut whole).expect("a valid discount");
    reward_to_go(&episodes, 1.0, &mut to_go).expect("a valid discount");
    // Three choices, each taken once: Σ Ψ (1{a} − ⅓).
    for (psi, expected) in [(whole, [0.0, 0.0, 0.0]), (to_go, [10.0 / 3.0, -5.0 / 3.0, -5.0 / 3.0])] {
        let found = step(ascent(), 3, &rollout(3, &[0.0, 1.0, 2.0], &psi, &[3.0]));
        assert_near("step", &found, &expected, 1e-14);
    }
}

/// (1/N) over episodes, not steps; the practice of dividing by the steps is shorter by the mean length. Episodes that
/// did not end are left out.
#[test]
fn sums_are_divided_by_episodes() {
    let (actions, psi) = ([0.0, 1.0, 1.0, 0.0], [2.0, 2.0, 1.0, 9.0]);
    let mut data = rollout(2, &actions, &psi, &[2.0, 1.0]);
    let terminated = [false, true, true, false];
    let episodes = Episodes::new(1, &[0.0; 4], &terminated, &[false; 4]).expect("arrays");
    let mut finished = [false; 4];
    finished_episodes(&episodes, &mut finished).expect("arrays");
    data.weights = finished.iter().map(|&f| f64::from(u8::from(f))).collect();
    // 2 (½, −½) + 2 (−½, ½) + 1 (−½, ½)
    for (average, divisor) in [(Average::Episodes, 2.0), (Average::Steps, 3.0)] {
        let found = step(ascent().with_average(average), 2, &data);
        assert_near("step", &found, &[-0.5 / divisor, 0.5 / divisor], 1e-14);
    }
    let mut reinforce = Reinforce::new(ascent(), &logits_agent(2)).expect("valid settings");
    data.episode_returns.clear();
    let error = update(&mut reinforce, &mut logits_agent(2), &data).expect_err("no episodes").to_string();
    assert!(error.contains("episode_returns") && error.contains("REINFORCE"), "{error}");
}

/// All returns positive, no baseline, few samples: an action that was not sampled loses probability, though it may be
/// the best; with the mean for a baseline it need not.
#[test]
fn an_action_that_was_not_sampled_loses_probability() {
    // Actions 0 and 1 were drawn, with returns 1 and 3; the third would have given 10.
    let data = rollout(3, &[0.0, 1.0], &[1.0, 3.0], &[1.0, 3.0]);
    let plain = step(ascent(), 3, &data);
    assert_near("step", &plain, &[-1.0 / 6.0, 5.0 / 6.0, -4.0 / 6.0], 1e-14);
    let gain = |step: &[f64]| {
        let sum: f64 = step.iter().map(|z| z.exp()).sum();
        step[2].exp() / sum - 1.0 / 3.0
    };
    assert!(gain(&plain) < -0.1);

    let mut agent = logits_agent(3);
    let running = Baseline::RunningMean { over: Average::Episodes, decay: 1.0 };
    let config = ascent().with_baseline(running);
    let mut reinforce = Reinforce::new(config, &agent).expect("valid settings");
    update(&mut reinforce, &mut agent, &data).expect("finite numbers");
    agent.theta.fill(0.0);
    update(&mut reinforce, &mut agent, &data).expect("finite numbers");
    let step = &agent.theta[3..6];
    assert_near("with b = 2", step, &[-0.5, 0.5, 0.0], 1e-14);
    assert!(gain(step) > -0.03);
}

/// b is the weighted mean of earlier batches' means, never of the batch in hand.
#[test]
fn the_running_mean_is_that_of_earlier_batches() {
    // Means of the episodes 2, 5, −1, and of the steps that count 3, 6, 1.
    let batches = [
        (vec![1.0, 3.0], vec![2.0, 4.0, 100.0]),
        (vec![5.0], vec![6.0, 6.0, -100.0]),
        (vec![-1.0, -2.0, 0.0], vec![2.0, 0.0, 7.0]),
    ];
    for (decay, expected) in [
        (1.0, [[0.0, 2.0, 3.5, 2.0], [0.0, 3.0, 4.5, 10.0 / 3.0]]),
        (0.5, [[0.0, 2.0, 4.0, 8.0 / 7.0], [0.0, 3.0, 5.0, 19.0 / 7.0]]),
        (0.0, [[0.0, 2.0, 5.0, -1.0], [0.0, 3.0, 6.0, 1.0]]),
    ] {
        for (over, expected) in [Average::Episodes, Average::Steps].into_iter().zip(expected) {
            let config = ascent().with_baseline(Baseline::RunningMean { over, decay });
            let mut agent = logits_agent(2);
            let mut reinforce = Reinforce::new(config, &agent).expect("valid settings");
            for (i, (returns, psi)) in batches.iter().chain([&batches[0]]).enumerate() {
                let mut data = rollout(2, &[0.0, 0.0, 1.0], psi, returns);
                data.weights = vec![1.0, 1.0, 0.0];
                agent.theta.fill(0.0);
                let metrics = update(&mut reinforce, &mut agent, &data).expect("finite numbers");
                let baseline = metrics.get("baseline").expect("it");
                assert!((baseline - expected[i]).abs() < 1e-12, "{decay}, {over:?}, {i}: {baseline}");
                let sum: f64 = psi[..2].iter().map(|psi| psi - baseline).sum();
                let found = agent.theta[2] * returns.len() as f64;
                assert!((found - 0.5 * sum).abs() < 1e-12, "Ψ − b weighs the score: {found}");
            }
        }
    }
}

/// V(s) of the batch is subtracted; the critic is fitted afterwards, to the targets, and the policy's step does not
/// know of it.
#[test]
fn a_learnt_value_is_a_baseline() {
    let critic = CriticConfig::new().with_learning_rate(0.05.into()).with_epochs(200).with_minibatch_size(2);
    let config = ascent().with_baseline(Baseline::Value(critic));
    let mut data = rollout(2, &[0.0, 1.0], &[3.0, 5.0], &[3.0, 5.0]);
    data.values = vec![4.0, 1.0];
    data.value_targets = vec![3.0, 5.0];
    let mut agent = logits_agent(2);
    let mut reinforce = Reinforce::new(config, &agent).expect("valid settings");
    let metrics = update(&mut reinforce, &mut agent, &data).expect("finite numbers");
    // (1/2) Σ (Ψ − V)(1{a} − ½) = ½ (−1 (½, −½) + 4 (−½, ½))
    assert_near("step", &agent.theta[2..4], &[-1.25, 1.25], 1e-14);
    // V = w + b with the constant observation 1 goes to the mean of the targets.
    let value = agent.theta[4] + agent.theta[5];
    assert!((value - 4.0).abs() < 0.3, "{value}");
    assert!(metrics.get("value_loss").is_some() && metrics.get("explained_variance").is_some());
    // A slip: no baseline.
    assert!(distance(&step(ascent(), 2, &data), &[-1.25, 1.25]) > 0.1);
}

/// A critic that is fitted apart needs a network of its own.
#[test]
fn a_shared_trunk_has_no_learnt_baseline() {
    let network = ActorCriticConfig::new(CONTEXTS, common::categorical()).with_shared_trunk(true);
    let agent = Agent::new(network.build::<f32>(), &mut Stream::new(0, "initialise", 0));
    let with = |baseline| Reinforce::new(ReinforceConfig::new().with_baseline(baseline), &agent);
    assert_eq!(with(Baseline::Value(CriticConfig::new())).err(), Some(UpdateError::SharedTrunk));
    assert!(with(Baseline::None).is_ok());
}

/// Over a grid of learning rates plain steps crawl, learn, or collapse onto whatever was sampled first, which is what
/// trust regions are for: 600 updates of 16 rows on the bandit of `updates.rs`, with returns of 2 for the best and 1 for
/// the others.
#[test]
fn the_step_size_decides() {
    let worst = |learning_rate: f64| {
        let config = ReinforceConfig::new().with_step(StepConfig::ascent(learning_rate));
        let mut run = common::Run::new(&common::Kind::Reinforce(config), common::categorical(), false, 4);
        for _ in 0..600 {
            let mut data = run.collect(16);
            data.advantages.iter_mut().for_each(|psi| *psi += 1.0);
            run.update(&data, 0.0).expect("finite numbers");
        }
        run.scores().into_iter().fold(1.0, f64::min)
    };
    let found = [0.003, 1.0, 300.0].map(worst);
    assert!(found[0] < 0.45 && found[1] > 0.9 && found[2] < 0.05, "{found:?}");
}
