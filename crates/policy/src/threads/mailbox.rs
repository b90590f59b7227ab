//! A place where one worker is handed one job at a time.
#![allow(
    unsafe_code,
    reason = "hands a borrowed closure to another thread, and waits for it before returning"
)]

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::thread::Thread;

use super::Team;

const IDLE: u32 = 0;
const POSTED: u32 = 1;
const DONE: u32 = 2;
const ASLEEP: u32 = 3;
pub(super) const STOP: u32 = 4;

/// How often a worker looks for work before it sleeps: up to about a millisecond, longer than the
/// serial stretches between two parallel ones (waking a thread through the system costs as much as a minibatch), short
/// enough to leave the core to others when training pauses.
const SPINS_BEFORE_SLEEP: u32 = 20_000;
/// How often a thread looks whether another is done before it lets other threads of the machine run.
const SPINS_BEFORE_YIELD: u32 = 1_500;

/// Where a worker looks for its next job.
#[derive(Default)]
pub(super) struct Mailbox {
    state: AtomicU32,
    job: AtomicPtr<JobHeader>,
    thread: OnceLock<Thread>,
}

/// The part of a job that a worker knows: how to run it with the team it leads.
#[repr(C)]
struct JobHeader {
    run: unsafe fn(*mut JobHeader),
}

/// A job on the stack of the thread that waits for it.
#[repr(C)]
pub(super) struct Job<'t, F, R> {
    header: JobHeader,
    work: Option<F>,
    team: Option<Team<'t>>,
    result: Option<std::thread::Result<R>>,
}

impl<'t, F: FnOnce(Team<'_>) -> R, R> Job<'t, F, R> {
    pub(super) fn new(work: F, team: Team<'t>) -> Self {
        Self { header: JobHeader { run: run_job::<F, R> }, work: Some(work), team: Some(team), result: None }
    }

    /// What a job that is done came to.
    pub(super) fn result(self) -> Result<R, Box<dyn Any + Send>> {
        self.result.expect("a job that is done has a result")
    }
}

/// Runs the job behind the pointer with its own type.
///
/// # Safety
/// `job` points to a live `Job<F, R>` that no other thread touches meanwhile.
unsafe fn run_job<F: FnOnce(Team<'_>) -> R, R>(job: *mut JobHeader) {
    // SAFETY: the header is the first field of a `#[repr(C)]` job of this type, by the way it was made.
    let job = unsafe { &mut *job.cast::<Job<'_, F, R>>() };
    if let (Some(work), Some(team)) = (job.work.take(), job.team.take()) {
        job.result = Some(catch_unwind(AssertUnwindSafe(|| work(team))));
    }
}

impl Mailbox {
    /// Names the worker, to be woken.
    pub(super) fn belongs_to(&self, thread: &Thread) {
        self.thread.get_or_init(|| thread.clone());
    }

    /// The life of a worker: wait for a job, run it, say so. While it waits it calls `help`, which says whether there was
    /// something to do.
    pub(super) fn serve(&self, help: impl Fn() -> bool) {
        while self.await_job(&help) == POSTED {
            let job = self.job.load(Ordering::Relaxed);
            // SAFETY: the poster keeps the job alive and untouched until it sees DONE.
            unsafe { ((*job).run)(job) };
            self.state.store(DONE, Ordering::Release);
        }
    }

    fn await_job(&self, help: impl Fn() -> bool) -> u32 {
        let mut spins = 0;
        while spins < SPINS_BEFORE_SLEEP {
            match self.state.load(Ordering::Acquire) {
                state @ (POSTED | STOP) => return state,
                _ if help() => spins = 0,
                _ => {
                    spins += 1;
                    std::hint::spin_loop();
                }
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

    /// Gives the worker a job, which has to stay where it is until [`await_done`](Self::await_done) has returned.
    pub(super) fn hand_over<F, R>(&self, job: &mut Job<'_, F, R>) {
        self.job.store((&raw mut *job).cast(), Ordering::Relaxed);
        self.post(POSTED);
    }

    pub(super) fn post(&self, state: u32) {
        if self.state.swap(state, Ordering::AcqRel) == ASLEEP
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    /// Waits for the end of the job, and calls `help` meanwhile.
    pub(super) fn await_done(&self, help: impl Fn() -> bool) {
        let mut waiting = Waiting::default();
        while self.state.load(Ordering::Acquire) != DONE {
            if help() {
                waiting = Waiting::default();
            } else {
                waiting.once_more();
            }
        }
        self.state.store(IDLE, Ordering::Release);
    }
}

/// How long a thread has waited for another, whose end is near.
#[derive(Default)]
pub(super) struct Waiting(u32);

impl Waiting {
    /// Passes some time, in which other threads of the machine may run when it has been long.
    pub(super) fn once_more(&mut self) {
        if self.0 < SPINS_BEFORE_YIELD {
            self.0 += 1;
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}
