//! Episodes of candidates, shared out over threads.

use std::sync::atomic::{AtomicUsize, Ordering};

use gradus_core_math::RunningMoments;
use gradus_envs::{Episode, State, VectorEnv};
use gradus_policy::{Policy, PolicySpec, Team};

use crate::trainer::TrainError;

/// The environment of one thread, and what the thread found out.
pub(super) struct Worker {
    env: Box<dyn VectorEnv>,
    found: Vec<Candidate>,
    /// For each episode, the one of this thread's candidates that lasted longest.
    longest: Vec<Option<Longest>>,
    error: Option<(usize, TrainError)>,
}

/// What one candidate's episodes came to.
struct Candidate {
    row: usize,
    episodes: Vec<Episode>,
    observations: Option<RunningMoments>,
}

/// The longest episode from one first state, and the state behind it: the start of another episode.
struct Longest {
    length: u64,
    row: usize,
    behind: State,
}

impl Longest {
    /// Of equal lengths the earlier candidate's, so that the number of threads does not matter.
    fn beats(&self, other: Option<&Self>) -> bool {
        other.is_none_or(|other| (self.length, other.row) > (other.length, self.row))
    }
}

/// A generation's episodes, in the order of the candidates.
pub(super) struct Judged {
    /// `[candidates, episodes]`
    pub(super) episodes: Vec<Episode>,
    /// The first states of the next generation's episodes, `[episodes]`.
    ///
    /// Each is the one that followed the longest episode from the same first state: its stream has gone further than
    /// those of the shorter ones, so that the numbers that this generation drew do not come again in the next.
    pub(super) next: Vec<State>,
    /// What each candidate saw; empty unless asked for.
    pub(super) observations: Vec<RunningMoments>,
}

impl Worker {
    /// A thread with one environment.
    pub(super) fn new(env: Box<dyn VectorEnv>) -> Self {
        Self { env, found: Vec::new(), longest: Vec::new(), error: None }
    }

    /// Judges candidates, from `next` on, until there are none left or one fails.
    fn work(&mut self, task: &Task<'_>, next: &AtomicUsize) {
        self.found.clear();
        self.error = None;
        self.longest.clear();
        self.longest.resize_with(task.starts.len(), || None);
        loop {
            let row = next.fetch_add(1, Ordering::Relaxed);
            let Some(parameters) = task.candidates.get(row) else { return };
            match self.judge(task, row, parameters) {
                Ok(candidate) => self.found.push(candidate),
                Err(error) => {
                    self.error = Some((row, error));
                    return;
                }
            }
        }
    }

    fn judge(&mut self, task: &Task<'_>, row: usize, parameters: &[f32]) -> Result<Candidate, TrainError> {
        let mut policy = Policy::new(task.spec.clone(), parameters)?;
        let mut observations = task.observes.then(|| RunningMoments::new(policy.observation_width()));
        let mut episodes = Vec::with_capacity(task.starts.len());
        for (number, start) in task.starts.iter().enumerate() {
            self.env.restore(std::slice::from_ref(start))?;
            let episode = self.play(&mut policy, observations.as_mut())?;
            episodes.push(Episode { env: number, ..episode });
            self.remember(number, row, episode.length);
        }
        Ok(Candidate { row, episodes, observations })
    }

    /// One episode to its end.
    fn play(
        &mut self,
        policy: &mut Policy,
        mut observations: Option<&mut RunningMoments>,
    ) -> Result<Episode, TrainError> {
        let mut action = vec![0.0; policy.action_width()];
        loop {
            if let Some(moments) = &mut observations {
                moments.push(self.env.observations());
            }
            let masks = (!self.env.masks().is_empty()).then(|| self.env.masks());
            policy.act(self.env.observations(), masks, &mut action)?;
            self.env.step(&action)?;
            if let Some(episode) = self.env.drain_episodes().next() {
                return Ok(episode);
            }
        }
    }

    fn remember(&mut self, number: usize, row: usize, length: u64) {
        let longest = &mut self.longest[number];
        if longest.as_ref().is_none_or(|longest| length > longest.length)
            && let Some(behind) = self.env.save().pop()
        {
            *longest = Some(Longest { length, row, behind });
        }
    }
}

/// What all threads work on.
struct Task<'a> {
    spec: &'a PolicySpec,
    candidates: &'a [Vec<f32>],
    starts: &'a [State],
    observes: bool,
}

/// Plays an episode from each of `starts` with each candidate. The result is the same for any number of workers.
///
/// # Errors
/// Those of the first candidate that fails.
pub(super) fn judge(
    mut team: Team<'_>,
    workers: &mut [Worker],
    spec: &PolicySpec,
    candidates: &[Vec<f32>],
    starts: &[State],
    observes: bool,
) -> Result<Judged, TrainError> {
    let task = Task { spec, candidates, starts, observes };
    let next = AtomicUsize::new(0);
    team.for_each(workers, |_, worker| worker.work(&task, &next));
    // Candidates are taken in order: whatever comes before the first that failed has been judged.
    let failed = workers.iter_mut().filter_map(|worker| worker.error.take()).min_by_key(|(row, _)| *row);
    if let Some((_, error)) = failed {
        return Err(error);
    }
    let mut found: Vec<Candidate> = workers.iter_mut().flat_map(|worker| worker.found.drain(..)).collect();
    found.sort_by_key(|candidate| candidate.row);
    let next = (0..starts.len()).filter_map(|number| longest_of(workers, number)).collect();
    let (mut episodes, mut observations) = (Vec::new(), Vec::new());
    for candidate in found {
        episodes.extend(candidate.episodes);
        observations.extend(candidate.observations);
    }
    Ok(Judged { episodes, next, observations })
}

/// The state behind the longest of all episodes with this number.
fn longest_of(workers: &mut [Worker], number: usize) -> Option<State> {
    let mut longest: Option<Longest> = None;
    for worker in workers {
        let found = worker.longest.get_mut(number).and_then(Option::take);
        if let Some(found) = found
            && found.beats(longest.as_ref())
        {
            longest = Some(found);
        }
    }
    longest.map(|longest| longest.behind)
}
