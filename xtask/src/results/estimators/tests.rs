//! Exact moments against enumeration and linear algebra, and what is measured against both.

use gradus_advantage::Episodes;
use gradus_core_math::{Stream, dot};
use gradus_envs::finite::{FiniteMdp, Transition};
use gradus_tabular::{DiscountedMdp, Garnet};

use super::estimator::{ALL, Estimator};
use super::exact::{expected, norm};
use super::intervals::{Mean, quantile};
use super::sampled::{Figures, Player, Rollout, measure};
use super::setting::Setting;

const GAMMA: f64 = 0.9;

/// A random process of three states and two actions, with a policy that is not uniform, and rollouts of so many steps.
fn tiny(termination: f64, n_steps: usize) -> Setting {
    let garnet = Garnet { n_states: 3, n_actions: 2, branching: 2, termination };
    let table = garnet.draw(&mut Stream::new(3, "garnet", 0)).expect("a process");
    let mdp = DiscountedMdp::new(table, GAMMA).expect("a discount");
    Setting::new("tiny", mdp, vec![0.5, -0.5, -1.0, 1.0, 0.2, 0.0], n_steps).expect("a setting")
}

fn wrong_critic(setting: &Setting) -> Vec<f64> {
    setting.evaluation.values.iter().zip([0.7, -0.4, 0.2]).map(|(v, e)| v + e).collect()
}

/// One of the ways in which a rollout in one environment can go.
#[derive(Clone, Default)]
struct Way {
    probability: f64,
    cells: Vec<usize>,
    rewards: Vec<f64>,
    states: Vec<usize>,
    next_states: Vec<usize>,
    terminated: Vec<bool>,
}

/// All of them.
fn ways(setting: &Setting, n_steps: usize) -> Vec<Way> {
    let (table, n_actions) = (setting.mdp.table(), setting.mdp.n_actions());
    let starts = |probability: f64| {
        let positive = table.initial().iter().enumerate().filter(|(_, p)| **p > 0.0);
        positive.map(move |(state, p)| (state, probability * p)).collect::<Vec<(usize, f64)>>()
    };
    let begin = |(state, probability)| (state, Way { probability, ..Way::default() });
    let mut open: Vec<(usize, Way)> = starts(1.0).into_iter().map(begin).collect();
    for _ in 0..n_steps {
        let mut longer = Vec::new();
        for (state, way) in &open {
            for action in 0..n_actions {
                for t in table.transitions(*state, action) {
                    let mut way = way.clone();
                    way.probability *= setting.table.row(*state)[action] * t.probability;
                    way.cells.push(state * n_actions + action);
                    way.states.push(*state);
                    way.rewards.push(t.reward);
                    way.next_states.push(t.next_state);
                    way.terminated.push(t.terminated);
                    let next = if t.terminated { starts(1.0) } else { vec![(t.next_state, 1.0)] };
                    longer.extend(
                        next.into_iter().map(|(state, p)| {
                            (state, Way { probability: way.probability * p, ..way.clone() })
                        }),
                    );
                }
            }
        }
        open = longer;
    }
    open.into_iter().map(|(_, way)| way).collect()
}

/// The bias, the mean square error and the visits by the library's estimator over all ways.
fn enumerated(
    setting: &Setting,
    critic: &[f64],
    estimator: Estimator,
    n_steps: usize,
) -> (Vec<f64>, f64, Vec<f64>) {
    let n_cells = setting.evaluation.advantages.len();
    let (mut errors, mut visits, mut square) = (vec![0.0; n_cells], vec![0.0; n_cells], 0.0);
    for way in ways(setting, n_steps) {
        let of = |states: &[usize]| states.iter().map(|&s| critic[s]).collect::<Vec<f64>>();
        let (values, next_values) = (of(&way.states), of(&way.next_states));
        let truncated = vec![false; n_steps];
        let episodes = Episodes::new(1, &way.rewards, &way.terminated, &truncated).expect("arrays that fit");
        let trajectories = episodes.with_values(&values, &next_values).expect("arrays that fit");
        let mut advantages = vec![0.0; n_steps];
        estimator.estimate(&trajectories, GAMMA, &mut advantages).expect("a valid call");
        for (&cell, estimate) in way.cells.iter().zip(advantages) {
            let error = estimate - setting.evaluation.advantages[cell];
            let weight = way.probability / n_steps as f64;
            errors[cell] += weight * error;
            square += weight * error * error;
            visits[cell] += weight;
        }
    }
    errors.iter_mut().zip(&visits).for_each(|(x, visits)| *x /= visits);
    (errors, square, visits)
}

fn distance(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len());
    x.iter().zip(y).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
}

#[test]
fn both_moments_are_those_of_all_rollouts_that_can_be() {
    let setting = tiny(0.3, 4);
    let critic = wrong_critic(&setting);
    for estimator in [1, 2, 3, 8].map(Estimator::NStep).into_iter().chain(ALL) {
        let found = expected(&setting, &critic, estimator);
        let (bias, square, visits) = enumerated(&setting, &critic, estimator, 4);
        assert!(distance(&found.bias, &bias) < 1e-12, "{estimator}: {:?} {bias:?}", found.bias);
        assert!((found.square - square).abs() < 1e-12, "{estimator}: {} {square}", found.square);
        assert!(distance(&setting.shares(), &visits) < 1e-12, "{visits:?}");
    }
    // One step more or less, and another λ, are something else.
    let (bias, square, _) = enumerated(&setting, &critic, Estimator::Gae(0.9), 4);
    for other in [
        expected(&tiny(0.3, 5), &critic, Estimator::Gae(0.9)),
        expected(&tiny(0.3, 3), &critic, Estimator::Gae(0.9)),
        expected(&setting, &critic, Estimator::Gae(0.8)),
    ] {
        assert!(distance(&other.bias, &bias) > 1e-6 && (other.square - square).abs() > 1e-6, "{other:?}");
    }
}

/// Without an end of the data the mean bias in a state is −(I − γλP)⁻¹ (I − γP) e: the value of the rewards
/// γ (P e)(s) − e(s) with the discount γλ.
#[test]
fn the_bias_in_long_rollouts_is_a_solution_of_a_linear_system() {
    let setting = tiny(0.1, 4000);
    let critic = wrong_critic(&setting);
    let error: Vec<f64> = critic.iter().zip(&setting.evaluation.values).map(|(u, v)| u - v).collect();
    let table = setting.mdp.table();
    for lambda in [0.0, 0.5, 0.95, 1.0] {
        let with_residuals = FiniteMdp::new(3, 2, table.initial().to_vec(), |state, action| {
            let of = |t: &Transition| {
                let next = if t.terminated { 0.0 } else { error[t.next_state] };
                Transition { reward: GAMMA * next - error[state], ..*t }
            };
            table.transitions(state, action).iter().map(of).collect()
        });
        let discounted = DiscountedMdp::new(with_residuals.expect("a process"), GAMMA * lambda).expect("γλ");
        let solution = discounted.evaluate(&setting.table).expect("an evaluation").values;
        let bias = expected(&setting, &critic, Estimator::Gae(lambda)).bias;
        let means: Vec<f64> = setting
            .table
            .rows()
            .zip(bias.chunks_exact(2))
            .map(|(pi, bias)| pi.iter().zip(bias).map(|(pi, x)| pi * x).sum())
            .collect();
        // The last hundred of 4000 steps know that the data end.
        assert!(distance(&means, &solution) < 1e-2 * norm(&error), "λ = {lambda}: {means:?} {solution:?}");
        // With γ in place of γλ it is −e for every λ.
        let of_gamma = distance(&means, &error.iter().map(|e| -e).collect::<Vec<f64>>());
        assert_eq!(of_gamma < 1e-2 * norm(&error), lambda > 0.99, "λ = {lambda}: {of_gamma}");
    }
}

#[test]
fn an_exact_critic_has_no_bias() {
    for termination in [0.0, 0.3] {
        let setting = tiny(termination, 16);
        for estimator in ALL {
            let found = expected(&setting, &setting.evaluation.values, estimator);
            assert!(norm(&found.bias) < 1e-12, "{estimator}: {:?}", found.bias);
            assert!(norm(&expected(&setting, &wrong_critic(&setting), estimator).bias) > 0.1);
        }
    }
}

/// Where every episode has ended before the data do, Monte Carlo is off by −e(s), the same for all actions: the gradient
/// is right. TD's is not.
#[test]
fn a_baseline_does_not_bias_a_gradient() {
    let line = FiniteMdp::new(3, 2, vec![1.0, 0.0, 0.0], |state, action| {
        let terminated = state == 2;
        let next_state = if terminated { 0 } else { state + 1 };
        let reward = (state + action) as f64;
        // Action 1 may end the episode at once.
        let mut outcomes = vec![Transition { probability: 1.0, next_state, reward, terminated }];
        if action == 1 {
            outcomes[0].probability = 0.5;
            outcomes.push(Transition { probability: 0.5, next_state: 0, reward: 3.0, terminated: true });
        }
        outcomes
    });
    let mdp = DiscountedMdp::new(line.expect("a process"), GAMMA).expect("a discount");
    // Long rollouts, of which the last two steps alone may see the end of the data.
    let setting = Setting::new("line", mdp, vec![0.0; 6], 5000).expect("a setting");
    let critic = wrong_critic(&setting);
    let monte_carlo = expected(&setting, &critic, Estimator::MonteCarlo);
    let minus_error = [0.7, 0.7, -0.4, -0.4, 0.2, 0.2].map(|e: f64| -e);
    assert!(distance(&monte_carlo.bias, &minus_error) < 1e-3, "{:?}", monte_carlo.bias);
    assert!(monte_carlo.gradient_bias(&setting) < 1e-3 && monte_carlo.rms_between(&setting) < 1e-3);
    let td = expected(&setting, &critic, Estimator::NStep(1));
    assert!(td.gradient_bias(&setting) > 0.05 && td.rms_between(&setting) > 0.05, "{td:?}");
}

/// Seeds and the critical value: a two-sided level of 1e-4 over 14 estimators of 4 figures, 1.8e-6, by Student's t with
/// 39 degrees of freedom.
const SEEDS: u64 = 40;
const KEPT: f64 = 5.6;

/// One of the figures.
type Of = fn(&Figures) -> f64;

/// The distance of the mean of a figure over the seeds from a number, in standard errors.
fn standard_errors(seeds: &[Figures], of: impl Fn(&Figures) -> f64, from: f64) -> f64 {
    let mean = Mean::of(&seeds.iter().map(of).collect::<Vec<f64>>());
    let interval = mean.interval.expect("several seeds");
    (mean.value - from).abs() / ((interval.high - interval.low) / 2.0 / quantile(seeds.len() - 1))
}

#[test]
fn what_is_measured_is_what_theory_says() {
    let setting = tiny(0.1, 16);
    let critic = wrong_critic(&setting);
    let of_seed = |seed| measure(&setting, &[&critic], &ALL, (4, 100, seed)).expect("figures").remove(0);
    let by_seed: Vec<Vec<Figures>> = (1..=SEEDS).map(of_seed).collect();
    for (i, estimator) in ALL.into_iter().enumerate() {
        let seeds: Vec<Figures> = by_seed.iter().map(|figures| figures[i]).collect();
        let exact = expected(&setting, &critic, estimator);
        let bias_squared = setting.mean_square(&exact.bias);
        let pairs: [(&str, Of, f64); 4] = [
            ("bias", |it| it.bias_squared, bias_squared),
            ("between actions", |it| it.between_squared, exact.rms_between(&setting).powi(2)),
            ("square", |it| it.square, exact.square),
            ("gradient", |it| it.gradient_bias_squared, exact.gradient_bias(&setting).powi(2)),
        ];
        for (name, of, exact) in pairs {
            let off = standard_errors(&seeds, of, exact);
            assert!(off < KEPT, "{estimator}, {name}: {off} standard errors from {exact}");
        }
        // The variance in place of the square, and a critic without error, are far off.
        let square = standard_errors(&seeds, |it| it.square, exact.variance(&setting));
        let unbiased = standard_errors(&seeds, |it| it.bias_squared, 0.0);
        assert!(square > 2.0 * KEPT && unbiased > 2.0 * KEPT, "{estimator}: {square} {unbiased}");
    }
}

/// Squares of what is 0 on average: with one half of the rollouts in place of two they would show the noise.
#[test]
fn noise_adds_nothing_to_a_measured_bias() {
    let setting = tiny(0.1, 16);
    let estimators = [Estimator::MonteCarlo];
    let of_seed = |seed| {
        let values = [setting.evaluation.values.as_slice()];
        measure(&setting, &values, &estimators, (1, 10, seed)).expect("figures")[0][0]
    };
    let seeds: Vec<Figures> = (1..=200).map(of_seed).collect();
    assert!(standard_errors(&seeds, |it| it.bias_squared, 0.0) < 4.0);
    assert!(standard_errors(&seeds, |it| it.gradient_bias_squared, 0.0) < 4.0);
    assert!(seeds.iter().any(|it| it.bias_squared < 0.0));
    // Five rollouts of a half: a fifth of the variance of a rollout's gradient would be taken for a bias.
    let noise = seeds.iter().map(|it| it.gradient_square).sum::<f64>() / seeds.len() as f64 / 5.0;
    assert!(standard_errors(&seeds, |it| it.gradient_bias_squared, noise) > 10.0, "{noise}");
}

/// ĝ of one step is the library's score, times the estimate.
#[test]
fn gradients_are_means_of_scores() {
    let setting = tiny(0.1, 1);
    let mean = |of: &dyn Fn(usize) -> f64| -> Vec<f64> {
        let mut sum = vec![0.0; 6];
        for (cell, share) in setting.shares().iter().enumerate() {
            let score = setting.policy.score(cell / 2, cell % 2);
            sum.iter_mut().zip(score).for_each(|(sum, x)| *sum += share * of(cell) * x);
        }
        sum
    };
    let exact = mean(&|cell| setting.evaluation.advantages[cell]);
    assert!(distance(&setting.gradient, &exact) < 1e-12);
    let other = mean(&|cell| cell as f64);
    assert!(distance(&setting.gradient_of(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]), &other) < 1e-12);
    // Rollouts of one step, played again.
    let (critic, estimators) = (wrong_critic(&setting), [Estimator::NStep(1)]);
    let found = measure(&setting, &[&critic], &estimators, (1, 2, 7)).expect("figures")[0][0];
    let mut player = Player::new(&setting, 1, 7, "actions").expect("a player");
    let mut rollout = Rollout::default();
    let (mut cosine, mut square) = (0.0, 0.0);
    for _ in 0..2 {
        player.play(&mut rollout).expect("a rollout");
        let (state, cell) = (rollout.states[0], rollout.cells[0]);
        let target = rollout.value_targets(&critic, GAMMA, 0.0).expect("a target")[0];
        let score = setting.policy.score(state, cell % 2);
        let gradient: Vec<f64> = score.iter().map(|x| x * (target - critic[state])).collect();
        cosine += dot(&gradient, &exact) / (norm(&gradient) * norm(&exact)) / 2.0;
        let off: Vec<f64> = gradient.iter().zip(&exact).map(|(x, g)| x - g).collect();
        square += (norm(&off) / norm(&exact)).powi(2) / 2.0;
    }
    assert!((found.cosine - cosine).abs() < 1e-12 && cosine.abs() < 0.99, "{found:?} {cosine}");
    assert!((found.gradient_square - square).abs() < 1e-12 * square, "{found:?} {square}");
}

#[test]
fn students_quantiles() {
    // 26.7.5 at the end of the table agrees with the table; a normal's quantile is out by 4 %.
    let z: f64 = 1.959_964;
    assert!((quantile(30) - 2.042).abs() < 1e-9 && (quantile(31) - 2.0395).abs() < 1e-3);
    assert!((quantile(120) - 1.980).abs() < 1e-3 && quantile(31) - z > 0.07);
    // 1 2 3 4: mean 2.5, deviation √(5/3), half of it over √4 times 3.182.
    let mean = Mean::of(&[1.0, 2.0, 3.0, 4.0]);
    let half = 3.182 * (5.0_f64 / 3.0).sqrt() / 2.0;
    let interval = mean.interval.expect("several seeds");
    assert!((interval.high - 2.5 - half).abs() < 1e-12 && (interval.low - 2.5 + half).abs() < 1e-12);
    assert!(mean.covers(0.5, 0.0) && !mean.covers(0.4, 0.0) && mean.covers(0.4, 0.1));
    assert!(Mean::of(&[1.0]).interval.is_none() && Mean::of(&[-1.0, -2.0]).root().value.abs() < 1e-300);
}
