//! How often something happens in recorded games.

use std::collections::BTreeMap;

/// Counts by name.
#[derive(Default)]
pub(crate) struct Counts(BTreeMap<&'static str, usize>);

impl Counts {
    /// Counts what happened, if it did.
    pub(crate) fn note(&mut self, name: &'static str, happened: bool) {
        *self.0.entry(name).or_default() += usize::from(happened);
    }

    /// That everything that is listed happened at least so often, and nothing else was counted.
    pub(crate) fn at_least(&self, least: &[(&'static str, usize)]) {
        let listed: BTreeMap<_, _> = least.iter().copied().collect();
        assert!(self.0.keys().eq(listed.keys()), "{:?} for {listed:?}", self.0);
        for (name, least) in listed {
            assert!(self.0[name] >= least && least > 0, "{name}: {} for {least}; {:?}", self.0[name], self.0);
        }
    }
}
