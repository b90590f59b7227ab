//! Checks of settings, and of saved states.

use gradus_policy::{UpdateError, UpdateState};

/// Passes if `holds`, else says what `name` must be.
pub(crate) fn require(
    holds: bool,
    name: &'static str,
    value: f64,
    range: &'static str,
) -> Result<(), UpdateError> {
    if holds { Ok(()) } else { Err(UpdateError::Setting { name, value, range }) }
}

/// Checks the parameters that a search starts from: there are some, and they are finite.
pub(crate) fn check_start(start: &[f64]) -> Result<(), UpdateError> {
    require(!start.is_empty(), "the number of parameters", 0.0, "at least 1")?;
    let bad = start.iter().copied().find(|x| !x.is_finite());
    require(bad.is_none(), "a parameter to start from", bad.unwrap_or_default(), "finite")
}

/// Checks an initial deviation.
pub(crate) fn check_deviation(deviation: f64) -> Result<(), UpdateError> {
    let holds = deviation.is_finite() && deviation > 0.0;
    require(holds, "initial_deviation", deviation, "a number above 0")
}

/// Takes the vector `name` of `len` finite numbers out.
pub(crate) fn take_vector(
    state: &mut UpdateState<f64>,
    name: &str,
    len: usize,
) -> Result<Vec<f64>, UpdateError> {
    let vector = state.take_tensor(name)?;
    if vector.len() != len {
        return Err(UpdateError::State(format!("\"{name}\" has {} numbers, not {len}", vector.len())));
    }
    match vector.iter().position(|x| !x.is_finite()) {
        None => Ok(vector),
        Some(place) => Err(UpdateError::State(format!("element {place} of \"{name}\" is {}", vector[place]))),
    }
}

/// Takes the vector `name` of `len` finite numbers out if it is there.
pub(crate) fn take_optional_vector(
    state: &mut UpdateState<f64>,
    name: &str,
    len: usize,
) -> Result<Option<Vec<f64>>, UpdateError> {
    if state.tensors.contains_key(name) { take_vector(state, name, len).map(Some) } else { Ok(None) }
}

/// Takes the number `name` out, which is at least 0 and finite.
pub(crate) fn take_scale(state: &mut UpdateState<f64>, name: &str) -> Result<f64, UpdateError> {
    match state.scalars.remove(name) {
        Some(scale) if scale.is_finite() && scale >= 0.0 => Ok(scale),
        Some(other) => Err(UpdateError::State(format!("\"{name}\" is {other}"))),
        None => Err(UpdateError::State(format!("it has no \"{name}\""))),
    }
}
