//! Tiny tasks for tests.
