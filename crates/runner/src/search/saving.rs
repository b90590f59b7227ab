//! A search as a checkpoint, and back.

use gradus_checkpoint::{Checkpoint, Tensor};
use gradus_core_math::{RunningMoments, Stream};
use gradus_envs::State;
use gradus_policy::UpdateState;
use serde::{Deserialize, Serialize};

use super::SearchTrainer;
use crate::saving::{ALGORITHM, Metadata, STATE, put_parameters};
use crate::trainer::TrainError;
use crate::training::Progress;

/// The exact part, as bytes.
#[derive(Serialize, Deserialize)]
struct Exact {
    episodes: Vec<State>,
    observations: Option<RunningMoments>,
    search_stream: Stream,
    progress: Progress,
}

impl SearchTrainer {
    /// Everything that the rest of the run depends on: a run that [`restore`](SearchTrainer::restore)s it goes on bit
    /// for bit like this one. The vectors of the search are 64-bit, beside the 32-bit parameters of the policy.
    ///
    /// # Errors
    /// When something has no representation in the file's format.
    pub fn checkpoint(&self) -> Result<Checkpoint, TrainError> {
        let mut checkpoint = Checkpoint::default();
        let spec = self.policy_spec();
        put_parameters(&mut checkpoint, &spec.tensors()?, &self.parameters())?;
        let UpdateState { tensors, scalars } = self.search.state();
        for (name, values) in tensors {
            checkpoint.tensors.insert(format!("{ALGORITHM}{name}"), Tensor::from(values));
        }
        let state = Exact {
            episodes: self.episodes.clone(),
            observations: self.observations.clone(),
            search_stream: self.search_stream.clone(),
            progress: self.progress.clone(),
        };
        let bytes = postcard::to_allocvec(&state).map_err(|error| TrainError::Mismatch(error.to_string()))?;
        checkpoint.tensors.insert(STATE.into(), Tensor::from(bytes));
        checkpoint.metadata = Metadata::new(&self.settings, &self.progress, spec, scalars).to_json()?;
        Ok(checkpoint)
    }

    /// Goes on from a checkpoint of the same task, networks and search.
    ///
    /// # Errors
    /// When the checkpoint is of another run; this one is then as it was.
    pub fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), TrainError> {
        let metadata = Metadata::of_same_run(checkpoint, &self.settings, &self.policy_spec())?;
        let mut found = UpdateState { scalars: metadata.algorithm, ..UpdateState::default() };
        for (name, tensor) in &checkpoint.tensors {
            if let Some(short) = name.strip_prefix(ALGORITHM) {
                let values = checkpoint.f64(name, tensor.shape())?.to_vec();
                found.tensors.insert(short.to_owned(), values);
            }
        }
        let state: Exact = postcard::from_bytes(checkpoint.bytes(STATE)?)
            .map_err(|error| TrainError::Mismatch(format!("its state cannot be read: {error}")))?;
        let (theirs, ours) = (state.episodes.len(), self.episodes.len());
        if theirs != ours {
            let text = format!("it has {theirs} episodes per candidate, this run {ours}");
            return Err(TrainError::Mismatch(text));
        }
        let width = |moments: &Option<RunningMoments>| moments.as_ref().map(|m| m.mean().len());
        if width(&state.observations) != width(&self.observations) {
            return Err(TrainError::Mismatch("its statistics are of other observations".into()));
        }
        self.search.load(found)?;
        self.episodes = state.episodes;
        self.observations = state.observations;
        self.search_stream = state.search_stream;
        self.progress = state.progress;
        Ok(())
    }
}
