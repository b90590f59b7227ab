//! Rows that are read one after the other.

use gradus_policy::{Memory, Rows};

/// Where the rows of whole sequences stand in the order in which they are computed: step l of sequence s at l·S + s.
#[derive(Clone, Debug)]
pub(crate) struct Sequences {
    /// Their number, S.
    pub(crate) count: usize,
    /// The steps of each, L.
    pub(crate) length: usize,
    /// The position among the rows that are meant, for each place in the order of computing, `[L · S]`.
    pub(crate) order: Vec<usize>,
    /// 0 where an episode begins and nothing is remembered, else 1, `[L · S]`.
    pub(crate) keep: Vec<f32>,
    /// The state before the first step of each, `[S, state_width]`.
    pub(crate) states: Vec<f32>,
}

impl Sequences {
    /// The sequences of `rows`.
    ///
    /// # Panics
    /// When the rows are not whole sequences, or lengths do not fit.
    pub(crate) fn new(rows: Rows<'_>, memory: &Memory<'_, f32>, state_width: usize) -> Self {
        let Memory { n_envs, length, states, starts } = *memory;
        assert!(rows.len().is_multiple_of(length), "{} rows are no sequences of {length}", rows.len());
        let count = rows.len() / length;
        const NOWHERE: usize = usize::MAX;
        // The place of each sequence of the batch among those that are meant.
        let mut places = vec![NOWHERE; states.len() / state_width];
        let (mut order, mut keep) = (vec![NOWHERE; rows.len()], vec![1.0; rows.len()]);
        let mut own = Vec::with_capacity(count * state_width);
        let mut found = 0;
        for position in 0..rows.len() {
            let row = rows.index(position);
            let (step, env) = (row / n_envs, row % n_envs);
            let number = step / length * n_envs + env;
            if places[number] == NOWHERE {
                places[number] = found;
                found += 1;
                own.extend_from_slice(&states[number * state_width..][..state_width]);
            }
            assert!(found <= count, "the rows are no whole sequences of {length} steps");
            let place = step % length * count + places[number];
            order[place] = position;
            keep[place] = f32::from(u8::from(!starts[row]));
        }
        assert!(!order.contains(&NOWHERE), "a row is missing in a sequence, or another stands twice");
        Self { count, length, order, keep, states: own }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_sequences_are_found_in_any_order_of_their_rows() {
        // 4 steps of 2 environments in sequences of 2: rows 0 2, 1 3, 4 6 and 5 7, numbered 0 to 3.
        let starts = [false, false, false, true, false, false, false, false];
        let states: Vec<f32> = (0..4).map(|x| x as f32).collect();
        let memory = Memory { n_envs: 2, length: 2, states: &states, starts: &starts };
        let rows = [7, 1, 5, 3];
        let sequences = Sequences::new(Rows::Listed(&rows), &memory, 1);
        assert_eq!((sequences.count, sequences.length), (2, 2));
        // Sequence 3 comes first, for row 7 does; its first step is row 5.
        assert_eq!(sequences.order, [2, 1, 0, 3]);
        assert_eq!(sequences.keep, [1.0, 1.0, 1.0, 0.0]);
        assert_eq!(sequences.states, [3.0, 1.0]);
        let all = Sequences::new(Rows::First(8), &memory, 1);
        assert_eq!(all.order, [0, 1, 4, 5, 2, 3, 6, 7]);
        assert_eq!(all.states, [0.0, 1.0, 2.0, 3.0]);
    }

    #[test]
    #[should_panic(expected = "whole sequences")]
    fn rows_of_too_many_sequences_are_refused() {
        let memory = Memory { n_envs: 2, length: 2, states: &[0.0; 4], starts: &[false; 8] };
        let _ = Sequences::new(Rows::Listed(&[0, 1]), &memory, 1);
    }
}
