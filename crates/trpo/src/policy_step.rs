//! One step of the policy, and what it came to.

use gradus_core_math::{
    BacktrackingLineSearch, CgInfo, CgSolver, LineSearchOutcome, Real, RejectReason, Stream, axpy, norm,
};
use gradus_policy::{Linearized, Metrics, Network, Team, UpdateError, check_finite};

use crate::config::{KlConstraint, TrpoConfig};
use crate::step::{fisher_vector_product, line_search, step_length, step_length_for, surrogate_gradient};
use crate::surrogate::{Divergence, Surrogate};

/// What the policy's step came to.
pub(crate) struct PolicyStep {
    gradient_norm: f64,
    info: CgInfo,
    full_step_norm: f64,
    surrogate_old: f64,
    surrogate_new: f64,
    divergence: Divergence,
    constraint: KlConstraint,
    entropy: f64,
    /// The share of the full step that was taken; 0 where the search was rejected or there was no step.
    scale: f64,
    trials: usize,
    rejected: Option<RejectReason>,
}

/// Makes the policy's steps, in memory that is kept between them.
#[derive(Clone, Debug)]
pub(crate) struct PolicyStepper<T> {
    max_kl: f64,
    cg_damping: f64,
    fisher_fraction: f64,
    search: Option<BacktrackingLineSearch>,
    solver: CgSolver<T>,
    gradient: Vec<T>,
    step: Vec<T>,
    /// Rows of the policy's outputs: old parameters, and scratch.
    rows: [Vec<T>; 2],
}

impl<T: Real> PolicyStepper<T> {
    pub(crate) fn new(config: &TrpoConfig, parameters: usize) -> Result<Self, UpdateError> {
        let solver = CgSolver::new(config.conjugate_gradient, parameters).map_err(|error| {
            UpdateError::Setting { name: error.name, value: error.value, range: error.range }
        })?;
        let zeros = || vec![T::zero(); parameters];
        let TrpoConfig { max_kl, cg_damping, fisher_fraction, line_search: search, .. } = *config;
        Ok(Self {
            max_kl,
            cg_damping,
            fisher_fraction,
            search,
            solver,
            gradient: zeros(),
            step: zeros(),
            rows: Default::default(),
        })
    }

    /// Gradient, natural direction, step length, line search: θ moves, or stays where it is.
    pub(crate) fn step<N: Network<Scalar = T>>(
        &mut self,
        mut team: Team<'_>,
        policy: &mut N,
        theta: &mut [T],
        surrogate: &Surrogate<'_, T>,
        update: u64,
    ) -> Result<PolicyStep, UpdateError> {
        let mut done = self.full_step(team.reborrow(), policy, theta, surrogate, update)?;
        if !done.is_zero() {
            self.take_step(team, policy, theta, surrogate, update, &mut done)?;
        }
        Ok(done)
    }

    /// The rows of the states that F is made of in this update, drawn without repetition; none for all.
    fn fisher_rows(&self, surrogate: &Surrogate<'_, T>, update: u64) -> Option<Vec<u32>> {
        if self.fisher_fraction >= 1.0 {
            return None;
        }
        let states = surrogate.rows();
        let amount = ((states.len() as f64 * self.fisher_fraction).ceil() as usize).min(states.len());
        let mut rng = Stream::new(update, "fisher states", 0);
        let drawn = rand::seq::index::sample(&mut rng, states.len(), amount);
        Some(drawn.into_iter().map(|i| states.index(i) as u32).collect())
    }

    /// Gradient, natural direction and step length at θ, from one linearisation, or from two where F is made of fewer
    /// states; the full step into `self.step`, the
    /// outputs there into the first of `self.rows`.
    fn full_step<N: Network<Scalar = T>>(
        &mut self,
        mut team: Team<'_>,
        policy: &mut N,
        theta: &[T],
        surrogate: &Surrogate<'_, T>,
        update: u64,
    ) -> Result<PolicyStep, UpdateError> {
        let fisher_rows = self.fisher_rows(surrogate, update);
        let fisher = fisher_rows.as_ref().map_or(*surrogate, |rows| surrogate.with_rows(rows));
        let Self { gradient, step, rows: [params_old, scratch], solver, .. } = self;
        let mut point = policy.linearize(team.reborrow(), theta, surrogate.input());
        params_old.clear();
        params_old.extend_from_slice(point.outputs());
        scratch.resize(params_old.len(), T::zero());

        let surrogate_old = surrogate_gradient(team.reborrow(), &mut point, surrogate, scratch, gradient);
        let gradient_norm = norm(gradient);
        check_finite("the surrogate", surrogate_old, update)?;
        check_finite("the norm of the surrogate's gradient", gradient_norm, update)?;
        if fisher_rows.is_some() {
            drop(point);
            point = policy.linearize(team.reborrow(), theta, fisher.input());
        }
        let outputs = point.outputs().len();
        let product = |v: &[T], out: &mut [T]| {
            fisher_vector_product(team.reborrow(), &mut point, &fisher, self.cg_damping, v, out);
        };
        let info =
            solver.solve(product, gradient, step).map_err(|error| UpdateError::Solver { error, update })?;
        let length = match surrogate.constraint() {
            KlConstraint::Mean => step_length(self.max_kl, &info),
            KlConstraint::Max => {
                point.jvp(team.reborrow(), step, &mut scratch[..outputs]);
                let damping = self.cg_damping * norm(step) * norm(step);
                let curvature = fisher.curvature(point.outputs(), &scratch[..outputs]);
                step_length_for(self.max_kl, curvature + damping)
            }
        };
        let length = T::of(length);
        step.iter_mut().for_each(|x| *x *= length);
        let full_step_norm = norm(step);
        check_finite("the norm of the full step", full_step_norm, update)?;
        Ok(PolicyStep {
            gradient_norm,
            info,
            full_step_norm,
            surrogate_old,
            surrogate_new: surrogate_old,
            divergence: Divergence::default(),
            constraint: surrogate.constraint(),
            entropy: surrogate.entropy(params_old),
            scale: 0.0,
            trials: 0,
            rejected: None,
        })
    }

    /// Moves θ by what the line search accepts of `self.step`, or by all of it where there is no search.
    fn take_step<N: Network<Scalar = T>>(
        &mut self,
        mut team: Team<'_>,
        policy: &mut N,
        theta: &mut [T],
        surrogate: &Surrogate<'_, T>,
        update: u64,
        done: &mut PolicyStep,
    ) -> Result<(), UpdateError> {
        let Self { step, rows: [params_old, params], .. } = self;
        if let Some(search) = &self.search {
            let bounds = (done.surrogate_old, self.max_kl);
            let buffers = (&params_old[..], &mut params[..]);
            let (outcome, divergence) =
                line_search(team, policy, theta, step, surrogate, bounds, search, buffers);
            done.take(&outcome);
            if outcome.accepted_scale().is_some() {
                done.divergence = divergence;
            }
            return Ok(());
        }
        axpy(T::one(), step, theta);
        policy.forward(team.reborrow(), theta, surrogate.input(), params);
        (done.surrogate_new, done.divergence) = surrogate.value_and_divergence(team, params_old, params);
        (done.scale, done.trials) = (1.0, 1);
        check_finite("the surrogate after the step", done.surrogate_new, update)?;
        check_finite("kl_old_new after the step", done.divergence.mean, update)
    }
}

impl PolicyStep {
    /// Whether the gradient is zero (to the tolerance of conjugate gradient), so that no direction improves the
    /// surrogate and there is nothing to search: the policy stays.
    fn is_zero(&self) -> bool {
        self.info.iterations == 0
    }

    fn take(&mut self, outcome: &LineSearchOutcome) {
        self.trials = outcome.trials().len();
        match *outcome {
            LineSearchOutcome::Accepted { scale, objective, .. } => {
                (self.scale, self.surrogate_new) = (scale, objective);
            }
            LineSearchOutcome::Rejected { reason, .. } => self.rejected = Some(reason),
        }
    }

    pub(crate) fn metrics(&self) -> Metrics {
        let mut metrics = Metrics::new();
        metrics.push("surrogate_improvement", self.surrogate_new - self.surrogate_old);
        metrics.push("kl_old_new", self.divergence.mean);
        if self.constraint == KlConstraint::Max {
            metrics.push("max_kl_old_new", self.divergence.max);
        }
        metrics.push("entropy", self.entropy);
        metrics.push("zero_gradient", f64::from(self.is_zero()));
        metrics.push("step_scale", self.scale);
        metrics.push("line_search_trials", self.trials as f64);
        let rejected = |reasons: &[RejectReason]| {
            f64::from(self.rejected.is_some_and(|reason| reasons.contains(&reason)))
        };
        use RejectReason::{
            ConstraintViolated, InitialNotFinite, NoImprovement, NoImprovementAndConstraintViolated,
            NotFinite,
        };
        let both = NoImprovementAndConstraintViolated;
        metrics.push("rejected", f64::from(self.rejected.is_some()));
        metrics.push("rejected_no_improvement", rejected(&[NoImprovement, both]));
        metrics.push("rejected_kl", rejected(&[ConstraintViolated, both]));
        metrics.push("rejected_not_finite", rejected(&[NotFinite, InitialNotFinite]));
        metrics.push("gradient_norm", self.gradient_norm);
        metrics.push("full_step_norm", self.full_step_norm);
        metrics.push("cg_iterations", self.info.iterations as f64);
        metrics.push("cg_relative_residual", self.info.relative_residual);
        metrics
    }
}
