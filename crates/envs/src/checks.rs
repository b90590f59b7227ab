//! What the vector layer checks after every step.

use crate::{EnvError, EnvErrorKind, Quantity, Space};

/// Whether no number of the row is NaN or infinite: one whose exponent bits are all set. Whole numbers
/// have no rounding to preserve, so the compiler makes wide instructions of this.
pub(crate) fn all_finite(row: &[f32]) -> bool {
    const EXPONENT: u32 = 0x7f80_0000;
    !row.iter().fold(false, |bad, x| bad | (x.to_bits() & EXPONENT == EXPONENT))
}

/// Names the first number of the row that is not finite.
pub(crate) fn check_row(env: usize, step: u64, row: &[f32]) -> Result<(), EnvError> {
    match row.iter().position(|x| !x.is_finite()) {
        None => Ok(()),
        Some(index) => Err(EnvErrorKind::NotFinite {
            env,
            step,
            quantity: Quantity::Observation(index),
            value: f64::from(row[index]),
        }
        .into()),
    }
}

/// Refuses a reward that is not finite.
#[inline]
pub(crate) fn check_reward(env: usize, step: u64, reward: f64) -> Result<(), EnvError> {
    if reward.is_finite() {
        return Ok(());
    }
    Err(EnvErrorKind::NotFinite { env, step, quantity: Quantity::Reward, value: reward }.into())
}

/// Whether the mask leaves a choice, in every part of the space.
pub(crate) fn allows_an_action(space: &Space, mask: &[bool]) -> bool {
    let Space::MultiDiscrete { sizes } = space else { return mask.contains(&true) };
    let mut rest = mask;
    sizes.iter().all(|&n| {
        let (part, after) = rest.split_at(n);
        rest = after;
        part.contains(&true)
    })
}
