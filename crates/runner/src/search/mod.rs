//! Training without gradients: ask a search for candidates, play episodes with each, tell it their returns.

mod evaluation;
mod saving;

use std::ops::Range;

use gradus_checkpoint::Checkpoint;
use gradus_core_math::{RunningMoments, Stream};
use gradus_envs::{Env, State};
use gradus_policy::{Agent, Metrics, Mlp, Normalizer, Policy, PolicySpec, Search, Threads};

use crate::collector::{MakeEnvs, one_by_one};
use crate::settings::{Settings, SettingsError};
use crate::trainer::TrainError;
use crate::training::{Iteration, Progress, Training};

use evaluation::{Judged, Worker, judge};

/// A training run in memory that searches among parameters: the cross-entropy method, CMA-ES.
///
/// One iteration is one generation. The search draws candidates; each is a policy, which plays
/// `episodes_per_candidate` episodes with its most probable actions; the mean of their undiscounted returns is what the
/// search is told. The deployed policy has the mean of the distribution that candidates are drawn from.
///
/// All candidates of a generation play the same episodes: from the same first states, with the same random streams
/// behind them (common random numbers), and under the same normalisation of observations, whose statistics follow
/// after the generation. The next generation plays others.
///
/// What a search changes are the parameters that the most probable action depends on: a Gaussian policy's log_std stays
/// as it began. Neither the critic nor the settings that are for gradients alone have a part in it, and a scale of rewards
/// changes no order of returns. Episodes must end: a task without an end needs a time limit.
///
/// ```no_run
/// use gradus_envs::classic::CartPole;
/// use gradus_runner::{Algorithm, SearchTrainer, Settings};
///
/// let algorithm = Algorithm::CrossEntropy(Default::default());
/// let settings = Settings::new(algorithm).with_hidden(&[]).with_total_steps(500_000);
/// let mut trainer = SearchTrainer::for_env("CartPole-v1", CartPole::v1, &settings)?;
/// while !trainer.is_done() {
///     println!("{:?}", trainer.iterate()?.metrics.get("return_mean"));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SearchTrainer {
    settings: Settings,
    spec: PolicySpec,
    search: Box<dyn Search>,
    /// The policy's parameters as it began.
    theta: Vec<f32>,
    /// Those of them that the search changes; the rest stays.
    searched: Range<usize>,
    /// The first states of the present generation's episodes, with the streams that they go on with.
    episodes: Vec<State>,
    observations: Option<RunningMoments>,
    workers: Vec<Worker>,
    search_stream: Stream,
    progress: Progress,
    threads: Threads,
    thread_count: usize,
}

impl SearchTrainer {
    /// A run on environments that `make_env` makes one by one.
    ///
    /// # Errors
    /// When the settings do not fit the task, or it cannot be started.
    pub fn for_env<E: Env + 'static>(
        name: &str,
        make_env: impl Fn() -> E,
        settings: &Settings,
    ) -> Result<Self, TrainError> {
        Self::new(name, &one_by_one(make_env), settings)
    }

    /// A run on environments that `make` makes in groups.
    ///
    /// # Errors
    /// When the settings do not fit the task, or are not those of a search, or the task cannot be started.
    pub fn new(name: &str, make: &MakeEnvs<'_>, settings: &Settings) -> Result<Self, TrainError> {
        settings.check()?;
        let mut first = make(settings.episodes_per_candidate, settings.seed, 0)?;
        let (observation, action) = (first.observation_space().clone(), first.action_space().clone());
        let network = settings.network(&observation, &action, first.image_shape())?;
        let agent: Agent<Mlp<f32>> =
            Agent::new(network.build(), &mut Stream::new(settings.seed, "initialize", 0));
        let theta = agent.theta[..agent.network.policy_parameter_count()].to_vec();
        let searched = searched(&agent);
        let start: Vec<f64> = theta[searched.clone()].iter().map(|&x| f64::from(x)).collect();
        let search = settings.algorithm.build_search(&start)?.ok_or_else(|| SettingsError::Range {
            name: "algorithm",
            value: settings.algorithm.name().to_owned(),
            needed: "a search; a Trainer runs updates with gradients",
        })?;
        first.reset_all()?;
        let thread_count = settings.threads.unwrap_or_else(|| default_threads(search.population()));
        let workers = (0..thread_count.min(search.population()))
            .map(|_| Ok(Worker::new(make(1, settings.seed, 0)?)))
            .collect::<Result<_, TrainError>>()?;
        let spec = PolicySpec {
            network,
            normalizer: None,
            action_map: settings.action_map(&action),
            env: name.to_owned(),
        };
        Ok(Self {
            observations: settings.normalize_observation.then(|| RunningMoments::new(observation.width())),
            search_stream: Stream::new(settings.seed, "search", 0),
            settings: settings.clone(),
            spec,
            search,
            theta,
            searched,
            episodes: first.save(),
            workers,
            progress: Progress::default(),
            threads: Threads::new(thread_count),
            thread_count,
        })
    }

    /// One generation.
    ///
    /// # Errors
    /// When the task fails, a candidate is no policy, or the search cannot go on; it then stands as before.
    pub fn iterate(&mut self) -> Result<Iteration, TrainError> {
        let mut stream = self.search_stream.clone();
        let population = self.search.population();
        let candidates: Vec<Vec<f32>> = self
            .search
            .ask(&mut stream)
            .chunks_exact(self.searched.len())
            .map(|candidate| policy_parameters(&self.theta, self.searched.clone(), candidate))
            .collect();
        let spec = self.policy_spec();
        let Judged { episodes, next, observations } = judge(
            self.threads.team(),
            &mut self.workers,
            &spec,
            &candidates,
            &self.episodes,
            self.observations.is_some(),
        )?;
        let per_candidate = self.episodes.len();
        let returns: Vec<f64> = episodes
            .chunks_exact(per_candidate)
            .map(|episodes| episodes.iter().map(|e| e.return_).sum::<f64>() / per_candidate as f64)
            .collect();
        debug_assert_eq!(returns.len(), population, "every candidate has its episodes");
        let mut metrics = self.search.tell(&returns)?;
        self.report(&mut metrics);

        self.search_stream = stream;
        self.episodes = next;
        if let Some(moments) = &mut self.observations {
            observations.iter().for_each(|seen| moments.merge(seen));
        }
        let steps = episodes.iter().map(|episode| episode.length).sum();
        self.progress.count(steps, &episodes);
        Ok(Iteration { steps: self.progress.steps(), updates: self.progress.updates(), episodes, metrics })
    }

    /// Adds the best return that was told so far.
    fn report(&self, metrics: &mut Metrics) {
        if let Some(best) = self.search.best() {
            metrics.push("return_best", best.value);
        }
    }

    /// Whether the steps of the settings are done, or their target is reached.
    pub fn is_done(&self) -> bool {
        self.progress.is_done(&self.settings)
    }

    /// Where the run stands.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The search.
    pub fn search(&self) -> &dyn Search {
        &*self.search
    }

    /// The parameters of the deployed policy: the mean of the candidates' distribution.
    pub fn parameters(&self) -> Vec<f32> {
        policy_parameters(&self.theta, self.searched.clone(), self.search.mean())
    }

    /// A copy of the present policy, ready to act or to be saved.
    ///
    /// # Errors
    /// When its parameters are not finite.
    pub fn policy(&self) -> Result<Policy, TrainError> {
        Ok(Policy::new(self.policy_spec(), &self.parameters())?)
    }

    fn normalizer(&self) -> Option<Normalizer> {
        self.observations.as_ref().map(Normalizer::new)
    }

    fn policy_spec(&self) -> PolicySpec {
        PolicySpec { normalizer: self.normalizer(), ..self.spec.clone() }
    }
}

/// The parameters of a policy that the most probable action depends on.
fn searched(agent: &Agent<Mlp<f32>>) -> Range<usize> {
    let tensors = agent.network.policy_tensors();
    let log_std = tensors.iter().find(|tensor| tensor.name.ends_with("log_std"));
    0..log_std.map_or(agent.network.policy_parameter_count(), |tensor| tensor.offset)
}

/// `theta` with a candidate in the place of what is searched; of each parameter the nearest `f32`.
fn policy_parameters(theta: &[f32], searched: Range<usize>, candidate: &[f64]) -> Vec<f32> {
    let mut parameters = theta.to_vec();
    for (parameter, &x) in parameters[searched].iter_mut().zip(candidate) {
        *parameter = x as f32;
    }
    parameters
}

/// As many threads as processors, but no more than there are candidates.
fn default_threads(population: usize) -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(population)
}

impl Training for SearchTrainer {
    fn iterate(&mut self) -> Result<Iteration, TrainError> {
        SearchTrainer::iterate(self)
    }

    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn threads(&self) -> usize {
        self.thread_count
    }

    fn parameter_count(&self) -> usize {
        self.search.dimension()
    }

    fn experience(&self) -> String {
        let (population, episodes) = (self.search.population(), self.episodes.len());
        let s = if episodes == 1 { "" } else { "s" };
        format!("{population} candidates × {episodes} episode{s} a generation")
    }

    fn policy(&self) -> Result<Policy, TrainError> {
        SearchTrainer::policy(self)
    }

    fn checkpoint(&self) -> Result<Checkpoint, TrainError> {
        SearchTrainer::checkpoint(self)
    }

    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), TrainError> {
        SearchTrainer::restore(self, checkpoint)
    }
}
