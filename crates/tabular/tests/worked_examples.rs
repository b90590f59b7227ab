//! The examples that every reader of the literature knows, as far as they are about policies. Those about returns are in
//! `gradus-advantage`, the clipped objective in `gradus-ppo`, p and q far apart in `theory/importance.rs`.

use gradus_tabular::SoftmaxPolicy;

/// One update of a bandit's policy from sampled actions, without or with the mean return as the baseline.
fn update(policy: &SoftmaxPolicy, samples: &[(usize, f64)], with_baseline: bool) -> SoftmaxPolicy {
    let n = samples.len() as f64;
    let baseline = if with_baseline { samples.iter().map(|(_, r)| r).sum::<f64>() / n } else { 0.0 };
    let mut updated = policy.clone();
    for &(action, reward) in samples {
        let score = policy.score(0, action);
        let logits = updated.logits_mut().iter_mut();
        logits.zip(score).for_each(|(x, g)| *x += 0.5 * (reward - baseline) * g / n);
    }
    updated
}

/// All returns are positive and few samples are at hand: whatever was sampled gains probability, so that the action which
/// was not loses some, though it may be the best. With a baseline, what was sampled and is below the mean loses instead.
#[test]
fn all_returns_positive_and_no_baseline() {
    // Actions 0 and 1 were sampled, and pay 1 and 3; action 2 was not, and would pay 10.
    let policy = SoftmaxPolicy::new(3, vec![0.0; 3]).expect("logits");
    let samples = [(0, 1.0), (1, 3.0), (0, 1.0)];
    let (before, plain, with_baseline) =
        (policy.table(), update(&policy, &samples, false).table(), update(&policy, &samples, true).table());
    assert!(plain.row(0)[2] < before.row(0)[2] - 0.05, "{plain:?}");
    assert!(plain.row(0)[1] > before.row(0)[1], "{plain:?}");
    assert!(with_baseline.row(0)[2] >= before.row(0)[2] - 0.01, "{with_baseline:?}");
    assert!(with_baseline.row(0)[0] < before.row(0)[0], "{with_baseline:?}");
    assert!(with_baseline.row(0)[1] > before.row(0)[1], "{with_baseline:?}");

    // The logit of the action that was not sampled falls by lr · mean return · its probability, and with the baseline
    // not at all, since the returns less their mean sum to zero.
    let falls = |updated: &SoftmaxPolicy| updated.logits()[2];
    let mean_return = 5.0 / 3.0;
    assert!((falls(&update(&policy, &samples, false)) + 0.5 * mean_return / 3.0).abs() < 1e-15);
    assert!(falls(&update(&policy, &samples, true)).abs() < 1e-15);
}

/// With every action sampled as often as the policy takes it there is nothing wrong without a baseline: the mean is the
/// gradient, and the best action gains.
#[test]
fn with_enough_samples_no_baseline_is_needed() {
    let policy = SoftmaxPolicy::new(3, vec![0.0; 3]).expect("logits");
    let samples = [(0, 1.0), (1, 3.0), (2, 10.0)];
    let before = policy.table();
    for with_baseline in [false, true] {
        let after = update(&policy, &samples, with_baseline);
        assert!(after.table().row(0)[2] > before.row(0)[2]);
        // The baseline changes nothing about the mean.
        let expected: Vec<f64> = [1.0, 3.0, 10.0].iter().map(|r| 0.5 * (r - 14.0 / 3.0) / 3.0).collect();
        for (x, expected) in after.logits().iter().zip(&expected) {
            assert!((x - expected).abs() < 1e-15, "{:?} and {expected:?}", after.logits());
        }
    }
}
