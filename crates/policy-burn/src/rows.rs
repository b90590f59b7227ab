//! Rows of observations on a device.

use burn::tensor::{Device, Tensor, TensorData};
use gradus_policy::Input;

use crate::map::Map;
use crate::sequences::Sequences;

/// The rows of an input on a device, in the order in which they are computed.
pub(crate) struct DeviceRows {
    observations: Tensor<2>,
    memory: Option<DeviceMemory>,
}

/// What a map that remembers needs beside.
struct DeviceMemory {
    sequences: Sequences,
    /// `[S, state_width]`
    states: Tensor<2>,
    /// `[L · S, 1]`
    keep: Tensor<2>,
}

impl DeviceRows {
    /// Brings the rows of `input` to `device`. Without a memory in the input, a map that remembers is at the start of an
    /// episode in every row.
    pub(crate) fn new(input: &Input<'_, f32>, state_width: usize, device: &Device) -> Self {
        let memory = (state_width > 0).then(|| sequences(input, state_width)).map(|sequences| {
            let tensor =
                |values: &[f32], shape| Tensor::from_data(TensorData::new(values.to_vec(), shape), device);
            DeviceMemory {
                states: tensor(&sequences.states, [sequences.count, state_width]),
                keep: tensor(&sequences.keep, [sequences.keep.len(), 1]),
                sequences,
            }
        });
        let rows = input.rows.len();
        let mut observations = Vec::with_capacity(rows * input.width);
        for i in 0..rows {
            let position = memory.as_ref().map_or(i, |memory| memory.sequences.order[i]);
            observations.extend_from_slice(input.row(position));
        }
        let observations = Tensor::from_data(TensorData::new(observations, [rows, input.width]), device);
        Self { observations, memory }
    }

    /// The same rows for maps that are not followed for gradients.
    pub(crate) fn without_autodiff(&self) -> Self {
        let memory = self.memory.as_ref().map(|memory| DeviceMemory {
            sequences: memory.sequences.clone(),
            states: memory.states.clone().inner(),
            keep: memory.keep.clone().inner(),
        });
        Self { observations: self.observations.clone().inner(), memory }
    }

    /// The outputs of `map`, `[rows, output_width]`, step by step for one that remembers.
    pub(crate) fn evaluate(&self, map: &impl Map) -> Tensor<2> {
        let Some(DeviceMemory { sequences, states, keep }) = &self.memory else {
            return map.forward(self.observations.clone());
        };
        let count = sequences.count;
        let mut state = states.clone();
        let mut outputs = Vec::with_capacity(sequences.length);
        for step in 0..sequences.length {
            let of_step = |all: &Tensor<2>| all.clone().narrow(0, step * count, count);
            if sequences.keep[step * count..][..count].contains(&0.0) {
                state = state * of_step(keep);
            }
            let (output, after) = map.step(of_step(&self.observations), state);
            outputs.push(output);
            state = after;
        }
        Tensor::cat(outputs, 0)
    }

    /// The derivative of the outputs along `tangent`, where the map has one.
    pub(crate) fn derivative<M: Map>(&self, map: &M, tangent: &M) -> Option<Tensor<2>> {
        if self.memory.is_some() { None } else { map.jvp(tangent, self.observations.clone()) }
    }

    /// `to` ← `from`, rows in the order of computing put into that of the input.
    pub(crate) fn to_caller(&self, from: &[f32], to: &mut [f32]) {
        self.permute(from, to, |place, position| (place, position));
    }

    /// `to` ← `from`, rows in the order of the input put into that of computing.
    pub(crate) fn to_device(&self, from: &[f32], to: &mut [f32]) {
        self.permute(from, to, |place, position| (position, place));
    }

    fn permute(&self, from: &[f32], to: &mut [f32], direction: impl Fn(usize, usize) -> (usize, usize)) {
        let Some(memory) = &self.memory else { return to.copy_from_slice(from) };
        let order = &memory.sequences.order;
        let width = from.len() / order.len();
        for (place, &position) in order.iter().enumerate() {
            let (source, target) = direction(place, position);
            to[target * width..][..width].copy_from_slice(&from[source * width..][..width]);
        }
    }
}

/// The sequences of an input.
fn sequences(input: &Input<'_, f32>, state_width: usize) -> Sequences {
    match &input.memory {
        Some(memory) => Sequences::new(input.rows, memory, state_width),
        None => {
            let rows = input.rows.len();
            Sequences {
                count: rows,
                length: 1,
                order: (0..rows).collect(),
                keep: vec![1.0; rows],
                states: vec![0.0; rows * state_width],
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use gradus_policy::Rows;

    use super::*;

    #[test]
    fn without_a_memory_every_row_begins_an_episode() {
        let input = Input { observations: &[0.0; 6], width: 2, rows: Rows::First(3), memory: None };
        let sequences = sequences(&input, 4);
        assert_eq!((sequences.count, sequences.length), (3, 1));
        assert_eq!(sequences.states.len(), 12);
    }
}
