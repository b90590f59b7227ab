//! What an estimator's mean and variance are, exactly.

use gradus_envs::finite::Transition;

use super::estimator::Estimator;
use super::setting::Setting;

/// The distribution of the state at step t of a rollout that begins with a reset and resets at every end, `[steps][S]`.
///
/// μ_0 = ρ₀ and μ_{t+1}(s′) = Σ_s μ_t(s) Σ_a π(a|s) (P(s′|s, a) + P(end|s, a) ρ₀(s′)).
pub(super) fn visits(setting: &Setting, n_steps: usize) -> Vec<Vec<f64>> {
    let table = setting.mdp.table();
    let mut now = table.initial().to_vec();
    let mut all = Vec::with_capacity(n_steps);
    for _ in 0..n_steps {
        let (mut next, mut ended) = (vec![0.0; now.len()], 0.0);
        for (state, pi) in setting.table.rows().enumerate() {
            for (action, pi) in pi.iter().enumerate() {
                for t in table.transitions(state, action) {
                    let mass = now[state] * pi * t.probability;
                    *(if t.terminated { &mut ended } else { &mut next[t.next_state] }) += mass;
                }
            }
        }
        next.iter_mut().zip(table.initial()).for_each(|(x, start)| *x += ended * start);
        all.push(std::mem::replace(&mut now, next));
    }
    all
}

/// The error Â − A of an estimator at the state and action of a step, all steps of a rollout being as likely.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    /// Its mean where a state and an action are visited, `[S, A]`; 0 where they never are.
    pub(super) bias: Vec<f64>,
    /// The mean of its square, over all visits.
    pub(super) square: f64,
}

/// The error of an estimator with a critic, by backward induction.
///
/// Let X_j be the estimate Σ_{b<m} cᵇ δ_{t+b} from (s, a) with m = j or the steps to the end of the episode, if these
/// are less. With X_0 = 0, and X_{j−1} after a step that ends the episode counted as 0,
///
/// E[X_j | s, a] = Σ p(s′, r|s, a) (δ + c E_π[X_{j−1} | s′]),
/// E[X_j² | s, a] = Σ p(s′, r|s, a) (δ² + 2 c δ E_π[X_{j−1} | s′] + c² E_π[X_{j−1}² | s′]).
///
/// At step t of T the estimate is X_j with j = min(n, T−t). A state's share of the visits with each j weighs the two.
/// Without an end of the data the mean over the actions is −(I − cP_π)⁻¹ (I − γP_π) e, with e the critic's error.
pub(super) fn expected(setting: &Setting, critic: &[f64], estimator: Estimator) -> Expected {
    let (factor, n) = estimator.residuals(setting.mdp.gamma());
    let n_actions = setting.mdp.n_actions();
    let advantages = &setting.evaluation.advantages;
    let (mut mean, mut square) = (vec![0.0; critic.len()], vec![0.0; critic.len()]);
    let mut result = Expected { bias: vec![0.0; advantages.len()], square: 0.0 };
    for weights in weights_by_depth(setting, n) {
        let (mut mean_now, mut square_now) = (vec![0.0; critic.len()], vec![0.0; critic.len()]);
        for (cell, advantage) in advantages.iter().enumerate() {
            let (state, action) = (cell / n_actions, cell % n_actions);
            let pi = setting.table.row(state)[action];
            let (mut first, mut second) = (0.0, 0.0);
            for t in setting.mdp.table().transitions(state, action) {
                let delta = residual(setting.mdp.gamma(), critic, state, t);
                let goes_on = if t.terminated { 0.0 } else { factor };
                let (m, q) = (goes_on * mean[t.next_state], goes_on * goes_on * square[t.next_state]);
                first += t.probability * (delta + m);
                second += t.probability * (delta * delta + 2.0 * delta * m + q);
            }
            mean_now[state] += pi * first;
            square_now[state] += pi * second;
            if weights[state] > 0.0 {
                result.bias[cell] += weights[state] / setting.share[state] * (first - advantage);
                let square = second - 2.0 * first * advantage + advantage * advantage;
                result.square += weights[state] * pi * square;
            }
        }
        (mean, square) = (mean_now, square_now);
    }
    result
}

/// δ = r + γ U(s′) − U(s) with the critic U, whose value behind an end is 0.
fn residual(gamma: f64, critic: &[f64], state: usize, t: &Transition) -> f64 {
    let next = if t.terminated { 0.0 } else { critic[t.next_state] };
    t.reward + gamma * next - critic[state]
}

/// For j = 1, 2, … the share of a rollout's steps that are in a state with j = min(n, T−t) residuals ahead, `[S]`.
fn weights_by_depth(setting: &Setting, n: usize) -> Vec<Vec<f64>> {
    let n_steps = setting.visits.len();
    let mut weights = vec![vec![0.0; setting.mdp.n_states()]; n.min(n_steps)];
    for (t, visits) in setting.visits.iter().enumerate() {
        let depth = n.min(n_steps - t);
        weights[depth - 1].iter_mut().zip(visits).for_each(|(w, x)| *w += x / n_steps as f64);
    }
    weights
}

impl Expected {
    /// The root of the mean square of the bias, over the visits.
    pub(super) fn rms_bias(&self, setting: &Setting) -> f64 {
        setting.mean_square(&self.bias).sqrt()
    }

    /// The same of what differs between the actions of a state, all that a gradient sees.
    pub(super) fn rms_between(&self, setting: &Setting) -> f64 {
        setting.mean_square(&setting.centred(&self.bias)).sqrt()
    }

    /// What is left of the mean square error: the mean variance of the error given a state and an action.
    pub(super) fn variance(&self, setting: &Setting) -> f64 {
        (self.square - setting.mean_square(&self.bias)).max(0.0)
    }

    /// `‖E[ĝ] − g‖/‖g‖`: the bias of the policy gradient.
    pub(super) fn gradient_bias(&self, setting: &Setting) -> f64 {
        norm(&setting.gradient_of(&self.bias)) / norm(&setting.gradient)
    }
}

/// ‖x‖.
pub(super) fn norm(x: &[f64]) -> f64 {
    gradus_core_math::norm(x)
}
