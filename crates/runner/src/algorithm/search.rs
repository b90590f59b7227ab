//! The settings of searches without gradients.

use gradus_blackbox::{CmaEs, CmaEsConfig, CovarianceModel, CrossEntropy, CrossEntropyConfig};
use gradus_policy::{Search, UpdateError};

use super::Algorithm;
use crate::config::{Config, Problem};

/// What does not fit the search of a configuration, whatever search it is.
fn check(config: &Config, problems: &mut Vec<Problem>) {
    if config.bool("shared_trunk") {
        problems.push(config.problem("shared_trunk", "a search has no critic to share with; give false"));
    }
    if config.text("device") != crate::settings::CPU {
        problems.push(config.problem("device", "a search evaluates its candidates on the device cpu"));
    }
}

pub(super) fn cross_entropy(config: &Config, problems: &mut Vec<Problem>) -> Option<Algorithm> {
    check(config, problems);
    let defaults = CrossEntropyConfig::new();
    let found = CrossEntropyConfig {
        population: config.optional_count("population").unwrap_or(defaults.population),
        elite_fraction: config.float("elite_fraction"),
        initial_deviation: config.float("initial_deviation"),
        smoothing: config.float("smoothing"),
        extra_noise: config.float("extra_noise"),
        noise_generations: config.optional_count("noise_generations").map(|n| n as u64),
    };
    if found.elites() < 2 {
        let (population, elites) = (found.population, found.elites());
        let reason = format!("of {population} candidates that is {elites}, it must be at least 2");
        problems.push(config.problem("elite_fraction", reason));
        return None;
    }
    Some(Algorithm::CrossEntropy(found))
}

pub(super) fn cma_es(config: &Config, problems: &mut Vec<Problem>) -> Option<Algorithm> {
    check(config, problems);
    let population = config.optional_count("population");
    if population.is_some_and(|population| population < 3) {
        problems.push(config.problem("population", "CMA-ES needs at least 3 candidates"));
        return None;
    }
    let found = CmaEsConfig {
        population,
        initial_deviation: config.float("initial_deviation"),
        ..CmaEsConfig::new()
    };
    let covariance = match config.text("covariance") {
        "full" => Some(CovarianceModel::Full),
        "diagonal" => Some(CovarianceModel::Diagonal),
        _ => None,
    };
    Some(Algorithm::CmaEs { config: found, covariance })
}

pub(super) fn build(algorithm: &Algorithm, start: &[f64]) -> Result<Option<Box<dyn Search>>, UpdateError> {
    Ok(match algorithm {
        Algorithm::CrossEntropy(config) => Some(Box::new(CrossEntropy::new(config.clone(), start)?)),
        Algorithm::CmaEs { config, covariance } => {
            let covariance = covariance.unwrap_or(CovarianceModel::suited_to(start.len()));
            Some(Box::new(CmaEs::new(config.clone().with_covariance(covariance), start)?))
        }
        _ => None,
    })
}
