//! Random actions that a mask allows.

use gradus_core_math::Stream;
use rand::RngExt;

use crate::Space;

/// The part of an action to which a flag of the mask belongs, and its choice.
pub(super) fn locate(space: &Space, flag: usize) -> (usize, usize) {
    let Space::MultiDiscrete { sizes } = space else { return (0, flag) };
    let mut rest = flag;
    for (part, &n) in sizes.iter().enumerate() {
        if rest < n {
            return (part, rest);
        }
        rest -= n;
    }
    unreachable!("a mask has one flag for each choice")
}

/// Replaces every choice of `action` by one that the mask allows, each as likely as the others.
pub(super) fn choose_allowed(space: &Space, mask: &[bool], rng: &mut Stream, action: &mut [f32]) {
    let whole;
    let sizes = match space {
        Space::MultiDiscrete { sizes } => sizes.as_slice(),
        _ => {
            whole = [mask.len()];
            &whole
        }
    };
    let mut rest = mask;
    for (x, &n) in action.iter_mut().zip(sizes) {
        let (part, after) = rest.split_at(n);
        rest = after;
        let allowed: Vec<usize> = (0..n).filter(|&i| part[i]).collect();
        if !allowed.is_empty() {
            *x = allowed[rng.random_range(0..allowed.len())] as f32;
        }
    }
}
