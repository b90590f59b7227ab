//! One at a time where Burn needs it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Burn keeps the graphs of all threads in one place, and a backward pass that ends while another thread builds a graph
/// can take a part of it away (tracel-ai/burn#5573): a gradient is then lost without a word. Seeds of devices are
/// global as well.
static EXCLUSIVE: Mutex<()> = Mutex::new(());

/// Keeps all other threads from building graphs, going back through them, and drawing initial parameters, until the
/// guard is dropped. There is nothing behind the lock that a panic could leave half done.
pub(crate) fn exclusive() -> MutexGuard<'static, ()> {
    EXCLUSIVE.lock().unwrap_or_else(PoisonError::into_inner)
}
