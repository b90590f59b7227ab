//! Properties that hold for any data.

mod oracle;

use gradus_advantage::{gae, monte_carlo_advantages, n_step_advantages, td_residuals};
use oracle::{Arrays, ENDS, End, History, check, difference};
use proptest::prelude::*;

fn histories() -> impl Strategy<Value = Vec<History>> {
    (1usize..20, 1usize..12).prop_flat_map(|(n_envs, n_steps)| {
        let end = prop_oneof![6 => Just(End::Running), 1 => (1usize..4).prop_map(|i| ENDS[i])];
        let history = (any::<u64>(), prop::collection::vec(end, n_steps))
            .prop_map(|(seed, ends)| History::made_up(seed, &ends));
        prop::collection::vec(history, n_envs)
    })
}

proptest! {
    #[test]
    fn gae_is_the_sum_of_residuals_and_the_mixture_of_n_step_advantages(
        histories in histories(), gamma in 0.0..=1.0, lambda in 0.0..=1.0,
    ) {
        let found = Arrays::of(&histories).output(|x, out| gae(x, gamma, lambda, out));
        prop_assert_eq!(check("GAE", &found, &histories, |h, t| h.gae(t, gamma, lambda)), Ok(()));
        prop_assert_eq!(check("mixture", &found, &histories, |h, t| h.gae_mixture(t, gamma, lambda)), Ok(()));
    }

    #[test]
    fn n_step_advantages_match_their_definition(histories in histories(), gamma in 0.0..=1.0, n in 1usize..15) {
        let found = Arrays::of(&histories).output(|x, out| n_step_advantages(x, gamma, n, out));
        prop_assert_eq!(check("n-step", &found, &histories, |h, t| h.n_step(t, gamma, n)), Ok(()));
    }

    /// One step is the residual, and as many as there are is Monte Carlo: the same operations, the same bits.
    #[test]
    fn n_step_advantages_span_from_td_to_monte_carlo(histories in histories(), gamma in 0.0..=1.0) {
        let arrays = Arrays::of(&histories);
        let n_steps = histories[0].len();
        let one = arrays.output(|x, out| n_step_advantages(x, gamma, 1, out));
        prop_assert_eq!(one, arrays.output(|x, out| td_residuals(x, gamma, out)));
        let all = arrays.output(|x, out| n_step_advantages(x, gamma, n_steps, out));
        prop_assert_eq!(all, arrays.output(|x, out| monte_carlo_advantages(x, gamma, out)));
    }

    /// An environment's numbers are the same bits alone and among others, wherever it stands in the row.
    #[test]
    fn environments_do_not_mix(histories in histories(), gamma in 0.0..=1.0, lambda in 0.0..=1.0) {
        let together = Arrays::of(&histories).output(|x, out| gae(x, gamma, lambda, out));
        for (n, history) in histories.iter().enumerate() {
            let alone = Arrays::of(std::slice::from_ref(history)).output(|x, out| gae(x, gamma, lambda, out));
            for (t, x) in alone.iter().enumerate() {
                prop_assert_eq!(x.to_bits(), together[t * histories.len() + n].to_bits());
            }
        }
    }

    /// Rewards and values in another unit give advantages in that unit.
    #[test]
    fn advantages_scale_with_rewards_and_values(histories in histories(), scale in 0.1..10.0) {
        let arrays = Arrays::of(&histories);
        let mut scaled = arrays.clone();
        for array in [&mut scaled.rewards, &mut scaled.values, &mut scaled.next_values] {
            array.iter_mut().for_each(|x| *x *= scale);
        }
        let plain = arrays.output(|x, out| gae(x, 0.99, 0.95, out));
        let found = scaled.output(|x, out| gae(x, 0.99, 0.95, out));
        for (x, y) in plain.iter().zip(&found) {
            prop_assert!(difference(x * scale, *y) < 1e-12, "{} and {}", x * scale, y);
        }
    }
}
