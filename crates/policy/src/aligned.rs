//! Buffers that begin on a cache line.

use std::ops::{Deref, DerefMut};

/// What a processor fetches ahead of a loop over memory, at most, in bytes.
const FETCHED_AHEAD: usize = 1024;

/// A fixed-length buffer of zeros at first, whose first element lies on a 64-byte boundary, so that no vector
/// of a padded row straddles two cache lines. Behind it is room: what is fetched ahead there is not what another thread
/// works on, and would wait for.
#[derive(Debug)]
pub(crate) struct Aligned<T> {
    storage: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Copy + Default> Aligned<T> {
    pub(crate) fn zeros(len: usize) -> Self {
        let slack = 64 / size_of::<T>();
        let storage = vec![T::default(); len + slack + FETCHED_AHEAD / size_of::<T>()];
        // `align_offset` may decline to answer (under an interpreter); unaligned is only slower.
        let start = storage.as_ptr().align_offset(64);
        Self { start: if start > slack { 0 } else { start }, storage, len }
    }
}

impl<T: Copy + Default> From<&[T]> for Aligned<T> {
    fn from(values: &[T]) -> Self {
        let mut copy = Self::zeros(values.len());
        copy.copy_from_slice(values);
        copy
    }
}

impl<T: Copy + Default> Default for Aligned<T> {
    fn default() -> Self {
        Self::zeros(0)
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];
    #[inline]
    fn deref(&self) -> &[T] {
        &self.storage[self.start..self.start + self.len]
    }
}

impl<T> DerefMut for Aligned<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.storage[self.start..self.start + self.len]
    }
}
