//! Exponential backoff with full jitter; time and seed are the caller's.

use std::time::Duration;

use thiserror::Error;

/// The bounds make no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BackoffError {
    /// A zero delay would spin.
    #[error("the first delay must be longer than zero")]
    Zero,
    /// The ceiling is below the first delay.
    #[error("the longest delay must not be shorter than the first")]
    Inverted,
}

/// Doubles from `first` to `longest`; each delay is drawn from its upper half.
///
/// Rule: "equal jitter" of the AWS architecture blog, «Exponential Backoff And Jitter»: half of the
/// delay is certain, so that a failing peer is never hammered, and half is spread.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    attempt: u32,
    seed: u64,
}

impl Backoff {
    /// Starts with `first`; `seed` decides the jitter and should differ from process to process.
    pub fn new(first: Duration, longest: Duration, seed: u64) -> Result<Self, BackoffError> {
        if first.is_zero() {
            return Err(BackoffError::Zero);
        }
        if longest < first {
            return Err(BackoffError::Inverted);
        }
        Ok(Self { first, longest, attempt: 0, seed })
    }

    /// The delay before the next attempt; each call counts one failure.
    pub fn next_delay(&mut self) -> Duration {
        let ceiling = doubled(self.first, self.longest, self.attempt);
        self.attempt = self.attempt.saturating_add(1);
        self.seed = splitmix(self.seed);
        upper_half(ceiling, self.seed)
    }

    /// Forgets the failures after a success.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }
}

/// A delay in the upper half of `ceiling`; where, is drawn: 64 random bits.
pub fn upper_half(ceiling: Duration, drawn: u64) -> Duration {
    let half = ceiling / 2;
    let share = u32::try_from(drawn >> 32).unwrap_or(u32::MAX);
    half + half.mul_f64(f64::from(share) / f64::from(u32::MAX))
}

/// `first`, doubled `doublings` times, and never more than `longest`.
pub fn doubled(first: Duration, longest: Duration, doublings: u32) -> Duration {
    first.saturating_mul(1u32.checked_shl(doublings).unwrap_or(u32::MAX)).min(longest)
}

/// One step of SplitMix64 (Steele, Lea, Flood: «Fast splittable pseudorandom number generators», 2014).
pub fn splitmix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_the_ceiling_and_start_over() {
        let first = Duration::from_millis(100);
        let longest = Duration::from_secs(5);
        let mut backoff = Backoff::new(first, longest, 7).expect("valid bounds");
        let mut ceiling = first;
        for _ in 0..50 {
            let delay = backoff.next_delay();
            assert!(delay >= ceiling / 2 && delay <= ceiling, "{delay:?} of {ceiling:?}");
            ceiling = (ceiling * 2).min(longest);
        }
        backoff.reset();
        assert!(backoff.next_delay() <= first);
    }

    #[test]
    fn senseless_bounds_are_refused() {
        assert_eq!(Backoff::new(Duration::ZERO, Duration::ZERO, 0).err(), Some(BackoffError::Zero));
        let (long, short) = (Duration::from_secs(2), Duration::from_secs(1));
        assert_eq!(Backoff::new(long, short, 0).err(), Some(BackoffError::Inverted));
    }
}
