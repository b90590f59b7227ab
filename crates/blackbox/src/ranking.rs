//! The order of returns, which is all that a search looks at.

use gradus_policy::{Metrics, SearchError};

/// Checks returns, and sorts the candidates' indices by them: the highest return first, of equal ones the earlier
/// candidate.
///
/// # Errors
/// When the number of returns is not `population`, or names the first candidate whose return is not finite.
pub(crate) fn ranking(
    returns: &[f64],
    population: usize,
    generation: u64,
) -> Result<Vec<usize>, SearchError> {
    if returns.len() != population {
        return Err(SearchError::ReturnCount { found: returns.len(), population });
    }
    if let Some(candidate) = returns.iter().position(|value| !value.is_finite()) {
        return Err(SearchError::Return { candidate, value: returns[candidate], generation });
    }
    let mut order: Vec<usize> = (0..population).collect();
    // Zero and minus zero are equal returns, which `total_cmp` does not know.
    order.sort_by(|&a, &b| (returns[b] + 0.0).total_cmp(&(returns[a] + 0.0)));
    Ok(order)
}

/// What every search reports of the returns that it was told, given their order.
pub(crate) fn report(returns: &[f64], order: &[usize]) -> Metrics {
    let mut metrics = Metrics::new();
    let at = |rank: Option<&usize>| rank.map_or(f64::NAN, |&candidate| returns[candidate]);
    metrics.push("return_mean", gradus_core_math::mean(returns));
    metrics.push("return_max", at(order.first()));
    metrics.push("return_min", at(order.last()));
    metrics
}
