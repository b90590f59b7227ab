//! The inner problem of Algorithm 1: the most advantage within a KL budget, and the budget that pays.
//!
//! # Derivation
//! max_π Σ_s ρ(s) Σ_a π(a|s) A(s, a) − C max_s KL(π_old‖π) is concave in π. With κ for the maximum it is
//!
//! max_κ Σ_s ρ(s) b_s(κ) − C κ, b_s(κ) = max { Σ_a π(a) A(s, a) : KL(π_old(·|s)‖π) ≤ κ },
//!
//! in which the states are apart, and ρ(s) only weighs what is best anyway. For one state, with the multipliers λ of the
//! budget and ν of Σ_a π(a) = 1, stationarity A(a) + λ π_old(a)/π(a) − ν = 0 gives
//!
//! π(a) = π_old(a) λ / (ν − A(a)), ν > max A,
//!
//! and the sum gives λ(ν) = 1 / Σ_a π_old(a)/(ν − A(a)), so that ν alone is left; KL falls in ν from ∞ to 0. b_s is
//! concave with b_s′(κ) = λ_s(κ), hence the best κ has Σ_s ρ(s) λ_s(κ) = C. Those are the two nested searches.
//!
//! In terms of y = 1/(ν − max A) and the gaps Δ(a) = max A − A(a), with g = yΔ/(1+yΔ), its mean G = Σ π_old g, and
//! Z = 1 − G = Σ π_old/(1+yΔ), nothing cancels, however small the step is:
//!
//! | quantity | expression |
//! |---|---|
//! | π/π_old − 1 | (G − g)/Z |
//! | λ | 1/(yZ) |
//! | d ln KL/d ln y | Var(g)/(Z KL), the variance under π_old |
//! | d ln λ/d ln y | −(Z² + Var(g))/Z |
//!
//! Both searches are Newton's method in logarithms, where the functions are nearly straight (KL ≈ ½ y² Var(A), and
//! b_s′ ≈ √(Var(A)/2κ)), inside a bracket.

use crate::bounds::excess;
use crate::mdp::dot;
use crate::{Evaluation, PolicyTable};

/// How near, in ln KL and in ln λ, the searches come to their goals: some units in the last place.
const TOLERANCE: f64 = 1e-14;
/// Newton's method takes three to six steps; halving a bracket, its worst case, about sixty.
const MOST_STEPS: usize = 200;
/// The largest y · max Δ: probabilities fall by it at most, and what is below counts as gone.
const FARTHEST: f64 = 1e300;
/// No probability falls below it, so that an action which hardly matters any more keeps its KL finite.
const FLOOR: f64 = 1e-300;

/// The distribution of the most advantage within a KL budget.
#[derive(Clone, Debug, PartialEq)]
pub struct BestResponse {
    /// π, `[A]`.
    pub policy: Vec<f64>,
    /// λ: by how much the gain grows with the budget.
    pub multiplier: f64,
    /// Σ_a (π(a) − π_old(a)) A(a).
    pub gain: f64,
    /// KL(π_old‖π): the budget, up to rounding, unless no distribution uses it up within the range of `f64`.
    pub kl_old_new: f64,
}

/// The best response to `advantages` within KL(π_old‖π) ≤ `max_kl`: π(a) = π_old(a) λ/(ν − A(a)).
///
/// The module derives it from Schulman et al. 2015, Algorithm 1. Actions that π_old never takes stay so. Where all
/// advantages are equal, π is π_old, and λ is 0.
///
/// # Shapes
/// `old` and `advantages`: `[A]`.
///
/// # Panics
/// When the lengths differ or are 0, or `max_kl` is not positive and finite.
///
/// ```
/// use gradus_tabular::best_response;
///
/// let response = best_response(&[0.5, 0.5], &[1.0, -1.0], 0.02);
/// assert!((response.kl_old_new - 0.02).abs() < 1e-15);
/// // Of two actions, KL = −½ ln(1 − x²) for probabilities (1 ± x)/2, and the gain is x.
/// assert!((response.gain - (1.0 - (-0.04_f64).exp()).sqrt()).abs() < 1e-15);
/// ```
pub fn best_response(old: &[f64], advantages: &[f64], max_kl: f64) -> BestResponse {
    assert_eq!(old.len(), advantages.len(), "one advantage for each action");
    assert!(max_kl > 0.0 && max_kl.is_finite(), "a KL budget is positive, {max_kl} is not");
    let state = State::new(old, advantages);
    if state.deviation <= 0.0 {
        return BestResponse { policy: old.to_vec(), multiplier: 0.0, gain: 0.0, kl_old_new: 0.0 };
    }
    let point = state.reach(max_kl, state.first_guess(max_kl));
    let mut policy = vec![0.0; old.len()];
    state.write_policy(&point, &mut policy);
    let gain = policy.iter().zip(old).zip(advantages).map(|((new, old), a)| (new - old) * a).sum();
    BestResponse { policy, multiplier: point.multiplier, gain, kl_old_new: point.kl }
}

/// Where L − C max_s KL is greatest.
#[derive(Clone, Debug, PartialEq)]
pub struct PenalizedMaximum {
    /// The policy.
    pub policy: PolicyTable,
    /// The common budget κ of the states; infinite where there is no penalty.
    pub kl_budget: f64,
}

/// argmax_π Σ_s ρ(s) Σ_a π(a|s) A(s, a) − `penalty` · max_s KL(π_old(·|s)‖π(·|s)), exactly.
///
/// The module says how. Where the argmax is not unique, in states without visits, the policy is the best response within
/// the same budget. Without a penalty the policy is greedy. It is π_old where nothing is to be gained.
///
/// # Panics
/// When the policy has another shape than the evaluation, or `penalty` is negative or not finite.
pub fn penalized_maximum(old: &PolicyTable, evaluation: &Evaluation, penalty: f64) -> PenalizedMaximum {
    assert_eq!(old.shape(), (evaluation.n_states(), evaluation.n_actions()), "a policy and its evaluation");
    assert!(penalty >= 0.0 && penalty.is_finite(), "a penalty is not negative, {penalty} is");
    let states: Vec<State<'_>> =
        old.rows().zip(evaluation.advantage_rows()).map(|(pi, a)| State::new(pi, a)).collect();
    let weighted = states.iter().zip(&evaluation.visitation);
    let slope: f64 = weighted.map(|(state, rho)| rho.max(0.0) * state.deviation).sum();
    if slope <= 0.0 {
        return PenalizedMaximum { policy: old.clone(), kl_budget: 0.0 };
    }
    if penalty <= 0.0 {
        let policy = PolicyTable::greedy(evaluation.n_actions(), &evaluation.advantages);
        return PenalizedMaximum { policy, kl_budget: f64::INFINITY };
    }
    // Σ_s ρ λ_s ≈ slope/√(2κ) for small κ.
    let guess = 0.5 * (slope / penalty).powi(2);
    let (kl_budget, points) = best_budget(&states, &evaluation.visitation, penalty, guess);
    let mut probabilities = vec![0.0; old.probabilities().len()];
    let rows = probabilities.chunks_exact_mut(old.n_actions());
    for ((state, point), row) in states.iter().zip(&points).zip(rows) {
        state.write_policy(point, row);
    }
    PenalizedMaximum { policy: PolicyTable::trusted(old.n_actions(), probabilities), kl_budget }
}

/// The budget κ with Σ_s ρ(s) λ_s(κ) = `penalty`, and the best responses within it.
fn best_budget(states: &[State<'_>], rho: &[f64], penalty: f64, guess: f64) -> (f64, Vec<Point>) {
    let mut search = Search::from(guess.ln());
    let mut points: Vec<Point> = Vec::new();
    loop {
        let kl = search.at.exp();
        points = match points.as_slice() {
            [] => states.iter().map(|state| state.reach(kl, state.first_guess(kl))).collect(),
            before => states.iter().zip(before).map(|(state, point)| state.reach(kl, point.log_y)).collect(),
        };
        let (mut value, mut slope) = (0.0, 0.0);
        for (point, rho) in points.iter().zip(rho) {
            let weighted = rho.max(0.0) * point.multiplier;
            value += weighted;
            slope += weighted * point.multiplier_slope / point.kl_slope;
        }
        // −ln Σρλ rises in ln κ.
        if search.done(penalty.ln() - value.ln(), -slope / value) {
            return (kl, points);
        }
    }
}

/// One state's problem.
struct State<'a> {
    old: &'a [f64],
    /// Δ of the actions that π_old takes; 0 for the others, which stay at 0.
    gaps: Vec<f64>,
    /// The standard deviation of A under π_old.
    deviation: f64,
    /// The largest logarithm of y.
    farthest: f64,
}

/// A best response, and the slopes there.
#[derive(Clone, Copy)]
struct Point {
    /// ln y.
    log_y: f64,
    /// KL(π_old‖π).
    kl: f64,
    /// d ln KL/d ln y.
    kl_slope: f64,
    /// λ.
    multiplier: f64,
    /// d ln λ/d ln y.
    multiplier_slope: f64,
}

impl<'a> State<'a> {
    fn new(old: &'a [f64], advantages: &[f64]) -> Self {
        let taken = old.iter().zip(advantages).filter(|(p, _)| **p > 0.0);
        let best = taken.map(|(_, a)| *a).fold(f64::NEG_INFINITY, f64::max);
        let gaps: Vec<f64> =
            old.iter().zip(advantages).map(|(&p, a)| if p > 0.0 { best - a } else { 0.0 }).collect();
        let mean = dot(old, &gaps);
        let variance: f64 = old.iter().zip(&gaps).map(|(p, gap)| p * (gap - mean).powi(2)).sum();
        let farthest = (FARTHEST / gaps.iter().copied().fold(0.0, f64::max)).ln();
        Self { old, gaps, deviation: variance.sqrt(), farthest }
    }

    /// ln y by KL ≈ ½ y² Var(A).
    fn first_guess(&self, kl: f64) -> f64 {
        0.5 * (2.0 * kl).ln() - self.deviation.ln()
    }

    /// The best response within the budget `kl`, searched from ln y = `guess`.
    fn reach(&self, kl: f64, guess: f64) -> Point {
        if self.deviation <= 0.0 {
            return Point { log_y: guess, kl: 0.0, kl_slope: 1.0, multiplier: 0.0, multiplier_slope: 0.0 };
        }
        let goal = kl.ln();
        let mut search = Search::from(guess.min(self.farthest));
        loop {
            let point = self.point(search.at);
            let out_of_range = search.at >= self.farthest && point.kl < kl;
            if search.done(point.kl.ln() - goal, point.kl_slope) || out_of_range {
                return point;
            }
            search.at = search.at.min(self.farthest);
        }
    }

    /// Everything at one y.
    fn point(&self, log_y: f64) -> Point {
        let y = log_y.exp();
        let fall = |gap: f64| y * gap / (1.0 + y * gap);
        let actions = || self.old.iter().zip(&self.gaps).filter(|(p, _)| **p > 0.0);
        let mean: f64 = actions().map(|(p, &gap)| p * fall(gap)).sum();
        // Σ π_old/(1+yΔ) rather than 1 − G, of which little may be left.
        let z: f64 = actions().map(|(p, gap)| p / (1.0 + y * gap)).sum();
        let (mut variance, mut kl) = (0.0, 0.0);
        for (p, &gap) in actions() {
            let difference = mean - fall(gap);
            variance += p * difference * difference;
            let change = difference / z;
            // Where the probability nearly vanishes, its logarithm is known better than its change.
            kl += p * if change < -0.5 { change + (y * gap).ln_1p() + z.ln() } else { excess(change) };
        }
        Point {
            log_y,
            kl,
            kl_slope: variance / (z * kl),
            multiplier: 1.0 / (y * z),
            multiplier_slope: -(z + variance / z),
        }
    }

    fn write_policy(&self, point: &Point, policy: &mut [f64]) {
        if self.deviation <= 0.0 {
            policy.copy_from_slice(self.old);
            return;
        }
        let y = point.log_y.exp();
        for ((new, &old), gap) in policy.iter_mut().zip(self.old).zip(&self.gaps) {
            *new = old / (1.0 + y * gap);
        }
        let sum: f64 = policy.iter().sum();
        for (new, &old) in policy.iter_mut().zip(self.old) {
            *new = (*new / sum).max(old.min(FLOOR));
        }
    }
}

/// Newton's method for the root of an increasing function, inside a bracket that grows until it has two ends.
struct Search {
    /// Where the function is to be evaluated next, or was at the end.
    at: f64,
    low: f64,
    high: f64,
    steps: usize,
}

impl Search {
    fn from(start: f64) -> Self {
        Self { at: start, low: f64::NEG_INFINITY, high: f64::INFINITY, steps: 0 }
    }

    /// Takes the function's value and slope at `at`. Says whether that is the root; otherwise `at` is the next place.
    fn done(&mut self, value: f64, slope: f64) -> bool {
        self.steps += 1;
        if value < 0.0 {
            self.low = self.at;
        } else {
            self.high = self.at;
        }
        let next = self.at - value / slope;
        let inside = next > self.low && next < self.high;
        let next = match (inside, self.low.is_finite(), self.high.is_finite()) {
            (true, ..) => next,
            (false, true, true) => 0.5 * (self.low + self.high),
            // The slope is of no use, and only one end is known.
            (false, true, false) => self.at + 1.0,
            (false, ..) => self.at - 1.0,
        };
        let near = value.abs() <= TOLERANCE || (next - self.at).abs() <= TOLERANCE * self.at.abs().max(1.0);
        if near || self.steps >= MOST_STEPS {
            return true;
        }
        self.at = next;
        false
    }
}
