//! Any of the methods, up to an end.

use super::{
    ConservativeInfo, ConservativePolicyIteration, Iteration, Method, MonotoneImprovement, MonotoneInfo,
    PolicyIteration, PolicyIterationInfo, ValueIteration, ValueIterationInfo,
};
use crate::{DiscountedMdp, Evaluation, PolicyTable, TabularError};

/// When a [`Solver`] stops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SolverConfig {
    max_iterations: usize,
    tolerance: f64,
}

impl Default for SolverConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl SolverConfig {
    /// At most 10,000 iterations, and a policy that is certain to be within 1e-9 of the optimum.
    ///
    /// Both are our choice: policy and value iteration reach the tolerance within tens to thousands of iterations, and
    /// 1e-9 is far above the rounding of a linear solve.
    pub fn new() -> Self {
        Self { max_iterations: 10_000, tolerance: 1e-9 }
    }

    /// The most iterations.
    pub fn with_max_iterations(mut self, max_iterations: usize) -> Self {
        self.max_iterations = max_iterations;
        self
    }

    /// The bound on the gap to the optimum at which the solver stops; 0 lets it go on for as long as the policy changes.
    ///
    /// # Errors
    /// When it is negative or not finite.
    pub fn with_tolerance(mut self, tolerance: f64) -> Result<Self, TabularError> {
        if !(tolerance >= 0.0 && tolerance.is_finite()) {
            let range = "a finite number of at least 0";
            return Err(TabularError::Setting { name: "tolerance", value: tolerance, range });
        }
        self.tolerance = tolerance;
        Ok(self)
    }

    /// The most iterations.
    pub fn max_iterations(&self) -> usize {
        self.max_iterations
    }

    /// The bound on the gap at which the solver stops.
    pub fn tolerance(&self) -> f64 {
        self.tolerance
    }
}

/// Why a [`Solver`] stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The policy is certain to be as near to the optimum as was asked for.
    Tolerance,
    /// The last iteration changed nothing.
    Stationary,
    /// The number of iterations is reached.
    MaxIterations,
    /// The last iteration had an error, and no policy to go on from.
    Failed,
}

/// What belongs to the method in an [`Iteration`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Detail {
    /// Of value iteration.
    ValueIteration(ValueIterationInfo),
    /// Of policy iteration.
    PolicyIteration(PolicyIterationInfo),
    /// Of conservative policy iteration.
    Conservative(ConservativeInfo),
    /// Of Algorithm 1.
    Monotone(MonotoneInfo),
}

/// A method on its way to the optimum: an iterator over what its iterations did, which ends by itself.
///
/// ```
/// use gradus_envs::finite::FrozenLake;
/// use gradus_tabular::{DiscountedMdp, Method, Solver, SolverConfig, Stop};
///
/// let mdp = DiscountedMdp::new(FrozenLake::four_by_four().mdp(), 0.99)?;
/// let mut solver = Solver::new(&mdp, Method::PolicyIteration, SolverConfig::new())?;
/// for iteration in &mut solver {
///     let iteration = iteration?;
///     assert!(iteration.improvement >= iteration.certified - 1e-12);
/// }
/// assert_eq!(solver.stopped(), Some(Stop::Tolerance));
/// assert!((solver.evaluation().eta - 0.542_025_93).abs() < 1e-8);
/// # Ok::<(), gradus_tabular::TabularError>(())
/// ```
pub struct Solver<'m> {
    core: Box<dyn Core + 'm>,
    method: Method,
    config: SolverConfig,
    done: usize,
    stopped: Option<Stop>,
}

impl std::fmt::Debug for Solver<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Solver")
            .field("method", &self.method)
            .field("config", &self.config)
            .field("done", &self.done)
            .field("stopped", &self.stopped)
            .finish_non_exhaustive()
    }
}

impl<'m> Solver<'m> {
    /// Starts from the policy that takes every action with the same probability.
    ///
    /// # Errors
    /// When a value overflows.
    pub fn new(mdp: &'m DiscountedMdp, method: Method, config: SolverConfig) -> Result<Self, TabularError> {
        Self::from_policy(mdp, method, config, mdp.uniform_policy())
    }

    /// Starts from a policy.
    ///
    /// # Errors
    /// When the policy is of another process, or never takes some action and the method is [`Method::Monotone`], or a
    /// value overflows.
    pub fn from_policy(
        mdp: &'m DiscountedMdp,
        method: Method,
        config: SolverConfig,
        policy: PolicyTable,
    ) -> Result<Self, TabularError> {
        let core: Box<dyn Core + 'm> = match method {
            Method::ValueIteration => Box::new(ValueIteration::new(mdp, policy)?),
            Method::PolicyIteration => Box::new(PolicyIteration::new(mdp, policy)?),
            Method::Conservative => Box::new(ConservativePolicyIteration::new(mdp, policy)?),
            Method::Monotone => Box::new(MonotoneImprovement::new(mdp, policy)?),
        };
        Ok(Self { core, method, config, done: 0, stopped: None })
    }

    /// The method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The policy as it is now.
    pub fn policy(&self) -> &PolicyTable {
        self.core.policy()
    }

    /// Its evaluation.
    pub fn evaluation(&self) -> &Evaluation {
        self.core.evaluation()
    }

    /// η*.
    pub fn optimal_eta(&self) -> f64 {
        self.core.optimal_eta()
    }

    /// An upper bound on the gap to the optimum, which needs no knowledge of it.
    pub fn gap_bound(&self) -> f64 {
        self.core.gap_bound()
    }

    /// The number of iterations so far.
    pub fn iterations(&self) -> usize {
        self.done
    }

    /// Why the solver stopped; nothing while it goes on.
    pub fn stopped(&self) -> Option<Stop> {
        self.stopped
    }
}

impl Iterator for Solver<'_> {
    type Item = Result<Iteration<Detail>, TabularError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.stopped.is_none() {
            if self.core.gap_bound() <= self.config.tolerance {
                self.stopped = Some(Stop::Tolerance);
            } else if self.done >= self.config.max_iterations {
                self.stopped = Some(Stop::MaxIterations);
            }
        }
        if self.stopped.is_some() {
            return None;
        }
        let result = self.core.advance();
        self.done += 1;
        match &result {
            Ok(iteration) if iteration.step_size > 0.0 => {}
            // What changed nothing once never will.
            Ok(_) => self.stopped = Some(Stop::Stationary),
            Err(_) => self.stopped = Some(Stop::Failed),
        }
        Some(result)
    }
}

/// What a solver needs of a method.
trait Core {
    fn advance(&mut self) -> Result<Iteration<Detail>, TabularError>;
    fn policy(&self) -> &PolicyTable;
    fn evaluation(&self) -> &Evaluation;
    fn optimal_eta(&self) -> f64;
    fn gap_bound(&self) -> f64;
}

impl Core for ValueIteration<'_> {
    fn advance(&mut self) -> Result<Iteration<Detail>, TabularError> {
        Ok(ValueIteration::advance(self)?.map(Detail::ValueIteration))
    }
    fn policy(&self) -> &PolicyTable {
        self.policy()
    }
    fn evaluation(&self) -> &Evaluation {
        self.evaluation()
    }
    fn optimal_eta(&self) -> f64 {
        self.optimal_eta()
    }
    fn gap_bound(&self) -> f64 {
        self.gap_bound()
    }
}

/// The methods that keep a [`Progress`](super::progress::Progress).
macro_rules! core_by_progress {
    ($solver:ident, $detail:ident) => {
        impl Core for $solver<'_> {
            fn advance(&mut self) -> Result<Iteration<Detail>, TabularError> {
                Ok($solver::advance(self)?.map(Detail::$detail))
            }
            fn policy(&self) -> &PolicyTable {
                &self.progress().policy
            }
            fn evaluation(&self) -> &Evaluation {
                &self.progress().evaluation
            }
            fn optimal_eta(&self) -> f64 {
                self.progress().optimal_eta
            }
            fn gap_bound(&self) -> f64 {
                self.progress().gap_bound()
            }
        }
    };
}

core_by_progress!(PolicyIteration, PolicyIteration);
core_by_progress!(ConservativePolicyIteration, Conservative);
core_by_progress!(MonotoneImprovement, Monotone);
