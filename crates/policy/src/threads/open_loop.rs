//! Loops that other threads may take part in.
#![allow(unsafe_code, reason = "lends a borrowed loop to other threads, and waits for them before returning")]

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use super::mailbox::Waiting;

/// For each thread of a crew the loop that it is in, if it is in one.
pub(super) struct OpenLoops {
    places: Box<[Place]>,
    /// The threads with lower numbers take part.
    admitted: AtomicUsize,
}

/// Where the loop of one thread stands while it is open. Apart from others by two cache lines, which processors fetch
/// together.
#[derive(Default)]
#[repr(align(128))]
struct Place {
    open: AtomicPtr<Header>,
    /// Threads that are looking at it, or working on its items.
    visitors: AtomicUsize,
}

/// The part of a loop that every thread knows.
#[repr(C)]
struct Header {
    len: usize,
    /// The first item that nobody has taken.
    next: AtomicUsize,
    run: unsafe fn(*const Header, usize, usize),
    /// Of a visitor, for the owner to go on with.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// A loop on the stack of its owner.
#[repr(C)]
struct OpenLoop<'w, S, W> {
    header: Header,
    items: *mut S,
    /// Where the items begin among those that `work` counts.
    first: usize,
    work: &'w W,
}

impl OpenLoops {
    pub(super) fn new(threads: usize) -> Self {
        let places = (0..threads).map(|_| Place::default()).collect();
        Self { places, admitted: AtomicUsize::new(threads) }
    }

    /// From now on the first `threads` threads take part. No loop is open meanwhile.
    pub(super) fn admit(&self, threads: usize) {
        self.admitted.store(threads, Ordering::Relaxed);
    }

    /// Calls `work(thread, first + i, &mut items[i])` for every item, on thread `number` and on those that come to help.
    pub(super) fn run<S: Send, W: Fn(usize, usize, &mut S) + Sync>(
        &self,
        number: usize,
        first: usize,
        items: &mut [S],
        work: &W,
    ) {
        if items.len() <= 1 || self.admitted.load(Ordering::Relaxed) == 1 {
            items.iter_mut().enumerate().for_each(|(i, item)| work(number, first + i, item));
            return;
        }
        let header = Header {
            len: items.len(),
            next: AtomicUsize::new(0),
            run: run_item::<S, W>,
            panic: Mutex::new(None),
        };
        let open = OpenLoop { header, items: items.as_mut_ptr(), first, work };
        let place = &self.places[number];
        place.open.store((&raw const open).cast_mut().cast(), Ordering::Release);
        {
            // Also on the way of a panic: nobody may be left in a loop that is gone.
            let _closing = Closing(place);
            // SAFETY: the loop lives until it is closed.
            unsafe { take_part((&raw const open).cast(), number) };
        }
        let panic = open.header.panic.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// Thread `number`, which has nothing to do, takes part in a loop of another. Says whether there was one.
    pub(super) fn help(&self, number: usize) -> bool {
        let admitted = self.admitted.load(Ordering::Relaxed);
        number < admitted
            && self.places[..admitted].iter().enumerate().any(|(i, place)| i != number && place.visit(number))
    }
}

impl Place {
    fn visit(&self, number: usize) -> bool {
        if self.open.load(Ordering::Relaxed).is_null() {
            return false;
        }
        // In one order with `Closing`: either the owner sees the visitor, or the visitor no loop.
        self.visitors.fetch_add(1, Ordering::SeqCst);
        let header = self.open.load(Ordering::SeqCst);
        let mut worked = false;
        if !header.is_null() {
            // SAFETY: the owner waits for its visitors before the loop is gone.
            worked = unsafe { take_part_and_keep_panic(header, number) };
        }
        self.visitors.fetch_sub(1, Ordering::Release);
        worked
    }
}

/// Closes a loop when it is dropped.
struct Closing<'p>(&'p Place);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.open.store(std::ptr::null_mut(), Ordering::SeqCst);
        let mut waiting = Waiting::default();
        while self.0.visitors.load(Ordering::SeqCst) != 0 {
            waiting.once_more();
        }
    }
}

/// Works on items, as thread `number`, until all are taken. Says whether it got one.
///
/// # Safety
/// The loop is alive.
unsafe fn take_part(header: *const Header, number: usize) -> bool {
    // SAFETY: the caller's promise.
    let Header { len, next, run, .. } = unsafe { &*header };
    let mut worked = false;
    loop {
        let i = next.fetch_add(1, Ordering::Relaxed);
        if i >= *len {
            return worked;
        }
        // SAFETY: the item is there, and taken by this thread alone.
        unsafe { run(header, number, i) };
        worked = true;
    }
}

/// # Safety
/// As [`take_part`].
unsafe fn take_part_and_keep_panic(header: *const Header, number: usize) -> bool {
    // SAFETY: the caller's promise.
    let outcome = catch_unwind(AssertUnwindSafe(|| unsafe { take_part(header, number) }));
    outcome.unwrap_or_else(|panic| {
        // SAFETY: the caller's promise.
        let kept = unsafe { &(*header).panic };
        *kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(panic);
        true
    })
}

/// Runs the loop's work on its item `i` on thread `number`.
///
/// # Safety
/// `header` is that of a live `OpenLoop<S, W>`, and nobody else has item `i`, which it has.
unsafe fn run_item<S, W: Fn(usize, usize, &mut S)>(header: *const Header, number: usize, i: usize) {
    // SAFETY: the header is the first field of a `#[repr(C)]` loop of this type, by the way it was made.
    let open = unsafe { &*header.cast::<OpenLoop<'_, S, W>>() };
    // SAFETY: the item is inside the slice that the owner has borrowed for the time of the loop.
    (open.work)(number, open.first + i, unsafe { &mut *open.items.add(i) });
}
