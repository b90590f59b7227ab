//! Plain loops, compiled for the widest vectors of the processor.

use super::InstructionSet;

/// A loop over slices. `run` is to be `#[inline(always)]`: then it becomes part of the function that enables the
/// instructions. No operation is contracted, so that the result is the same for every width.
pub trait Loop {
    /// What the loop returns.
    type Output;
    /// The loop.
    fn run(self) -> Self::Output;
}

/// Runs a loop with the processor's best instructions.
///
/// ```
/// use gradus_policy::{Loop, vectorized};
///
/// struct Double<'a>(&'a mut [f32]);
///
/// impl Loop for Double<'_> {
///     type Output = ();
///
///     #[inline(always)]
///     fn run(self) {
///         self.0.iter_mut().for_each(|x| *x *= 2.0);
///     }
/// }
///
/// let mut x = [1.0, 2.0];
/// vectorized(Double(&mut x));
/// assert_eq!(x, [2.0, 4.0]);
/// ```
pub fn vectorized<L: Loop>(work: L) -> L::Output {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx2")]
        fn avx512<L: Loop>(work: L) -> L::Output {
            work.run()
        }
        #[target_feature(enable = "avx2")]
        fn avx2<L: Loop>(work: L) -> L::Output {
            work.run()
        }
        match InstructionSet::best() {
            // SAFETY: the processor has these instructions.
            InstructionSet::Avx512 => return unsafe { avx512(work) },
            // SAFETY: as above.
            InstructionSet::Avx2 => return unsafe { avx2(work) },
            InstructionSet::Plain => {}
        }
    }
    work.run()
}
