//! Threads that wait for work close at hand: fork and join in a fraction of a microsecond.
//!
//! A minibatch of a small network takes tens of microseconds, so a pool that wakes its workers through the
//! operating system would cost more than it brings. Workers here spin for a moment before they sleep, and a
//! [`Team`] splits in halves, so that two networks can be evaluated side by side, each by half of the threads.
#![allow(
    unsafe_code,
    reason = "hands a borrowed closure to another thread, and waits for it before returning"
)]

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::thread::JoinHandle;

const IDLE: u32 = 0;
const POSTED: u32 = 1;
const DONE: u32 = 2;
const ASLEEP: u32 = 3;
const STOP: u32 = 4;

/// How often a worker looks for work before it sleeps: up to about a millisecond, longer than the
/// serial stretches between two parallel ones (waking a thread through the system costs as much as a minibatch), short
/// enough to leave the core to others when training pauses.
const SPINS_BEFORE_SLEEP: u32 = 20_000;
/// How often a caller looks whether its worker is done before it lets other threads of the machine run.
const SPINS_BEFORE_YIELD: u32 = 1_500;

/// A place where one worker is handed one job at a time.
struct Mailbox {
    state: AtomicU32,
    job: AtomicPtr<JobHeader>,
    thread: std::sync::OnceLock<std::thread::Thread>,
}

/// The part of a job that a worker knows: how to run it with the team it leads.
#[repr(C)]
struct JobHeader {
    run: unsafe fn(*mut JobHeader),
}

/// A job on the stack of the thread that waits for it.
#[repr(C)]
struct Job<'t, F, R> {
    header: JobHeader,
    work: Option<F>,
    team: Team<'t>,
    result: Option<Result<R, Box<dyn Any + Send>>>,
}

impl<'t, F: FnOnce(Team<'_>) -> R, R> Job<'t, F, R> {
    fn new(work: F, team: Team<'t>) -> Self {
        Self { header: JobHeader { run: run_job::<F, R> }, work: Some(work), team, result: None }
    }
}

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
    mailboxes: Arc<[Mailbox]>,
    handles: Vec<JoinHandle<()>>,
}

impl Threads {
    /// `count` threads in all, the calling one included (at least one).
    pub fn new(count: usize) -> Self {
        let mailboxes: Arc<[Mailbox]> = (1..count.max(1))
            .map(|_| Mailbox {
                state: AtomicU32::new(IDLE),
                job: AtomicPtr::new(std::ptr::null_mut()),
                thread: std::sync::OnceLock::new(),
            })
            .collect();
        let handles = (0..mailboxes.len())
            .map(|i| {
                let mailboxes = Arc::clone(&mailboxes);
                std::thread::Builder::new()
                    .name(format!("gradus-{}", i + 1))
                    .spawn(move || mailboxes[i].serve())
                    .expect("the system gives a thread")
            })
            .collect::<Vec<JoinHandle<()>>>();
        for (mailbox, handle) in mailboxes.iter().zip(&handles) {
            mailbox.thread.get_or_init(|| handle.thread().clone());
        }
        Self { mailboxes, handles }
    }

    /// All threads, to be split and given work. Exclusive, so that one job at a time is posted.
    pub fn team(&mut self) -> Team<'_> {
        Team { helpers: &self.mailboxes }
    }

    /// The first `count` of the threads, at least the calling one; all of them if there are no more.
    pub fn first(&mut self, count: usize) -> Team<'_> {
        let helpers = count.saturating_sub(1).min(self.mailboxes.len());
        Team { helpers: &self.mailboxes[..helpers] }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        for mailbox in self.mailboxes.iter() {
            mailbox.post(STOP);
        }
        for handle in self.handles.drain(..) {
            // A worker catches the panics of its jobs, so that joining cannot fail.
            let _ = handle.join();
        }
    }
}

impl Mailbox {
    /// The life of a worker: wait for a job, run it, say so.
    fn serve(&self) {
        loop {
            match self.await_job() {
                POSTED => {
                    let job = self.job.load(Ordering::Relaxed);
                    // SAFETY: the poster keeps the job alive and untouched until it sees DONE.
                    unsafe { ((*job).run)(job) };
                    self.state.store(DONE, Ordering::Release);
                }
                _ => return,
            }
        }
    }

    fn await_job(&self) -> u32 {
        for _ in 0..SPINS_BEFORE_SLEEP {
            match self.state.load(Ordering::Acquire) {
                state @ (POSTED | STOP) => return state,
                _ => std::hint::spin_loop(),
            }
        }
        // A poster that finds ASLEEP wakes the thread; one that comes before the exchange makes it fail. The
        // state may still be DONE, until the poster of the last job has seen it.
        loop {
            match self.state.compare_exchange(IDLE, ASLEEP, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => break,
                Err(state @ (POSTED | STOP)) => return state,
                Err(_) => std::thread::yield_now(),
            }
        }
        loop {
            match self.state.load(Ordering::Acquire) {
                state @ (POSTED | STOP) => return state,
                _ => std::thread::park(),
            }
        }
    }

    fn post(&self, state: u32) {
        if self.state.swap(state, Ordering::AcqRel) == ASLEEP
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    fn await_done(&self) {
        let mut spins = 0;
        while self.state.load(Ordering::Acquire) != DONE {
            if spins < SPINS_BEFORE_YIELD {
                spins += 1;
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
        self.state.store(IDLE, Ordering::Release);
    }
}

/// The calling thread and the workers at its disposal.
///
/// A team is not `Copy`: whoever holds it is the only one to give its workers a job.
pub struct Team<'t> {
    helpers: &'t [Mailbox],
}

impl Team<'_> {
    /// The calling thread alone.
    pub fn single() -> Team<'static> {
        Team { helpers: &[] }
    }

    /// The number of threads, the calling one included.
    #[allow(clippy::len_without_is_empty, reason = "a team is never empty")]
    pub fn len(&self) -> usize {
        self.helpers.len() + 1
    }

    /// The same team for a shorter time.
    pub fn reborrow(&mut self) -> Team<'_> {
        Team { helpers: self.helpers }
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
        let Some(middle) = self.helpers.len().checked_sub(1).map(|last| last / 2) else {
            return (left(Team::single()), right(Team::single()));
        };
        let (left_helpers, rest) = self.helpers.split_at(middle);
        let leader = &rest[0];
        let mut job = Job::new(right, Team { helpers: &rest[1..] });
        leader.job.store((&raw mut job).cast(), Ordering::Relaxed);
        leader.post(POSTED);
        let left_result = catch_unwind(AssertUnwindSafe(|| left(Team { helpers: left_helpers })));
        // From here on the worker no longer touches `job`, whatever `left` did.
        leader.await_done();
        let right_result = job.result.expect("a job that is done has a result");
        match (left_result, right_result) {
            (Ok(a), Ok(b)) => (a, b),
            (Err(panic), _) | (_, Err(panic)) => resume_unwind(panic),
        }
    }

    /// Calls `work(i, &mut items[i])` for every item. Thread k takes the k-th contiguous share of the items,
    /// so that an item meets the same thread, and its cache, each time.
    pub fn for_each<S: Send>(&mut self, items: &mut [S], work: impl Fn(usize, &mut S) + Sync) {
        share(self.reborrow(), 0, items, &work);
    }
}

fn share<S: Send>(mut team: Team<'_>, first: usize, items: &mut [S], work: &(impl Fn(usize, &mut S) + Sync)) {
    if team.len() == 1 || items.len() <= 1 {
        for (i, item) in items.iter_mut().enumerate() {
            work(first + i, item);
        }
        return;
    }
    // `join` gives the left half the smaller part of an odd team, and the items follow.
    let left_threads = team.len() / 2;
    let middle = (items.len() * left_threads).div_ceil(team.len());
    let (left, right) = items.split_at_mut(middle);
    team.join(|team| share(team, first, left, work), |team| share(team, first + middle, right, work));
}

/// Runs the job behind the pointer with its own type.
///
/// # Safety
/// `job` points to a live `Job<F, R>` that no other thread touches meanwhile.
unsafe fn run_job<F: FnOnce(Team<'_>) -> R, R>(job: *mut JobHeader) {
    // SAFETY: the header is the first field of a `#[repr(C)]` job of this type, by the way it was made.
    let job = unsafe { &mut *job.cast::<Job<'_, F, R>>() };
    if let Some(work) = job.work.take() {
        let team = Team { helpers: job.team.helpers };
        job.result = Some(catch_unwind(AssertUnwindSafe(|| work(team))));
    }
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
