//! Threads that wait for work close at hand: fork and join in a fraction of a microsecond.
//!
//! A minibatch of a small network takes tens of microseconds, so a pool that wakes its workers through the
//! operating system would cost more than it brings. Workers here spin for a moment before they sleep; a
//! [`Team`] splits in halves, so that two networks can be evaluated side by side, each by half of the threads; and a
//! thread that is done takes its share of the loops that others are in, so that neither an uneven split nor a slow
//! processor holds up the rest for long.

mod mailbox;
mod open_loop;

use std::ops::AddAssign;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use mailbox::{Job, Mailbox, STOP};
use open_loop::OpenLoops;

/// A set of worker threads that lives as long as this value.
///
/// ```
/// use gradus_policy::Threads;
/// let mut threads = Threads::new(2);
/// let mut squares = [1, 2, 3, 4];
/// threads.team().for_each(&mut squares, |_, x| *x *= *x);
/// assert_eq!(squares, [1, 4, 9, 16]);
/// ```
pub struct Threads {
    crew: Arc<Crew>,
    handles: Vec<JoinHandle<()>>,
}

/// What the threads have in common. Number 0 is the calling one, number i the one behind mailbox i − 1.
struct Crew {
    mailboxes: Box<[Mailbox]>,
    loops: OpenLoops,
}

impl Threads {
    /// `count` threads in all, the calling one included (at least one).
    pub fn new(count: usize) -> Self {
        let count = count.max(1);
        let mailboxes = (1..count).map(|_| Mailbox::default()).collect();
        let crew = Arc::new(Crew { mailboxes, loops: OpenLoops::new(count) });
        let handles = (1..count)
            .map(|number| {
                let crew = Arc::clone(&crew);
                std::thread::Builder::new()
                    .name(format!("gradus-{number}"))
                    .spawn(move || crew.mailboxes[number - 1].serve(|| crew.loops.help(number)))
                    .expect("the system gives a thread")
            })
            .collect::<Vec<JoinHandle<()>>>();
        for (mailbox, handle) in crew.mailboxes.iter().zip(&handles) {
            mailbox.belongs_to(handle.thread());
        }
        Self { crew, handles }
    }

    /// All threads, to be split and given work. Exclusive, so that one job at a time is posted.
    pub fn team(&mut self) -> Team<'_> {
        self.first(usize::MAX)
    }

    /// The first `count` of the threads, at least the calling one; all of them if there are no more.
    pub fn first(&mut self, count: usize) -> Team<'_> {
        let helpers = count.saturating_sub(1).min(self.crew.mailboxes.len());
        self.crew.loops.admit(helpers + 1);
        Team { crew: Some(&self.crew), number: 0, helpers }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        for mailbox in &self.crew.mailboxes {
            mailbox.post(STOP);
        }
        for handle in self.handles.drain(..) {
            // A worker catches the panics of its jobs, so that joining cannot fail.
            let _ = handle.join();
        }
    }
}

/// The calling thread and the workers at its disposal.
///
/// A team is not `Copy`: whoever holds it is the only one to give its workers a job.
pub struct Team<'t> {
    crew: Option<&'t Crew>,
    /// The number of its leader.
    number: usize,
    /// How many of those behind the leader are in it.
    helpers: usize,
}

impl Team<'_> {
    /// The calling thread alone.
    pub fn single() -> Team<'static> {
        Team { crew: None, number: 0, helpers: 0 }
    }

    /// The number of threads, the calling one included.
    #[allow(clippy::len_without_is_empty, reason = "a team is never empty")]
    pub fn len(&self) -> usize {
        self.helpers + 1
    }

    /// The same team for a shorter time.
    pub fn reborrow(&mut self) -> Team<'_> {
        Team { ..*self }
    }

    /// Runs `left` and `right` at the same time, each with half of the team (one after the other where the
    /// team is one thread), and returns both results.
    ///
    /// # Panics
    /// When `left` or `right` panics, after both have ended.
    pub fn join<A, B: Send>(
        &mut self,
        left: impl FnOnce(Team<'_>) -> A,
        right: impl FnOnce(Team<'_>) -> B + Send,
    ) -> (A, B) {
        let (Some(crew), Some(last)) = (self.crew, self.helpers.checked_sub(1)) else {
            return (left(self.reborrow()), right(self.reborrow()));
        };
        let of_left = last / 2;
        let leader = self.number + of_left + 1;
        let mailbox = &crew.mailboxes[leader - 1];
        let mut job = Job::new(right, Team { number: leader, helpers: last - of_left, ..*self });
        mailbox.hand_over(&mut job);
        let left_result = catch_unwind(AssertUnwindSafe(|| left(Team { helpers: of_left, ..*self })));
        // From here on the worker no longer touches `job`, whatever `left` did.
        mailbox.await_done(|| crew.loops.help(self.number));
        match (left_result, job.result()) {
            (Ok(a), Ok(b)) => (a, b),
            (Err(panic), _) | (_, Err(panic)) => resume_unwind(panic),
        }
    }

    /// Calls `work(i, &mut items[i])` for every item. Thread k takes the k-th contiguous share of the items,
    /// so that an item meets the same thread, and its cache, each time.
    ///
    /// # Panics
    /// When `work` panics, after all that was begun has ended.
    pub fn for_each<S: Send>(&mut self, items: &mut [S], work: impl Fn(usize, &mut S) + Sync) {
        let alone = |_: Team<'_>, first: usize, items: &mut [S]| {
            items.iter_mut().enumerate().for_each(|(i, item)| work(first + i, item));
        };
        share(self.reborrow(), 0, items, &alone);
    }

    /// As [`for_each`](Self::for_each), but that a thread which is done with its share helps with those of others, be they
    /// of this team or not: for items of some microseconds, beside which those are little that it takes to fetch what
    /// lies in another cache. `work(thread, i, item)` is also told which thread it is on, a number below
    /// [`reach`](Self::reach).
    ///
    /// # Panics
    /// When `work` panics, after all that was begun has ended.
    pub fn for_each_helped<S: Send>(&mut self, items: &mut [S], work: impl Fn(usize, usize, &mut S) + Sync) {
        let helped = |team: Team<'_>, first: usize, items: &mut [S]| match team.crew {
            Some(crew) => crew.loops.run(team.number, first, items, &work),
            None => items.iter_mut().enumerate().for_each(|(i, item)| work(0, first + i, item)),
        };
        share(self.reborrow(), 0, items, &helped);
    }

    /// As [`for_each_helped`](Self::for_each_helped), and the sum of what `work` returns, in the order of the items.
    ///
    /// # Panics
    /// When `work` panics, after all that was begun has ended.
    pub fn sum_helped<S: Send, R: Send + Default + AddAssign>(
        &mut self,
        items: impl Iterator<Item = S>,
        work: impl Fn(usize, usize, &mut S) -> R + Sync,
    ) -> R {
        let mut parts: Vec<(S, R)> = items.map(|item| (item, R::default())).collect();
        self.for_each_helped(&mut parts, |thread, i, (item, part)| *part = work(thread, i, item));
        let mut total = R::default();
        parts.into_iter().for_each(|(_, part)| total += part);
        total
    }

    /// The number of threads that may come to help, and this team's own.
    pub fn reach(&self) -> usize {
        self.crew.map_or(1, |crew| crew.mailboxes.len() + 1)
    }
}

/// Gives each thread of the team its share of the items, of which the first is number `first`.
fn share<S: Send>(
    mut team: Team<'_>,
    first: usize,
    items: &mut [S],
    work: &(impl Fn(Team<'_>, usize, &mut [S]) + Sync),
) {
    if team.len() == 1 || items.len() <= 1 {
        return work(team, first, items);
    }
    // `join` gives the left half the smaller part of an odd team, and the items follow.
    let left_threads = team.len() / 2;
    let middle = (items.len() * left_threads).div_ceil(team.len());
    let (left, right) = items.split_at_mut(middle);
    team.join(|team| share(team, first, left, work), |team| share(team, first + middle, right, work));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once_for_any_number_of_threads() {
        for count in 1..=7 {
            let mut threads = Threads::new(count);
            for items in 0..20_usize {
                let mut seen = vec![0; items];
                threads.team().for_each(&mut seen, |i, x| *x += i + 1);
                assert_eq!(seen, (1..=items).collect::<Vec<_>>(), "{count} threads");
                threads.team().for_each_helped(&mut seen, |thread, i, x| {
                    assert!(thread < count);
                    *x += i + 1;
                });
                assert_eq!(seen, (1..=items).map(|i| 2 * i).collect::<Vec<_>>(), "{count} threads");
            }
        }
    }

    #[test]
    fn some_of_the_threads_do_all_the_work() {
        let mut threads = Threads::new(3);
        for (count, expected) in [(0, 1), (1, 1), (2, 2), (3, 3), (9, 3)] {
            let mut team = threads.first(count);
            assert_eq!(team.len(), expected);
            let mut items = [0; 7];
            team.for_each(&mut items, |i, x| *x = i);
            assert_eq!(items, [0, 1, 2, 3, 4, 5, 6]);
        }
    }

    #[test]
    fn join_uses_two_threads_and_returns_both_results() {
        let mut threads = Threads::new(2);
        let me = std::thread::current().id();
        let (left, right) = threads
            .team()
            .join(|_| std::thread::current().id(), |team| (std::thread::current().id(), team.len()));
        assert_eq!(left, me);
        assert_ne!(right.0, me);
        assert_eq!(right.1, 1);
    }

    #[test]
    fn a_worker_that_slept_wakes() {
        let mut threads = Threads::new(3);
        for pause in [0, 1, 20] {
            std::thread::sleep(std::time::Duration::from_millis(pause));
            let mut items = [1; 9];
            threads.team().for_each(&mut items, |_, x| *x *= 2);
            assert_eq!(items, [2; 9]);
        }
    }

    #[test]
    fn many_rounds_in_a_row() {
        let mut threads = Threads::new(2);
        let mut counts = [0_u32; 2];
        for _ in 0..20_000 {
            threads.team().for_each(&mut counts, |_, x| *x += 1);
        }
        assert_eq!(counts, [20_000; 2]);
    }

    /// Each item waits until another thread has begun one, which its owner alone never would.
    #[test]
    fn a_thread_that_is_done_helps_with_the_loop_of_another() {
        for side in 0..2 {
            let mut threads = Threads::new(2);
            let begun = std::sync::atomic::AtomicUsize::new(0);
            let work = |team: &mut Team<'_>| {
                let mut seen = [None; 4];
                team.for_each_helped(&mut seen, |_, _, seen| {
                    begun.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    let start = std::time::Instant::now();
                    while begun.load(std::sync::atomic::Ordering::SeqCst) < 2 {
                        assert!(start.elapsed().as_secs() < 60, "nobody came to help");
                        std::thread::yield_now();
                    }
                    *seen = Some(std::thread::current().id());
                });
                seen
            };
            let seen = match side {
                0 => threads.team().join(|mut team| work(&mut team), |_| ()).0,
                _ => threads.team().join(|_| (), |mut team| work(&mut team)).1,
            };
            assert!(seen.iter().all(Option::is_some) && seen.iter().any(|id| *id != seen[0]), "{seen:?}");
        }
    }

    #[test]
    fn a_panic_in_a_loop_that_others_are_in_reaches_the_caller() {
        let mut threads = Threads::new(3);
        for bad in 0..64 {
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                threads.team().join(
                    |mut team| {
                        team.for_each_helped(&mut [(); 64], |_, i, ()| assert_ne!(i, bad, "on purpose"))
                    },
                    |_| (),
                )
            }));
            assert!(outcome.is_err(), "item {bad}");
        }
    }

    #[test]
    fn a_panic_on_either_side_reaches_the_caller_and_the_threads_live_on() {
        let mut threads = Threads::new(2);
        for bad in 0..2 {
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                threads.team().for_each(&mut [0, 1], |i, _| assert_ne!(i, bad, "on purpose"));
            }));
            assert!(outcome.is_err());
        }
        let mut items = [0; 2];
        threads.team().for_each(&mut items, |i, x| *x = i);
        assert_eq!(items, [0, 1]);
    }
}
