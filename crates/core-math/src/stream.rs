//! Seeded random streams.

use std::convert::Infallible;

use rand::{SeedableRng, TryRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};

/// A random stream that belongs to one purpose and one index: the generator Xoshiro256++ whose seed is
/// a hash of `(seed, purpose, index)`.
///
/// Streams of different purposes or indices are independent for all practical ends, so that what one
/// environment draws never depends on how many others there are, or on which thread steps them. A stream
/// is part of a checkpoint: it serialises with its position.
///
/// ```
/// use gradus_core_math::Stream;
/// use rand::RngExt;
/// let mut first = Stream::new(7, "environment", 0);
/// let mut again = Stream::new(7, "environment", 0);
/// let mut other = Stream::new(7, "environment", 1);
/// let x: u64 = first.random();
/// assert_eq!(x, again.random::<u64>());
/// assert_ne!(x, other.random::<u64>());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream(Xoshiro256PlusPlus);

impl Stream {
    /// The stream of `index` for `purpose` under the run's `seed`.
    pub fn new(seed: u64, purpose: &str, index: u64) -> Self {
        let mut hash = mix(seed ^ 0x6772_6164_7573);
        for byte in purpose.bytes() {
            hash = mix(hash ^ u64::from(byte));
        }
        Self(Xoshiro256PlusPlus::seed_from_u64(mix(hash ^ index)))
    }
}

/// One round of SplitMix64 (Steele, Lea & Flood 2014): a bijection of `u64` that mixes every bit.
fn mix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl TryRng for Stream {
    type Error = Infallible;
    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0.try_next_u32()
    }
    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0.try_next_u64()
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.try_fill_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    /// Streams must not change between versions: a checkpoint continues them.
    #[test]
    fn value_stability() {
        let mut stream = Stream::new(1, "test", 2);
        let drawn: [u64; 3] = [stream.random(), stream.random(), stream.random()];
        assert_eq!(drawn, [3776467631516425337, 8484744759473954182, 12264209356628467414]);
    }

    #[test]
    fn every_part_of_the_key_matters() {
        let mut drawn: Vec<u64> = [(1, "a", 0), (2, "a", 0), (1, "b", 0), (1, "a", 1), (1, "ab", 0)]
            .iter()
            .map(|&(seed, purpose, index)| Stream::new(seed, purpose, index).random())
            .collect();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), 5);
    }

    #[test]
    fn serialised_stream_continues_where_it_stood() {
        let mut stream = Stream::new(3, "x", 0);
        let _: u64 = stream.random();
        let text = serde_json::to_string(&stream).expect("a stream serialises");
        let mut loaded: Stream = serde_json::from_str(&text).expect("and loads");
        assert_eq!(stream.random::<u64>(), loaded.random::<u64>());
    }
}
