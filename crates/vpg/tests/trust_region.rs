//! The trust region of each row: its projection against a search, and a whole update against the sum over rows.

mod common;

use common::{Data, assert_near, distance, families, finite_difference};
use gradus_core_math::{Distribution, Stream, dot};
use gradus_policy::{
    ActorCriticConfig, Agent, Batch, Context, Input, Linearized, Mlp, Network, Team, Update, UpdateError,
};
use gradus_vpg::{A2c, A2cConfig, StepConfig, TrustRegionConfig, trust_region_gradient};
use rand::RngExt;
use rand::distr::Uniform;

fn randoms(n: usize, rng: &mut Stream) -> Vec<f64> {
    let range = Uniform::new(-1.0, 1.0).expect("a range");
    (0..n).map(|_| rng.sample(range)).collect()
}

fn plus(x: &[f64], scale: f64, y: &[f64]) -> Vec<f64> {
    x.iter().zip(y).map(|(x, y)| x + scale * y).collect()
}

fn squared_distance(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum()
}

/// min ½‖g − z‖² subject to kᵀz ≤ δ by a search that knows no formula: from 0, which is allowed, ever shorter random
/// steps that are allowed and lead nearer.
fn search(g: &[f64], k: &[f64], max_kl: f64, rng: &mut Stream) -> Vec<f64> {
    let mut best = vec![0.0; g.len()];
    let mut step = 1.0;
    while step > 1e-9 {
        let mut moved = false;
        for _ in 0..1000 {
            let next = plus(&best, step, &randoms(g.len(), rng));
            if dot(k, &next) <= max_kl && squared_distance(&next, g) < squared_distance(&best, g) {
                (best, moved) = (next, true);
            }
        }
        if !moved {
            step *= 0.7;
        }
    }
    best
}

fn projected(g: &[f64], k: &[f64], max_kl: f64) -> (Vec<f64>, bool) {
    let mut z = g.to_vec();
    let changed = trust_region_gradient(&mut z, k, max_kl);
    (z, changed)
}

#[test]
fn the_projection_solves_the_quadratic_programme() {
    let mut rng = Stream::new(1, "test", 0);
    let (mut bound, mut slips) = (0, [0.0_f64; 3]);
    for i in 0..60 {
        let n = 1 + i % 5;
        let (g, k) = (randoms(n, &mut rng), randoms(n, &mut rng));
        let max_kl = [0.0, 0.1, 0.4][i % 3];
        let (z, changed) = projected(&g, &k, max_kl);
        let found = search(&g, &k, max_kl, &mut rng);
        // For a convex set the excess bounds ‖found − z‖²: the search came to z.
        let excess = squared_distance(&found, &g) - squared_distance(&z, &g);
        assert!((-1e-12..1e-4).contains(&excess), "z {z:?}, the search found {found:?}");
        assert!(dot(&k, &z) <= max_kl + 1e-12);
        assert_eq!(changed, dot(&k, &g) > max_kl);
        bound += usize::from(changed);
        // Slips, which leave the region or are farther away: without the maximum, with the norm for its square, and towards 0 instead of δ.
        let excess = dot(&k, &g) - max_kl;
        let square = dot(&k, &k);
        let others = [-excess / square, -excess.max(0.0) / square.sqrt(), -dot(&k, &g).max(0.0) / square];
        for (slip, scale) in slips.iter_mut().zip(others) {
            let other = plus(&g, scale, &k);
            let farther = squared_distance(&other, &g) - squared_distance(&z, &g);
            *slip = slip.max(dot(&k, &other) - max_kl).max(farther);
        }
    }
    assert!((10..50).contains(&bound), "{bound} of 60 at the bound");
    assert!(slips.iter().all(|&slip| slip > 0.01), "{slips:?}");
}

#[test]
fn a_policy_at_the_average_is_free() {
    assert_eq!(projected(&[1e9, -3.0], &[0.0, 0.0], 0.0), (vec![1e9, -3.0], false));
    let (z, changed) = projected(&[f64::NAN, 1.0], &[1.0, 1.0], 1.0);
    assert!(changed && z.iter().all(|z| z.is_nan()), "a NaN goes on");
}

/// Along z the KL from the average grows by δ at most to first order, along g by more, in every family: k is
/// ∇_φ KL(φ_average‖φ).
#[test]
fn the_kl_grows_by_delta_at_most() {
    for (seed, distribution) in families().into_iter().enumerate() {
        let (data, other) = (
            Data::random(distribution.clone(), 30, true, 120 + seed as u64),
            Data::random(distribution.clone(), 30, false, 130 + seed as u64),
        );
        let n = distribution.n_params();
        let mut bound = 0;
        for i in 0..30 {
            let (params, average, mask) = (data.params(i), other.params(i), data.mask(i));
            let mut k = vec![0.0; n];
            distribution.add_kl_gradient_q(average, params, mask, 1.0, &mut k);
            let expected = finite_difference(params, |q| distribution.kl(average, q, mask));
            assert_near("k", &k, &expected, 1e-8);
            let mut g = vec![0.0; n];
            distribution.add_gradient(params, mask, data.action(i), data.advantages[i], 0.0, &mut g);
            let (z, changed) = projected(&g, &k, 0.05);
            let growth = |direction: &[f64]| {
                let at = |h: f64| distribution.kl(average, &plus(params, h, direction), mask);
                (at(1e-5) - at(-1e-5)) / 2e-5
            };
            assert!(growth(&z) <= 0.05 + 1e-6);
            if changed {
                assert!(growth(&g) > 0.05 && (growth(&z) - 0.05).abs() < 1e-6);
                bound += 1;
            }
        }
        assert!(bound > 3, "{distribution:?}: {bound} of 30");
    }
}

/// Two updates in f64 against the definition, row by row: z of each row, its vjp, an ascent step, and the average.
#[test]
fn an_update_is_the_sum_over_rows() {
    let region = TrustRegionConfig::new().with_max_kl(0.01).with_average_decay(0.6);
    for (shared, distribution) in
        [(false, Distribution::Categorical { n: 4 }), (true, Distribution::DiagGaussian { dim: 2 })]
    {
        let network = ActorCriticConfig::new(3, distribution.clone()).with_hidden(&[8]);
        let network = network.with_shared_trunk(shared).build::<f64>();
        let mut agent = Agent::new(network, &mut Stream::new(5, "initialise", 0));
        let of_policy = agent.network.policy_parameter_count();
        let config = A2cConfig::new()
            .with_step(StepConfig::ascent(2.0))
            .with_entropy_coef(0.1)
            .with_trust_region(Some(region));
        let mut a2c = A2c::new(config, &agent).expect("valid settings");
        let mut average = agent.theta[..of_policy].to_vec();
        let mut shares = Vec::new();
        for update in 0..3 {
            let data = Data::random(distribution.clone(), 16, false, 140 + update);
            let observations = randoms(16 * 3, &mut Stream::new(update, "observations", 0));
            let batch =
                Batch { observation_width: 3, observations: &observations, weights: &[], ..data.batch() };
            let before = agent.theta.clone();
            let (free, _) = by_hand(&mut agent, &before, &average, &batch, f64::INFINITY);
            let (expected, share) = by_hand(&mut agent, &before, &average, &batch, 0.01);
            let mut rng = Stream::new(0, "update", 0);
            let context = Context { team: Team::single(), progress: 0.0, rng: &mut rng };
            let metrics = a2c.update(&mut agent, &batch, context).expect("finite numbers");
            assert_near("θ", &agent.theta, &expected, 1e-12);
            assert_eq!(distance(&free, &expected) > 1e-3, share > 0.0, "the region is told from none");
            assert!((metrics.get("trust_region_share").expect("it") - share).abs() < 1e-12);
            shares.push(share);
            average.iter_mut().zip(&agent.theta).for_each(|(a, theta)| *a = 0.6 * *a + 0.4 * theta);
            assert_near("θ_a", &a2c.state().tensors["average_policy"], &average, 1e-12);
        }
        assert!(shares[0].abs() < 1e-12, "at first policy and average are one");
        assert!(shares[1] > 0.0 && shares[2] > 0.0, "{shares:?}");
    }
}

/// θ after the update, and the share of rows at the bound.
fn by_hand(
    agent: &mut Agent<Mlp<f64>>,
    theta: &[f64],
    average: &[f64],
    batch: &Batch<'_, f64>,
    max_kl: f64,
) -> (Vec<f64>, f64) {
    let family = agent.network.distribution().clone();
    let (n, rows, width) = (family.n_params(), batch.len(), family.action_width());
    let input = Input::all(batch.observations, 3);
    let mut all_average = theta.to_vec();
    all_average[..average.len()].copy_from_slice(average);
    let mut of_average = vec![0.0; rows * (n + 1)];
    agent.network.forward(Team::single(), &all_average, input, &mut of_average);
    let mut point = agent.network.linearize(Team::single(), theta, input);
    let outputs = point.outputs().to_vec();
    let (mut cotangent, mut at_bound) = (Vec::new(), 0);
    for i in 0..rows {
        let (params, average) = (&outputs[i * (n + 1)..][..n], &of_average[i * (n + 1)..][..n]);
        let action = &batch.actions[i * width..][..width];
        let objective = |phi: &[f64]| {
            batch.advantages[i] * family.log_prob(phi, None, action) + 0.1 * family.entropy(phi, None)
        };
        let (mut g, mut k) = (vec![0.0; n], vec![0.0; n]);
        family.add_gradient(params, None, action, batch.advantages[i], 0.1, &mut g);
        family.add_kl_gradient_q(average, params, None, 1.0, &mut k);
        assert_near("g", &g, &finite_difference(params, objective), 1e-8);
        let (z, changed) = if max_kl.is_finite() { projected(&g, &k, max_kl) } else { (g, false) };
        at_bound += usize::from(changed);
        cotangent.extend(z.iter().map(|z| -z / rows as f64));
        cotangent.push(2.0 * 0.5 * (outputs[i * (n + 1) + n] - batch.value_targets[i]) / rows as f64);
    }
    let mut gradient = vec![0.0; theta.len()];
    point.vjp(Team::single(), &cotangent, &mut gradient);
    (plus(theta, -2.0, &gradient), at_bound as f64 / rows as f64)
}

#[test]
fn settings_out_of_range_are_named() {
    let agent = common::agent(common::categorical(), false, 1);
    let mut cases = Vec::new();
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        cases.push(("max_kl", TrustRegionConfig::new().with_max_kl(bad)));
        cases.push(("average_decay", TrustRegionConfig::new().with_average_decay(bad)));
    }
    cases.push(("average_decay", TrustRegionConfig::new().with_average_decay(1.01)));
    for (expected, region) in cases {
        match A2c::new(A2cConfig::new().with_trust_region(Some(region)), &agent) {
            Err(UpdateError::Setting { name, .. }) => assert_eq!(name, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
}
