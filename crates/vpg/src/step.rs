//! One gradient step: linearise, cotangent, vjp, clip, optimiser.

use gradus_core_math::{
    AdamConfig, AnyOptimizer, Optimizer, OptimizerConfig, Real, RmsPropConfig, Schedule, clip_global_norm,
};
use gradus_policy::{
    Input, Linearized, Network, Team, UpdateError, UpdateState, check_finite, check_schedule, check_setting,
};
use serde::{Deserialize, Serialize};

/// How a gradient becomes a step.
///
/// ```
/// use gradus_core_math::Schedule;
/// use gradus_vpg::StepConfig;
/// let step = StepConfig::adam(Schedule::Linear { start: 1e-3, end: 0.0 }).with_max_grad_norm(Some(0.5));
/// assert!(step.check().is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepConfig {
    /// The optimiser.
    pub optimizer: OptimizerConfig,
    /// Its step size.
    pub learning_rate: Schedule,
    /// The greatest norm of the gradient; longer ones are shortened to it.
    pub max_grad_norm: Option<f64>,
}

impl StepConfig {
    /// Gradient ascent on the objective, θ ← θ + α ∇J.
    pub fn ascent(learning_rate: impl Into<Schedule>) -> Self {
        Self { optimizer: OptimizerConfig::Plain, learning_rate: learning_rate.into(), max_grad_norm: None }
    }

    /// Adam with the settings of its paper.
    pub fn adam(learning_rate: impl Into<Schedule>) -> Self {
        Self { optimizer: OptimizerConfig::Adam(AdamConfig::new()), ..Self::ascent(learning_rate) }
    }

    /// RMSProp with PyTorch's settings.
    pub fn rms_prop(learning_rate: impl Into<Schedule>) -> Self {
        Self { optimizer: OptimizerConfig::RmsProp(RmsPropConfig::new()), ..Self::ascent(learning_rate) }
    }

    /// Another optimiser.
    pub fn with_optimizer(self, optimizer: OptimizerConfig) -> Self {
        Self { optimizer, ..self }
    }

    /// Another step size.
    pub fn with_learning_rate(self, learning_rate: Schedule) -> Self {
        Self { learning_rate, ..self }
    }

    /// Another greatest norm of the gradient, or none.
    pub fn with_max_grad_norm(self, max_grad_norm: Option<f64>) -> Self {
        Self { max_grad_norm, ..self }
    }

    /// Checks every range.
    ///
    /// # Errors
    /// Names the first setting that is outside its range.
    pub fn check(&self) -> Result<(), UpdateError> {
        check_schedule("learning_rate", self.learning_rate)?;
        let norm = self.max_grad_norm.unwrap_or(1.0);
        check_setting("max_grad_norm", norm, norm.is_finite() && norm > 0.0, "a number above 0")?;
        self.optimizer.build::<f64>(0)?;
        Ok(())
    }
}

/// Checks weights of a loss: finite and not negative.
pub(crate) fn check_coefs(coefs: &[(&'static str, f64)]) -> Result<(), UpdateError> {
    for &(name, value) in coefs {
        check_setting(name, value, value.is_finite() && value >= 0.0, "a number from 0 on")?;
    }
    Ok(())
}

/// Makes steps, in memory that is kept between them.
#[derive(Clone, Debug)]
pub(crate) struct Stepper<T> {
    config: StepConfig,
    pub(crate) optimizer: AnyOptimizer<T>,
    gradient: Vec<T>,
    cotangent: Vec<T>,
}

impl<T: Real> Stepper<T> {
    /// Steps of so many parameters.
    pub(crate) fn new(config: StepConfig, parameters: usize) -> Result<Self, UpdateError> {
        config.check()?;
        Ok(Self {
            config,
            optimizer: config.optimizer.build(parameters)?,
            gradient: vec![T::zero(); parameters],
            cotangent: Vec::new(),
        })
    }

    pub(crate) fn learning_rate(&self, progress: f64) -> f64 {
        self.config.learning_rate.at(progress)
    }

    /// A step against the gradient of `loss`, a function of the outputs that writes its cotangent. Returns what it
    /// returned, and the norm of the gradient before the clip.
    #[allow(clippy::too_many_arguments, reason = "the parts of one formula, at its calls")]
    pub(crate) fn step<N: Network<Scalar = T>, L>(
        &mut self,
        mut team: Team<'_>,
        network: &mut N,
        theta: &mut [T],
        input: Input<'_, T>,
        progress: f64,
        update: u64,
        loss: impl FnOnce(&[T], &mut [T]) -> Result<L, UpdateError>,
    ) -> Result<(L, f64), UpdateError> {
        let mut point = network.linearize(team.reborrow(), theta, input);
        self.cotangent.resize(point.outputs().len(), T::zero());
        let losses = loss(point.outputs(), &mut self.cotangent)?;
        point.vjp(team, &self.cotangent, &mut self.gradient);
        drop(point);
        let bound = self.config.max_grad_norm.unwrap_or(f64::INFINITY);
        let norm = clip_global_norm(&mut self.gradient, bound).wide();
        check_finite("the norm of the gradient", norm, update)?;
        self.optimizer.step(theta, &self.gradient, self.learning_rate(progress));
        Ok((losses, norm))
    }

    /// Puts the optimiser into a state.
    pub(crate) fn put(&self, state: &mut UpdateState<T>) {
        state.put_optimizer(self.optimizer.name(), &self.optimizer);
    }

    /// Takes the optimiser out of a state.
    pub(crate) fn taken(&self, state: &mut UpdateState<T>) -> Result<AnyOptimizer<T>, UpdateError> {
        state.take_optimizer(self.optimizer.name(), &self.optimizer)
    }
}
