//! Backtracking line search: worked examples, every outcome, and the slips that are common.

mod common;

use common::assert_close;
use gradus_core_math::{BacktrackingLineSearch, Evaluation, LineSearchOutcome, RejectReason};
use proptest::prelude::{prop, prop_assert, prop_assert_eq, proptest};

fn at(objective: f64, constraint: f64) -> Evaluation {
    Evaluation { objective, constraint }
}

/// A search over listed values; the trial after the last one panics.
fn replay(initial: f64, limit: f64, values: &[(f64, f64)]) -> LineSearchOutcome {
    let mut listed = values.iter();
    let next = |_| listed.next().map(|&(objective, constraint)| at(objective, constraint)).expect("stops");
    BacktrackingLineSearch::new().with_max_backtracks(values.len()).search(initial, limit, next)
}

fn reasons(outcome: &LineSearchOutcome) -> Vec<Option<RejectReason>> {
    outcome.trials().iter().map(|trial| trial.refused).collect()
}

/// A search along a real TRPO step.
struct Golden {
    /// The surrogate at the start.
    initial: f64,
    max_kl: f64,
    /// Surrogate and mean kl_old_new of the trials.
    values: Vec<(f64, f64)>,
    accepted: usize,
}

/// The four cases of `policy_updates.json`, key `line_search_surrogate_and_kl`.
fn golden() -> [Golden; 4] {
    [
        Golden {
            initial: -0.11823616866312338,
            max_kl: 0.01,
            values: vec![(-0.07973510796612653, 0.0048054265291531326)],
            accepted: 0,
        },
        Golden {
            initial: -0.04316430716681453,
            max_kl: 0.01,
            values: vec![(0.01888956787804793, 0.008194823430671124)],
            accepted: 0,
        },
        Golden {
            initial: -0.29557987417154735,
            max_kl: 0.3,
            values: vec![(0.9484803662258388, 0.4176486847393782), (1.0864638904074355, 0.2821850511224399)],
            accepted: 1,
        },
        Golden {
            initial: 0.0024775672646754274,
            max_kl: 0.3,
            values: vec![
                (0.029534634047127084, 10.578026627006947),
                (0.17210378939567006, 6.712459185428168),
                (0.7637320070495319, 1.8455834655062624),
                (1.1149791352268603, 0.20313144200075436),
            ],
            accepted: 3,
        },
    ]
}

#[test]
fn golden_searches() {
    for Golden { initial, max_kl, values, accepted } in golden() {
        let outcome = replay(initial, max_kl, &values);
        let LineSearchOutcome::Accepted { k, scale, objective, constraint, trials } = outcome else {
            unreachable!("{outcome:?}")
        };
        assert_eq!(k, accepted);
        assert_close("scale", scale, 0.8_f64.powf(accepted as f64), 1e-15, 0.0);
        assert_eq!((objective, constraint), values[k]);
        assert_eq!(trials.len(), k + 1);
        for (i, trial) in trials.iter().enumerate() {
            assert_eq!((trial.k, (trial.objective, trial.constraint)), (i, values[i]));
            assert_eq!(trial.refused, (i < k).then_some(RejectReason::ConstraintViolated));
        }
    }
}

/// −(x − 1)² from x = 0 along a step of 5 with |x| ≤ 3: 5, 4 and 3.2 are too far and too low, 2.56 and 2.048
/// allowed but too low, 1.6384 improves.
#[test]
fn a_parabola_by_hand() {
    let evaluate = |scale: f64| {
        let x = 5.0 * scale;
        at(-(x - 1.0) * (x - 1.0), x.abs())
    };
    let outcome = BacktrackingLineSearch::new().search(-1.0, 3.0, evaluate);
    let both = Some(RejectReason::NoImprovementAndConstraintViolated);
    let low = Some(RejectReason::NoImprovement);
    assert_eq!(reasons(&outcome), [both, both, both, low, low, None]);
    let LineSearchOutcome::Accepted { k: 5, scale, objective, constraint, .. } = outcome else {
        unreachable!("{outcome:?}")
    };
    assert_close("scale", scale, 0.32768, 1e-15, 0.0);
    assert_close("objective", objective, -0.40755456, 1e-14, 0.0);
    assert_close("constraint", constraint, 1.6384, 1e-15, 0.0);
    assert_eq!(outcome.accepted_scale(), Some(scale));
}

#[test]
fn every_reason_to_refuse() {
    use RejectReason::{ConstraintViolated, NoImprovement, NoImprovementAndConstraintViolated, NotFinite};
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    // Objective above 1, constraint at most 2; the reason is that of the last trial.
    let cases = [
        (vec![(0.5, 0.1), (0.9, 0.1)], NoImprovement),
        (vec![(1.0, 2.0), (1.0, 0.0)], NoImprovement),
        (vec![(5.0, 9.0), (4.0, 2.1)], ConstraintViolated),
        (vec![(0.0, 9.0), (0.5, 2.1)], NoImprovementAndConstraintViolated),
        (vec![(5.0, 9.0), (0.5, 1.9)], NoImprovement),
        (vec![(nan, 0.0), (5.0, nan)], NotFinite),
        (vec![(inf, 0.0), (5.0, -inf)], NotFinite),
        (vec![(-inf, 0.0), (5.0, inf)], NotFinite),
        (vec![(nan, nan), (5.0, 9.0)], ConstraintViolated),
    ];
    for (values, expected) in cases {
        let outcome = replay(1.0, 2.0, &values);
        let LineSearchOutcome::Rejected { reason, trials } = &outcome else { unreachable!("{outcome:?}") };
        assert_eq!(*reason, expected, "{values:?}");
        assert_eq!(outcome.accepted_scale(), None);
        let seen: Vec<_> = trials.iter().map(|t| (t.objective.to_bits(), t.constraint.to_bits())).collect();
        let given: Vec<_> = values.iter().map(|(o, c)| (o.to_bits(), c.to_bits())).collect();
        assert_eq!(seen, given, "all values are recorded as they were, NaN included");
        assert_eq!(outcome.trials().last().expect("two trials").refused, Some(expected));
    }
}

#[test]
fn a_shorter_step_may_be_finite_again() {
    let values = [(f64::NAN, 0.1), (1.5, f64::NAN), (f64::INFINITY, 0.0), (1.2, 0.1)];
    let outcome = replay(1.0, 2.0, &values);
    let not_finite = Some(RejectReason::NotFinite);
    assert_eq!(reasons(&outcome), [not_finite, not_finite, not_finite, None]);
    assert!(matches!(outcome, LineSearchOutcome::Accepted { k: 3, .. }));
}

#[test]
fn without_a_finite_start_nothing_is_tried() {
    for initial in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let outcome = BacktrackingLineSearch::new().search(initial, 1.0, |_| unreachable!("not tried"));
        let reason = RejectReason::InitialNotFinite;
        assert_eq!(outcome, LineSearchOutcome::Rejected { reason, trials: vec![] });
    }
}

#[test]
fn scales_are_the_powers_of_the_ratio() {
    let mut scales = Vec::new();
    let outcome = BacktrackingLineSearch::new().search(0.0, 1.0, |scale| {
        scales.push(scale);
        at(-1.0, 0.0)
    });
    assert_eq!(scales.len(), 10);
    assert_eq!(scales[0].to_bits(), 1.0_f64.to_bits(), "the full step is tried as it is");
    for (k, (&scale, trial)) in scales.iter().zip(outcome.trials()).enumerate() {
        assert_eq!((trial.k, trial.scale.to_bits()), (k, scale.to_bits()));
        assert_close("scale", scale, 0.8_f64.powf(k as f64), 1e-15, 0.0);
    }
}

/// A limit of infinity is no limit, and the limit itself is allowed.
#[test]
fn limits() {
    assert_eq!(replay(1.0, f64::INFINITY, &[(2.0, 1e300)]).accepted_scale(), Some(1.0));
    assert_eq!(replay(1.0, 0.01, &[(2.0, 0.01)]).accepted_scale(), Some(1.0));
    assert_eq!(replay(1.0, 0.01, &[(2.0, 0.01_f64.next_up())]).accepted_scale(), None);
}

/// The first accepted place in a list under some rule.
fn first(
    rule: fn(f64, f64, f64, f64) -> bool,
    initial: f64,
    limit: f64,
    values: &[(f64, f64)],
) -> Option<usize> {
    values.iter().position(|&(objective, constraint)| rule(objective, constraint, initial, limit))
}

/// Lists on which each slip accepts another trial than the search does.
#[test]
fn slips_are_told_apart() {
    let right = |o: f64, c: f64, initial: f64, limit: f64| o > initial && c <= limit;
    let no_worse = |o: f64, c: f64, initial: f64, limit: f64| o >= initial && c <= limit;
    let strict_limit = |o: f64, c: f64, initial: f64, limit: f64| o > initial && c < limit;
    let objective_only = |o: f64, _: f64, initial: f64, _: f64| o > initial;
    let constraint_only = |_: f64, c: f64, _: f64, limit: f64| c <= limit;
    let common_excess = |o: f64, c: f64, initial: f64, limit: f64| o > initial && c <= 1.5 * limit;
    let negated = |o: f64, c: f64, initial: f64, limit: f64| !(o <= initial || c > limit);
    let lists = [
        vec![(1.0, 0.5), (1.5, 0.5)],
        vec![(1.5, 2.0), (1.2, 0.5)],
        vec![(1.5, 2.5), (1.2, 0.5)],
        vec![(0.5, 0.5), (1.2, 0.5)],
        vec![(f64::NAN, 0.5), (1.2, f64::NAN)],
    ];
    let found = |values: &[(f64, f64)]| match replay(1.0, 2.0, values) {
        LineSearchOutcome::Accepted { k, .. } => Some(k),
        LineSearchOutcome::Rejected { .. } => None,
    };
    let agrees = |rule, list: &[(f64, f64)]| first(rule, 1.0, 2.0, list) == found(list);
    assert!(lists.iter().all(|list| agrees(right, list)));
    assert!(!agrees(no_worse, &lists[0]));
    assert!(!agrees(strict_limit, &lists[1]));
    assert!(!agrees(objective_only, &lists[2]));
    assert!(!agrees(common_excess, &lists[2]));
    assert!(!agrees(constraint_only, &lists[3]));
    assert!(!agrees(negated, &lists[4]), "comparisons with NaN are false, so the negation accepts it");
}

proptest! {
    /// Whatever the values, the search stops at the first trial that meets both conditions.
    #[test]
    fn the_first_that_meets_both_is_accepted(
        values in prop::collection::vec((0..4_u8, 0..4_u8), 1..12), initial in 0..4_u8, limit in 0..4_u8,
    ) {
        // Of four values one is NaN; the others are equal often.
        let number = |x: u8| if x == 3 { f64::NAN } else { f64::from(x) };
        let values: Vec<_> = values.into_iter().map(|(o, c)| (number(o), number(c))).collect();
        let (initial, limit) = (f64::from(initial), f64::from(limit));
        let outcome = replay(initial, limit, &values);
        let expected = first(|o, c, initial, limit| o > initial && c <= limit, initial, limit, &values);
        prop_assert_eq!(outcome.trials().len(), expected.map_or(values.len(), |k| k + 1));
        match outcome {
            LineSearchOutcome::Accepted { k, objective, constraint, .. } => {
                prop_assert_eq!(Some(k), expected);
                prop_assert!(objective > initial && constraint <= limit);
            }
            LineSearchOutcome::Rejected { trials, .. } => {
                prop_assert_eq!(None, expected);
                prop_assert!(trials.iter().all(|trial| trial.refused.is_some()));
            }
        }
    }
}

#[test]
fn settings_are_checked_and_travel() {
    let ok = BacktrackingLineSearch::new();
    assert_eq!(ok.check(), Ok(()));
    for ratio in [0.0, 1.0, -0.5, 1.5, f64::NAN] {
        ok.with_backtrack_ratio(ratio).check().expect_err("is out of range");
    }
    let text = ok.with_max_backtracks(0).check().expect_err("no trial at all").to_string();
    assert_eq!(text, "max_backtracks is 0, it must be at least 1");
    let text = serde_json::to_string(&ok).expect("is plain data");
    assert_eq!(text, r#"{"backtrack_ratio":0.8,"max_backtracks":10}"#);
    assert_eq!(serde_json::from_str::<BacktrackingLineSearch>("{}").expect("defaults"), ok);
    serde_json::from_str::<BacktrackingLineSearch>(r#"{"ratio": 0.5}"#).expect_err("an unknown name");
}

#[test]
fn the_record_goes_into_logs() {
    let outcome = replay(1.0, 2.0, &[(5.0, 9.0), (1.5, 0.5)]);
    let log = serde_json::to_value(&outcome).expect("is plain data");
    assert_eq!(log["accepted"]["k"], 1);
    assert_eq!(log["accepted"]["trials"][0]["refused"], "constraint_violated");
}

#[test]
#[should_panic(expected = "the settings of a line search are in range")]
fn bad_settings_panic() {
    BacktrackingLineSearch::new().with_backtrack_ratio(1.0).search(0.0, 1.0, |_| at(1.0, 0.0));
}

#[test]
#[should_panic(expected = "the limit of a line search is a number")]
fn a_limit_that_is_nan_panics() {
    BacktrackingLineSearch::new().search(0.0, f64::NAN, |_| at(1.0, 0.0));
}
