//! Whether final observations are what they should be, as far as that shows from outside.

use super::subject::first_difference;

/// The share of the steps on the way that must differ in what all final observations have in common.
const MOST: f64 = 0.9;
/// The least number of steps, and of ends, to judge final observations from.
const MIN_STEPS: u64 = 4;
const MIN_ENDS: u64 = 3;

/// What is known of final observations.
#[derive(Default)]
pub(super) struct Ends {
    first: Vec<f32>,
    previous: Vec<f32>,
    pub(super) ended: u64,
    like_first: u64,
    like_previous: u64,
    random: u64,
    on_the_way: Way,
}

/// The same of the observations on the way.
#[derive(Default)]
struct Way {
    steps: u64,
    like_first: u64,
    like_previous: u64,
    random: u64,
}

impl Ends {
    /// Notes the first observation of an episode.
    pub(super) fn begin(&mut self, row: &[f32]) {
        self.first = row.to_vec();
        self.previous = row.to_vec();
    }

    /// Notes whether the observation is one that was there before.
    pub(super) fn note(&mut self, row: &[f32], over: bool) {
        let like_first = u64::from(first_difference(&self.first, row).is_none());
        let like_previous = u64::from(first_difference(&self.previous, row).is_none());
        if over {
            self.ended += 1;
            self.like_first += like_first;
            self.like_previous += like_previous;
        } else {
            self.on_the_way.steps += 1;
            self.on_the_way.like_first += like_first;
            self.on_the_way.like_previous += like_previous;
        }
        self.previous.copy_from_slice(row);
    }

    /// Notes whether the observation depends on the stream.
    pub(super) fn random(&mut self, random: bool, over: bool) {
        let count = if over { &mut self.random } else { &mut self.on_the_way.random };
        *count += u64::from(random);
    }

    /// What final observations seem to be instead, compared with those on the way; whether they depend on
    /// the stream can be judged where `restores` holds.
    pub(super) fn judge(&self, restores: bool) -> Option<&'static str> {
        let way = &self.on_the_way;
        if self.ended < MIN_ENDS || way.steps < MIN_STEPS {
            return None;
        }
        let rarely = |count: u64| (count as f64) <= (1.0 - MOST) * way.steps as f64;
        if self.like_previous == self.ended && rarely(way.like_previous) {
            Some("it is always the observation before it, although steps change the observation")
        } else if self.like_first == self.ended && rarely(way.like_first) {
            Some("it is always the first observation of the episode, to which no other step leads")
        } else if restores && 2 * self.random >= self.ended && way.random == 0 {
            Some(
                "it depends on the random stream, as no observation on the way does: \
                 it seems to be the first one of the next episode",
            )
        } else {
            None
        }
    }
}
