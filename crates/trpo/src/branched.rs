//! The surrogate of a state in which several actions were tried out.

use gradus_core_math::{Distribution, Real};
use gradus_policy::Branches;

/// The surrogate of state `n` by the values of its K actions, less what it is at π_old.
///
/// Where these are all actions, L(θ) = Σ_k π_θ(a_k|s) (Q_k − V) with V = Σ_k π_old(a_k|s) Q_k (Schulman et al. 2015,
/// equation 15); else the self-normalised estimate L(θ) = Σ_k r_k (Q_k − V) / Σ_k r_k with r_k = π_θ(a_k|s)/π_old(a_k|s)
/// and V = Σ_k Q_k / K (equation 16). No constant that is added to Q changes either.
pub(crate) fn branched_value<T: Real>(
    distribution: &Distribution,
    params: &[T],
    mask: Option<&[bool]>,
    branches: &Branches<T>,
    n: usize,
) -> f64 {
    Weighed::new(distribution, params, mask, branches, n).value()
}

/// `to` += `per_state` · ∂L/∂φ of state `n`, which has the distribution `params` under its mask; see
/// [`branched_value`]. Returns L.
///
/// With w_k = π_θ(a_k|s), ∂L = Σ_k w_k (Q_k − V) ∂log π_θ(a_k|s); with w_k = r_k / Σ r_k,
/// ∂L = Σ_k w_k (Q_k − V − L) ∂log π_θ(a_k|s).
pub(crate) fn add_branched_gradient<T: Real>(
    distribution: &Distribution,
    (params, mask): (&[T], Option<&[bool]>),
    branches: &Branches<T>,
    n: usize,
    per_state: f64,
    to: &mut [T],
) -> f64 {
    let weighed = Weighed::new(distribution, params, mask, branches, n);
    let value = weighed.value();
    let centre = if branches.all_actions { 0.0 } else { value };
    let (actions, ..) = branches.of_state(n);
    let actions = actions.chunks_exact(distribution.action_width());
    for (action, &(weight, advantage)) in actions.zip(&weighed.0).filter(|(_, (weight, _))| *weight != 0.0) {
        let coef = T::of(weight * (advantage - centre) * per_state);
        distribution.add_gradient_with(params, mask, action, |_, _| (coef, T::zero()), to);
    }
    value
}

/// Each action's weight in L, and its value less that of the state.
struct Weighed(Vec<(f64, f64)>);

impl Weighed {
    fn new<T: Real>(
        distribution: &Distribution,
        params: &[T],
        mask: Option<&[bool]>,
        branches: &Branches<T>,
        n: usize,
    ) -> Self {
        let (actions, log_probs, q_values) = branches.of_state(n);
        let actions = actions.chunks_exact(distribution.action_width());
        let new: Vec<f64> = actions.map(|a| distribution.log_prob(params, mask, a).wide()).collect();
        let old = || log_probs.iter().map(|x| x.wide());
        let q = || q_values.iter().map(|x| x.wide());
        if branches.all_actions {
            let value: f64 = old().zip(q()).map(|(old, q)| old.exp() * q).sum();
            return Self(new.iter().zip(q()).map(|(new, q)| (new.exp(), q - value)).collect());
        }
        let value = q().sum::<f64>() / q_values.len() as f64;
        // Divided by the greatest, so that none overflows.
        let greatest = new.iter().zip(old()).map(|(new, old)| new - old).fold(f64::NEG_INFINITY, f64::max);
        let ratios: Vec<f64> = new.iter().zip(old()).map(|(new, old)| (new - old - greatest).exp()).collect();
        let sum: f64 = ratios.iter().sum();
        Self(ratios.iter().zip(q()).map(|(ratio, q)| (ratio / sum, q - value)).collect())
    }

    fn value(&self) -> f64 {
        self.0.iter().map(|(weight, advantage)| weight * advantage).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three choices, of which all are tried: probabilities ½, ¼, ¼, values 1, 2, 5.
    fn all() -> (Distribution, Vec<f64>, Branches<f64>) {
        let probabilities = [0.5_f64, 0.25, 0.25];
        let branches = Branches {
            rows: vec![0],
            actions_per_state: 3,
            all_actions: true,
            actions: vec![0.0, 1.0, 2.0],
            log_probs: probabilities.map(f64::ln).to_vec(),
            q_values: vec![1.0, 2.0, 5.0],
        };
        (Distribution::Categorical { n: 3 }, probabilities.map(f64::ln).to_vec(), branches)
    }

    /// Four actions of a Gaussian with mean 0.2 and deviation 1.
    fn drawn() -> (Distribution, Vec<f64>, Branches<f64>) {
        let distribution = Distribution::DiagGaussian { dim: 1 };
        let params = vec![0.2, 0.0];
        let actions = vec![-1.0, 0.0, 0.5, 2.0];
        let log_probs = actions.iter().map(|&a| distribution.log_prob(&params, None, &[a])).collect();
        let branches = Branches {
            rows: vec![0],
            actions_per_state: 4,
            all_actions: false,
            actions,
            log_probs,
            q_values: vec![1.0, -2.0, 0.5, 3.0],
        };
        (distribution, params, branches)
    }

    fn value(case: &(Distribution, Vec<f64>, Branches<f64>), params: &[f64]) -> f64 {
        branched_value(&case.0, params, None, &case.2, 0)
    }

    #[test]
    fn nothing_is_gained_where_nothing_changed() {
        for case in [all(), drawn()] {
            assert!(value(&case, &case.1).abs() < 1e-14);
        }
    }

    #[test]
    fn the_sum_over_all_actions_is_that_of_equation_15() {
        let case = all();
        let new = [0.25_f64, 0.25, 0.5].map(f64::ln);
        // ¼·1 + ¼·2 + ½·5 − (½·1 + ¼·2 + ¼·5).
        assert!((value(&case, &new) - 1.0).abs() < 1e-14);
    }

    #[test]
    fn drawn_actions_weigh_by_their_share_of_the_ratios() {
        let case = drawn();
        let new = [1.2, -0.3];
        let ratio = |a: f64| {
            let log = |mean: f64, log_std: f64| -0.5 * ((a - mean) / log_std.exp()).powi(2) - log_std;
            (log(1.2, -0.3) - log(0.2, 0.0)).exp()
        };
        let pairs = [(-1.0, 1.0), (0.0, -2.0), (0.5, 0.5), (2.0, 3.0)];
        let sum: f64 = pairs.iter().map(|&(a, _)| ratio(a)).sum();
        let expected = pairs.iter().map(|&(a, q)| ratio(a) * q).sum::<f64>() / sum - 2.5 / 4.0;
        assert!((value(&case, &new) - expected).abs() < 1e-13);
        // The wrong variant, importance sampling that is not normalised: Σ r Q / K.
        let plain = pairs.iter().map(|&(a, q)| ratio(a) * q).sum::<f64>() / 4.0 - 2.5 / 4.0;
        assert!((plain - expected).abs() > 0.05);
    }

    /// Both gradients against central differences, where the policy is no longer the old one.
    #[test]
    fn gradients_are_those_of_the_values() {
        for (case, moved) in [(all(), vec![0.3, -0.2, 0.6]), (drawn(), vec![0.5, -0.2])] {
            let mut gradient = vec![0.0; moved.len()];
            let state = (&moved[..], None);
            let told = add_branched_gradient(&case.0, state, &case.2, 0, 2.0, &mut gradient);
            assert!((told - value(&case, &moved)).abs() < 1e-15);
            for (i, &g) in gradient.iter().enumerate() {
                let at = |h: f64| {
                    let mut params = moved.clone();
                    params[i] += h;
                    value(&case, &params)
                };
                let difference = (at(1e-5) - at(-1e-5)) / 1e-5;
                assert!((g - difference).abs() < 1e-8, "component {i}: {g}, {difference}");
            }
        }
    }

    #[test]
    fn values_count_from_the_state_alone() {
        for (mut case, moved) in [(all(), vec![0.3, -0.2, 0.6]), (drawn(), vec![0.5, -0.2])] {
            let before = value(&case, &moved);
            case.2.q_values.iter_mut().for_each(|q| *q += 100.0);
            assert!((value(&case, &moved) - before).abs() < 1e-12);
        }
    }

    #[test]
    fn what_a_state_does_not_allow_has_no_part() {
        let (distribution, params, mut branches) = all();
        let mask = [true, false, true];
        for (i, log_prob) in branches.log_probs.iter_mut().enumerate() {
            *log_prob = distribution.log_prob(&params, Some(&mask), &[i as f64]);
        }
        let moved = [0.3, -0.2, 0.6];
        let with = |q: f64| {
            let branches = Branches { q_values: vec![1.0, q, 5.0], ..branches.clone() };
            let mut gradient = vec![0.0; 3];
            let state = (&moved[..], Some(&mask[..]));
            let value = add_branched_gradient(&distribution, state, &branches, 0, 1.0, &mut gradient);
            (value, gradient)
        };
        assert_eq!(with(0.0), with(1e6));
        assert!(with(0.0).0.is_finite());
    }
}
