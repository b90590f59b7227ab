//! Finite MDPs: what a table must be, Gymnasium's tables, sampling, and exact returns.

#![allow(clippy::float_cmp, reason = "exact numbers are what these tests are about")]

use std::collections::BTreeMap;

use gradus_core_math::Stream;
use gradus_envs::finite::{
    CliffWalking, FiniteEnv, FiniteMdp, FiniteMdpError, FrozenLake, Taxi, Transition, optimal_return,
    optimal_values, policy_return,
};
use gradus_envs::{ENVIRONMENTS, Env, Outcome, Space, State, find, make};
use serde::Deserialize;

/// A recorded table: `P[state][action]` is a list of (probability, next state, reward, terminated), made by
/// Gymnasium 1.4.0 (the file's field `about`).
#[derive(Deserialize)]
struct Golden {
    initial_distribution: Vec<f64>,
    #[serde(rename = "P")]
    table: Vec<Vec<Vec<Recorded>>>,
}

type Recorded = (f64, usize, f64, bool);

const GOLDEN: [(&str, &str); 4] = [
    ("FrozenLake-v1", include_str!("golden/FrozenLake-v1-4x4.json")),
    ("FrozenLake8x8-v1", include_str!("golden/FrozenLake-v1-8x8.json")),
    ("CliffWalking-v1", include_str!("golden/CliffWalking-v1.json")),
    ("Taxi-v4", include_str!("golden/Taxi-v4.json")),
];

fn mdp(name: &str) -> FiniteMdp {
    find(name).expect("a task").finite_mdp().expect("a finite one")
}

/// Probabilities to 1e-12, everything else exactly, in the same order.
///
/// Rejects, tried by hand: slipping only to one side, a hole that does not end the episode, a cliff that
/// ends it, a missing wall of the town, a wrong drop-off that costs 1.
#[test]
fn tables_are_gymnasiums() {
    for (name, text) in GOLDEN {
        let golden: Golden = serde_json::from_str(text).expect("the golden file reads");
        let mdp = mdp(name);
        assert_eq!((mdp.n_states(), mdp.n_actions()), (golden.table.len(), golden.table[0].len()), "{name}");
        for (s, (p, expected)) in mdp.initial().iter().zip(&golden.initial_distribution).enumerate() {
            assert!((p - expected).abs() <= 1e-12, "{name}, start in {s}: {p} for {expected}");
        }
        for (s, actions) in golden.table.iter().enumerate() {
            for (a, expected) in actions.iter().enumerate() {
                let row = mdp.transitions(s, a);
                assert_eq!(row.len(), expected.len(), "{name}, state {s}, action {a}");
                for (t, &(probability, next_state, reward, terminated)) in row.iter().zip(expected) {
                    let found = (t.next_state, t.reward, t.terminated);
                    assert_eq!(found, (next_state, reward, terminated), "{name}, state {s}, action {a}");
                    assert!((t.probability - probability).abs() <= 1e-12, "{name}: {}", t.probability);
                }
            }
        }
    }
}

/// The upper quantile of the chi-square distribution at significance 1e-6, by Wilson and Hilferty's cube
/// (1931), which is good to a few per mille from 2 degrees of freedom on at this level.
fn critical(degrees: usize) -> f64 {
    const Z: f64 = 4.753_424;
    let c = 2.0 / (9.0 * degrees as f64);
    degrees as f64 * (1.0 - c + Z * c.sqrt()).powi(3)
}

/// Pearson's statistic of counts against probabilities, and its degrees of freedom.
fn chi_square<K: Ord + std::fmt::Debug>(
    counts: &BTreeMap<K, u64>,
    expected: &BTreeMap<K, f64>,
) -> (f64, usize) {
    let n = counts.values().sum::<u64>() as f64;
    assert!(counts.keys().all(|key| expected.contains_key(key)), "{counts:?} for {expected:?}");
    let term = |(key, p): (&K, &f64)| {
        let count = counts.get(key).copied().unwrap_or(0) as f64;
        (count - n * p).powi(2) / (n * p)
    };
    (expected.iter().map(term).sum(), expected.len() - 1)
}

/// Every row of every table, sampled through the environment: outcomes that are the same are added up, and
/// the statistics of the rows too. Significance 1e-6, fixed seeds.
///
/// Rejects, tried by hand: a sampler whose uniform numbers stop at 0.97, and one that never draws the last
/// outcome.
#[test]
fn sampled_transitions_have_the_tables_frequencies() {
    const N: usize = 2_000;
    let named = ENVIRONMENTS.iter().filter_map(|info| Some((info.name, info.finite_mdp()?)));
    let slippery = ("slippery cliff", CliffWalking::default().with_slippery(true).mdp());
    for (name, mdp) in named.chain([slippery]) {
        let mut env = FiniteEnv::new(mdp.clone()).with_index_observations();
        let mut rng = Stream::new(3, name, 0);
        let mut row = [0.0];
        let (mut statistic, mut degrees) = (0.0, 0);
        for state in 0..mdp.n_states() {
            for action in 0..mdp.n_actions() {
                let key = |state: usize, reward: f64, over: bool| (state, reward.to_bits(), over);
                let mut expected = BTreeMap::new();
                for t in mdp.transitions(state, action) {
                    *expected.entry(key(t.next_state, t.reward, t.terminated)).or_insert(0.0) +=
                        t.probability;
                }
                let mut counts = BTreeMap::new();
                // A certain outcome needs no statistics, only to be the right one.
                for _ in 0..if expected.len() == 1 { 3 } else { N } {
                    env.set_state(state);
                    let step = env.step(&[action as f32], &mut rng, &mut row).expect("a step");
                    assert_eq!(env.state(), row[0] as usize);
                    let over = step.outcome == Outcome::Terminated;
                    *counts.entry(key(env.state(), step.reward, over)).or_insert(0) += 1;
                }
                let (x, d) = chi_square(&counts, &expected);
                statistic += x;
                degrees += d;
            }
        }
        assert!(degrees == 0 || statistic < critical(degrees), "{name}: {statistic} at {degrees}");
        assert_eq!(degrees > 0, matches!(name, "FrozenLake-v1" | "FrozenLake8x8-v1" | "slippery cliff"));
    }
}

/// The starts of the taxi, 300 equally likely ones; significance 1e-6.
#[test]
fn sampled_starts_have_the_initial_distribution() {
    let mut env = Taxi.env();
    let mut rng = Stream::new(4, "start", 0);
    let mut row = [0.0; 500];
    let mut counts = BTreeMap::new();
    for _ in 0..60_000 {
        env.reset(&mut rng, &mut row).expect("a start");
        *counts.entry(env.state()).or_insert(0) += 1;
    }
    let positive = env.mdp().initial().iter().copied().enumerate().filter(|(_, p)| *p > 0.0);
    let (statistic, degrees) = chi_square(&counts, &positive.collect());
    assert_eq!(degrees, 299);
    assert!(statistic < critical(degrees), "{statistic}");
}

/// Outcomes of probability zero are never drawn, wherever they stand, and a sum that rounds below one
/// draws the last possible outcome at worst.
#[test]
fn impossible_outcomes_are_never_drawn() {
    let outcome =
        |probability, next_state| Transition { probability, next_state, reward: 0.0, terminated: false };
    let row = [outcome(0.0, 0), outcome(1.0 - 1e-10, 1), outcome(0.0, 2)];
    let mdp = FiniteMdp::new(3, 1, vec![0.0, 1.0, 0.0], |_, _| row.to_vec()).expect("an MDP");
    let mut rng = Stream::new(5, "draw", 0);
    for _ in 0..1_000 {
        assert_eq!(mdp.sample(0, 0, &mut rng).next_state, 1);
        assert_eq!(mdp.sample_initial(&mut rng), 1);
    }
}

/// The optimum and the return of the uniform policy within the time limits, against backward induction over
/// the golden tables in plain Python: `V = [max(sum(p * (r + (0 if t else V[n])) for p, n, r, t in row)
/// for row in rows) for rows in P]`, repeated `time_limit` times from zeros, and the mean for the maximum.
/// Gymnasium's registry gives 0.74 and 0.91 for the lakes.
///
/// Rejects, tried by hand: a horizon off by one, values bootstrapped through the end of an episode.
#[test]
fn exact_returns_within_the_time_limit() {
    let cases = [
        ("FrozenLake-v1", 0.744_190_287_829_268_9, 0.013_939_795_959_171_45),
        ("FrozenLake8x8-v1", 0.913_220_150_201_628_8, 0.001_901_395_494_823_045_6),
        ("CliffWalking-v1", -13.0, -2_079.115_970_008_820_5),
        ("Taxi-v4", 7.93, -771.090_999_449_668_8),
        ("FrozenLakeNoSlip-v1", 1.0, 0.013_939_795_959_171_45),
        ("FrozenLake8x8NoSlip-v1", 1.0, 0.001_901_395_494_823_045_6),
    ];
    for (name, best, uniform) in cases {
        let info = find(name).expect("a task");
        let mdp = info.finite_mdp().expect("a finite one");
        let found = info.optimal_return().expect("a finite one");
        assert!((found - best).abs() < 1e-9, "{name}: {found}");
        assert!((optimal_return(&mdp, info.time_limit) - found).abs() < 1e-15);
        // A uniform policy does not mind slipping to a side: the direction stays uniform.
        let policy = vec![1.0 / mdp.n_actions() as f64; mdp.n_states() * mdp.n_actions()];
        let found = policy_return(&mdp, &policy, info.time_limit);
        assert!((found - uniform).abs() < 1e-9 * uniform.abs().max(1.0), "{name}: {found}");
    }
    assert_eq!(find("CartPole-v1").expect("a task").optimal_return(), None);
}

/// A horizon too short for the way: 12 steps along the cliff arrive nowhere, 13 arrive.
#[test]
fn the_horizon_counts_steps() {
    let cliff = CliffWalking::default().mdp();
    let returns: Vec<f64> = (0..=14).map(|horizon| optimal_return(&cliff, horizon)).collect();
    let expected: Vec<f64> = (0..=14).map(|horizon| -f64::from(horizon.min(13))).collect();
    assert_eq!(returns, expected);
    // Worked by hand: pay 1 now and end, or wait for a coin that pays 3.
    let coin = |_, a| match a {
        0 => vec![Transition::certain(0, 1.0, true)],
        _ => vec![
            Transition { probability: 0.5, next_state: 0, reward: 3.0, terminated: true },
            Transition { probability: 0.5, next_state: 0, reward: 0.0, terminated: false },
        ],
    };
    let mdp = FiniteMdp::new(1, 2, vec![1.0], coin).expect("an MDP");
    assert_eq!([0, 1, 2, 3].map(|h| optimal_values(&mdp, h)[0]), [0.0, 1.5, 2.25, 2.625]);
    assert_eq!(policy_return(&mdp, &[1.0, 0.0], 3), 1.0);
    assert_eq!(mdp.expected_reward(0, 1), 1.5);
}

/// What [`FiniteMdp::new`] says of a process of two states and one action whose row in state 1 and initial
/// distribution are these.
fn refused(row: Vec<Transition>, initial: &[f64]) -> FiniteMdpError {
    let certain = vec![Transition::certain(0, 0.0, false)];
    FiniteMdp::new(2, 1, initial.to_vec(), |s, _| if s == 1 { row.clone() } else { certain.clone() })
        .expect_err("no MDP")
}

#[test]
fn tables_that_are_no_mdp_are_refused() {
    let t =
        |probability, next_state, reward| Transition { probability, next_state, reward, terminated: false };
    let good = [0.5, 0.5];
    let message = |row: &[Transition], initial: &[f64]| refused(row.to_vec(), initial).to_string();
    assert_eq!(refused(vec![], &good), FiniteMdpError::EmptyRow { state: 1, action: 0 });
    assert_eq!(message(&[], &good), "state 1, action 0: the row has no outcome");
    let found = message(&[t(0.5, 0, 0.0), t(0.25, 1, 0.0)], &good);
    assert_eq!(found, "state 1, action 0: the probabilities sum to 0.75, not to 1");
    let found = message(&[t(1.5, 0, 0.0), t(-0.5, 1, 0.0)], &good);
    assert_eq!(found, "state 1, action 0, outcome 1: -0.5 is not a probability");
    assert!(matches!(refused(vec![t(f64::NAN, 0, 0.0)], &good), FiniteMdpError::Probability { .. }));
    assert!(matches!(refused(vec![t(f64::INFINITY, 0, 0.0)], &good), FiniteMdpError::Probability { .. }));
    let found = message(&[t(1.0, 2, 0.0)], &good);
    assert_eq!(found, "state 1, action 0, outcome 0: there is no state 2, the last one is 1");
    assert_eq!(message(&[t(1.0, 0, f64::NAN)], &good), "state 1, action 0, outcome 0: the reward is NaN");
    let row = [t(1.0, 0, 0.0)];
    assert_eq!(message(&row, &[1.0]), "the initial distribution has 1 probabilities for 2 states");
    assert_eq!(message(&row, &[0.5, 0.4]), "the initial distribution sums to 0.9, not to 1");
    assert_eq!(message(&row, &[2.0, -1.0]), "initial distribution, state 1: -1 is not a probability");
    let none = FiniteMdp::new(0, 1, vec![], |_, _| row.to_vec()).expect_err("no state");
    assert_eq!(none.to_string(), "an MDP has at least one state and one action, not 0 states and 1 actions");
    // Within 1e-9 is good enough, 2e-9 is not.
    let nearly = |error: f64| FiniteMdp::new(1, 1, vec![1.0], |_, _| vec![t(1.0 + error, 0, 0.0)]);
    assert!(nearly(0.9e-9).is_ok() && nearly(-0.9e-9).is_ok());
    assert!(nearly(2e-9).is_err() && nearly(-2e-9).is_err());
    // And the error passes as one of an environment.
    let error = gradus_envs::EnvError::from(refused(vec![], &good));
    assert_eq!(error.to_string(), "state 1, action 0: the row has no outcome");
}

#[test]
fn observations_are_one_hot_or_an_index() {
    let mut rng = Stream::new(6, "observation", 0);
    let mut one_hot = FrozenLake::four_by_four().with_slippery(false).env();
    let mut index = one_hot.clone().with_index_observations();
    assert_eq!(one_hot.observation_space(), Space::cube(16, 0.0, 1.0));
    assert_eq!(index.observation_space(), Space::Discrete { n: 16 });
    let (mut row, mut number) = ([f32::NAN; 16], [f32::NAN]);
    one_hot.reset(&mut rng, &mut row).expect("a start");
    index.reset(&mut rng, &mut number).expect("a start");
    // Down twice, right twice, down, right: over the ice to the goal.
    for (action, state, over) in
        [(1, 4, false), (1, 8, false), (2, 9, false), (2, 10, false), (1, 14, false), (2, 15, true)]
    {
        let action = [action as f32];
        let step = one_hot.step(&action, &mut rng, &mut row).expect("a step");
        assert_eq!(step, index.step(&action, &mut rng, &mut number).expect("a step"));
        assert_eq!((step.outcome.is_over(), step.reward), (over, if over { 1.0 } else { 0.0 }));
        assert_eq!(number, [state as f32]);
        assert_eq!(row.map(|x| x == 1.0), std::array::from_fn(|i| i == state));
        assert_eq!(row.iter().sum::<f32>(), 1.0);
    }
}

#[test]
fn saved_states_of_other_tables_are_refused() {
    let mut lake = FrozenLake::v1();
    let message = |result: Result<(), gradus_envs::EnvError>| result.expect_err("no state of it").to_string();
    let found = message(lake.restore(&FrozenLake::v1_8x8().save()));
    let expected = "it is of an MDP with 64 states and 4 actions, not 16 and 4";
    assert_eq!(found, format!("cannot restore the environment: {expected}"));
    let beyond = State::of("FiniteEnv", &(16_usize, 4_usize, 16_usize));
    let found = message(FrozenLake::four_by_four().env().restore(&beyond));
    assert_eq!(found, "cannot restore the environment: it is in state 16 of 16");
}

/// The mask against Gymnasium's rules, written out: not over the edge, not through a wall, a pick-up where
/// the passenger waits, a drop-off at a stand.
#[test]
fn the_taxis_mask_is_gymnasiums() {
    const MAP: [&[u8]; 5] = [b"|R: | : :G|", b"| : | : : |", b"| : : : : |", b"| | : | : |", b"|Y| : |B: |"];
    const STANDS: [(usize, usize); 4] = [(0, 0), (0, 4), (4, 0), (4, 3)];
    let mask = Taxi.action_mask();
    for (state, allowed) in mask.chunks_exact(6).enumerate() {
        let (row, column, passenger) = (state / 100, state / 20 % 5, state / 4 % 5);
        let at_stand = STANDS.contains(&(row, column));
        let expected = [
            row < 4,
            row > 0,
            column < 4 && MAP[row][2 * column + 2] == b':',
            column > 0 && MAP[row][2 * column] == b':',
            passenger < 4 && STANDS[passenger] == (row, column),
            passenger == 4 && at_stand,
        ];
        assert_eq!(allowed, expected, "state {state}");
    }
    let mut env = Taxi::v4_masked();
    assert!(
        env.has_action_mask()
            && !Taxi::v4().has_action_mask()
            && !make("Taxi-v4").expect("it").has_action_mask()
    );
    let (mut rng, mut row, mut flags) = (Stream::new(0, "mask", 0), [0.0; 500], [true; 6]);
    env.reset(&mut rng, &mut row).expect("a start");
    env.action_mask(&mut flags);
    let state = env.env().state();
    assert_eq!(flags, mask[6 * state..6 * state + 6]);
    let error = env.step(&[5.0], &mut rng, &mut row).expect_err("nobody is in the taxi");
    assert_eq!(error.to_string(), format!("action 5 is not allowed: the mask forbids it in state {state}"));
    let error = Taxi.env().with_action_mask(vec![true; 7]).expect_err("too short");
    assert_eq!(error.to_string(), "the mask has 7 flags for 500 states of 6 actions");
    let error = Taxi.env().with_action_mask(vec![false; 3000]).expect_err("nothing left");
    assert_eq!(error.to_string(), "the mask allows no action in state 0");
}

#[test]
fn lakes_of_ones_own() {
    let lake = FrozenLake::from_map(&["SHS", "FFG"]).expect("a lake").mdp();
    assert_eq!(lake.initial(), [0.5, 0.0, 0.5, 0.0, 0.0, 0.0]);
    let cases: [(&[&str], &str); 4] = [
        (&[], "the lake has no start, a tile S"),
        (&["FFG"], "the lake has no start, a tile S"),
        (&["SFF", "FG"], "row 1 of the lake has 2 tiles, row 0 has 3"),
        (&["SFX"], "row 0 of the lake has the letter 'X'; known are S, F, H and G"),
    ];
    for (map, expected) in cases {
        assert_eq!(FrozenLake::from_map(map).expect_err("no lake").to_string(), expected);
    }
}
