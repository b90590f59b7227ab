//! Exact values and bounds against those that numpy computed (`golden/tabular_mdp.json`, whose field `about` says what
//! they are).

mod common;

use common::distance;
use gradus_tabular::bounds::{
    PenaltyFactors, max_abs_advantage, max_abs_policy_advantage, max_kl_old_new, max_total_variation,
    mixture_bound, policy_advantage, surrogate,
};
use gradus_tabular::{DiscountedMdp, Evaluation, PolicyTable, Tables};
use serde_json::Value;

const TOLERANCE: f64 = 1e-11;

struct Golden(Value);

impl Golden {
    fn all() -> Vec<Self> {
        let text = include_str!("golden/tabular_mdp.json");
        let file: Value = serde_json::from_str(text).expect("the golden file reads");
        file["cases"].as_array().expect("cases").iter().cloned().map(Self).collect()
    }

    fn number(&self, key: &str) -> f64 {
        self.0[key].as_f64().unwrap_or_else(|| panic!("the number {key}"))
    }

    /// All numbers of a nested list, in their order.
    fn numbers(&self, key: &str) -> Vec<f64> {
        fn collect(value: &Value, into: &mut Vec<f64>) {
            match value.as_array() {
                Some(values) => values.iter().for_each(|value| collect(value, into)),
                None => into.push(value.as_f64().expect("a number")),
            }
        }
        let mut numbers = Vec::new();
        collect(&self.0[key], &mut numbers);
        assert!(!numbers.is_empty(), "{key}");
        numbers
    }

    fn mdp(&self) -> DiscountedMdp {
        let n_states = self.numbers("rho0").len();
        let n_actions = self.numbers("R").len() / n_states;
        let tables = Tables {
            n_states,
            n_actions,
            transitions: self.numbers("P"),
            rewards: self.numbers("R"),
            initial: self.numbers("rho0"),
            terminal: Vec::new(),
        };
        tables.discounted(self.number("gamma")).expect("a process")
    }

    fn policy(&self, key: &str) -> PolicyTable {
        let n_actions = self.numbers("R").len() / self.numbers("rho0").len();
        PolicyTable::new(n_actions, self.numbers(key)).expect("a policy")
    }

    fn check(&self, key: &str, found: f64) {
        let expected = self.number(key);
        assert!(
            (found - expected).abs() <= TOLERANCE * expected.abs().max(1.0),
            "{key}: {found}, not {expected}"
        );
    }

    fn check_all(&self, key: &str, found: &[f64]) {
        let expected = self.numbers(key);
        assert!(distance(found, &expected) <= TOLERANCE, "{key}: {found:?}, not {expected:?}");
    }
}

#[test]
fn values_advantages_and_visitation() {
    for golden in Golden::all() {
        let mdp = golden.mdp();
        let evaluation = mdp.evaluate(&golden.policy("pi")).expect("an evaluation");
        golden.check_all("V", &evaluation.values);
        golden.check_all("Q", &evaluation.action_values);
        golden.check_all("A", &evaluation.advantages);
        golden.check_all("rho", &evaluation.visitation);
        golden.check("eta", evaluation.eta);
        let optimum = mdp.optimum().expect("an optimum");
        golden.check_all("V_optimal", &optimum.evaluation.values);
        golden.check("eta_optimal", optimum.evaluation.eta);
    }
}

#[test]
fn surrogates_and_bounds() {
    for golden in Golden::all() {
        let (mdp, old, new) = (golden.mdp(), golden.policy("pi"), golden.policy("pi_new"));
        let evaluation = mdp.evaluate(&old).expect("an evaluation");
        let eta_new = mdp.evaluate(&new).expect("an evaluation").eta;
        golden.check("eta_new", eta_new);
        golden.check("performance_difference", eta_new - evaluation.eta);
        let (l, epsilon) = (surrogate(&evaluation, &new), max_abs_advantage(&evaluation));
        let (tv, kl) = (max_total_variation(&old, &new), max_kl_old_new(&old, &new));
        golden.check("surrogate_L", l);
        golden.check("epsilon", epsilon);
        golden.check("tv_max", tv);
        golden.check("kl_max_old_new", kl);
        let factors = PenaltyFactors::new(epsilon, mdp.gamma());
        golden.check("tv_bound", l - factors.total_variation * tv * tv);
        golden.check("kl_bound", l - factors.kl * kl);
        // Wrong variants, all of them in circulation, are told apart.
        let kl_new_old = max_kl_old_new(&new, &old);
        assert!((kl_new_old - golden.number("kl_max_old_new")).abs() > 1e-3, "the other direction");
        let without_four = l - 0.25 * factors.kl * kl;
        assert!((without_four - golden.number("kl_bound")).abs() > 1e-3, "C without the 4");
        let normalised = evaluation.eta + (1.0 - mdp.gamma()) * policy_advantage(&evaluation, &new);
        assert!((normalised - golden.number("surrogate_L")).abs() > 1e-3, "a ρ that sums to one");
    }
}

#[test]
fn mixtures() {
    for golden in Golden::all() {
        let (mdp, old, new) = (golden.mdp(), golden.policy("pi"), golden.policy("pi_new"));
        let evaluation: Evaluation = mdp.evaluate(&old).expect("an evaluation");
        let alpha = golden.number("mixture_alpha");
        let eta = mdp.evaluate(&old.mixed_with(&new, alpha)).expect("an evaluation").eta;
        golden.check("eta_mixture", eta);
        let (gain, epsilon) =
            (policy_advantage(&evaluation, &new), max_abs_policy_advantage(&evaluation, &new));
        golden.check("mixture_policy_advantage", gain);
        golden.check("cpi_epsilon", epsilon);
        golden.check("cpi_bound", evaluation.eta + mixture_bound(gain, epsilon, mdp.gamma(), alpha));
    }
}
