//! How many threads an iteration is fastest on, by trying.
//!
//! Results do not depend on it, so that it can change at any time: a neighbour may come to need the other processors,
//! and a thread that waits for one that is not running makes two slower than one.

use std::time::Duration;

/// How long a number of threads is tried, and the least number of iterations. The mean counts, not the best: beside a
/// neighbour single iterations pass undisturbed.
const TRIED: Duration = Duration::from_millis(20);
const LEAST_TRIES: u32 = 2;
/// How long a choice is kept before all are tried again: the trials of two cost some hundredths of it.
const KEPT: Duration = Duration::from_millis(1000);

/// The numbers of threads that are tried, and the one that is used.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    candidates: Vec<usize>,
    /// The time of an iteration with each that this trial has come to.
    means: Vec<Duration>,
    /// Of the one that is tried, or kept.
    time: Duration,
    iterations: u32,
    chosen: usize,
}

impl Pace {
    /// The powers of two up to `most`, and `most`.
    pub(crate) fn up_to(most: usize) -> Self {
        let mut candidates: Vec<usize> =
            std::iter::successors(Some(1), |n| Some(2 * n)).take_while(|&n| n < most).collect();
        candidates.push(most.max(1));
        Self::among(candidates)
    }

    /// This number alone.
    pub(crate) fn fixed(threads: usize) -> Self {
        Self::among(vec![threads])
    }

    fn among(candidates: Vec<usize>) -> Self {
        let chosen = candidates.len() - 1;
        Self { candidates, means: Vec::new(), time: Duration::ZERO, iterations: 0, chosen }
    }

    /// The most that are ever used.
    pub(crate) fn most(&self) -> usize {
        self.candidates.last().copied().unwrap_or(1)
    }

    /// What was found to be the fastest; before anything is known, the most.
    pub(crate) fn chosen(&self) -> usize {
        self.candidates[self.chosen]
    }

    /// The number of threads for the next iteration.
    pub(crate) fn next(&self) -> usize {
        self.candidates.get(self.means.len()).copied().unwrap_or(self.chosen())
    }

    /// Takes in how long it took.
    pub(crate) fn took(&mut self, time: Duration) {
        self.time += time;
        self.iterations += 1;
        let count = self.candidates.len();
        if self.means.len() < count {
            if self.time >= TRIED && self.iterations >= LEAST_TRIES {
                self.means.push(self.time / self.iterations);
                (self.time, self.iterations) = (Duration::ZERO, 0);
                let fastest = self.means.iter().enumerate().min_by_key(|(_, time)| **time);
                if let (true, Some((place, _))) = (self.means.len() == count, fastest) {
                    self.chosen = place;
                }
            }
        } else if self.time >= KEPT {
            self.means.clear();
            (self.time, self.iterations) = (Duration::ZERO, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Iterations that take `time(threads)`, until their times add up to `until`; counts each number of threads.
    fn run(pace: &mut Pace, until: Duration, time: impl Fn(usize) -> u64) -> Vec<(usize, u32)> {
        let mut counts: Vec<(usize, u32)> = pace.candidates.iter().map(|&n| (n, 0)).collect();
        let mut sum = Duration::ZERO;
        while sum < until {
            let threads = pace.next();
            let took = Duration::from_millis(time(threads));
            counts.iter_mut().filter(|(n, _)| *n == threads).for_each(|(_, count)| *count += 1);
            pace.took(took);
            sum += took;
        }
        counts
    }

    #[test]
    fn candidates_are_powers_of_two_and_the_most() {
        for (most, expected) in
            [(0, vec![1]), (1, vec![1]), (2, vec![1, 2]), (3, vec![1, 2, 3]), (8, vec![1, 2, 4, 8])]
        {
            let pace = Pace::up_to(most);
            assert_eq!(pace.candidates, expected);
            assert_eq!(pace.most(), most.max(1));
        }
        assert_eq!(Pace::fixed(3).next(), 3);
    }

    #[test]
    fn the_fastest_is_found_and_kept() {
        for fastest in [1, 2, 4] {
            let mut pace = Pace::up_to(4);
            let time = |threads: usize| if threads == fastest { 4 } else { 6 };
            let counts = run(&mut pace, Duration::from_secs(10), time);
            assert_eq!(pace.chosen(), fastest);
            let of_fastest = counts.iter().find(|(n, _)| *n == fastest).expect("a candidate").1;
            let all: u32 = counts.iter().map(|(_, count)| count).sum();
            assert!(of_fastest * 20 > all * 19, "{counts:?}");
        }
    }

    /// A neighbour comes, which makes two threads ten times slower, and goes: the choice follows within two seconds.
    #[test]
    fn a_change_is_noticed_soon() {
        let mut pace = Pace::up_to(2);
        let (alone, beside) = (|n: usize| 10 / n as u64, |n: usize| if n == 1 { 10 } else { 50 });
        run(&mut pace, Duration::from_secs(2), alone);
        assert_eq!(pace.chosen(), 2);
        run(&mut pace, Duration::from_secs(2), beside);
        assert_eq!(pace.chosen(), 1);
        run(&mut pace, Duration::from_secs(2), alone);
        assert_eq!(pace.chosen(), 2);
    }

    /// Beside a neighbour an iteration of two threads is fast, but for one in five, which waits.
    #[test]
    fn the_mean_counts() {
        let mut pace = Pace::up_to(2);
        for i in 0..40 {
            let time = match (pace.next(), i % 5) {
                (1, _) => 10,
                (_, 4) => 60,
                _ => 5,
            };
            pace.took(Duration::from_millis(time));
        }
        assert_eq!(pace.chosen(), 1);
    }

    #[test]
    fn a_fixed_number_stays() {
        let mut pace = Pace::fixed(2);
        run(&mut pace, Duration::from_secs(5), |_| 10);
        assert_eq!((pace.chosen(), pace.next(), pace.most()), (2, 2, 2));
    }
}
