//! The steps after which the named tasks are cut off.

/// Gymnasium's for the small lake.
pub(crate) const LIMIT_4X4: u64 = 100;
/// Gymnasium's for the large lake.
pub(crate) const LIMIT_8X8: u64 = 200;
/// Our own: Gymnasium has none, see [`CliffWalking::v1`](super::CliffWalking::v1).
pub(crate) const CLIFF_LIMIT: u64 = 200;
/// Gymnasium's for the taxi.
pub(crate) const TAXI_LIMIT: u64 = 200;
