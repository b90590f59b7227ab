use std::ops::Bound;

use super::super::{KEYS, Kind, reference};
use super::*;

fn preset() -> Table {
    toml::toml! {
        env = "CartPole-v1"
        algo = "ppo"
        total_steps = 100_000
        learning_rate = 1e-3
    }
}

fn base() -> Layers {
    Layers::new(KEYS).table(&Origin::Preset("cartpole".to_owned()), preset())
}

fn problems(layers: Layers) -> Vec<String> {
    match layers.resolve() {
        Ok(_) => Vec::new(),
        Err(error) => error.problems().iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn later_layers_cover_earlier_ones() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("my.toml");
    fs::write(&path, "gamma = 0.9\nepochs = 3\nhidden = []\n").expect("writable");
    let config = base()
        .file(&path)
        .flag("--seed", "seed", i64::MAX)
        .set(["epochs=4", "activation = relu", "total_steps=1e6", "normalize_reward=true", "value_coef=1"])
        .resolve()
        .expect("valid");
    assert_eq!(config.float("learning_rate").to_bits(), 1e-3_f64.to_bits());
    assert_eq!(config.float("gamma").to_bits(), 0.9_f64.to_bits());
    assert_eq!(config.float("value_coef").to_bits(), 1.0_f64.to_bits());
    assert_eq!((config.count("epochs"), config.unsigned("seed")), (4, i64::MAX as u64));
    assert_eq!((config.text("activation"), config.integer("total_steps")), ("relu", 1_000_000));
    assert!(config.counts("hidden").is_empty() && config.bool("normalize_reward"));
    let origins = ["n_steps", "env", "gamma", "seed", "epochs"].map(|key| config.origin(key).to_string());
    let file = path.display().to_string();
    assert_eq!(origins, ["the defaults", "preset cartpole", &file, "--seed", "--set"]);
}

#[test]
fn everything_wrong_is_reported_at_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("my.toml");
    fs::write(&path, "gama = 0.9\nepochs = 0\n[ppo]\nx = 1\n").expect("writable");
    let found = problems(Layers::new(KEYS).file(&path).flag("--seed", "seed", -1).set([
        "epochs=many",
        "hidden=[64, 0]",
        "activation=tahn",
        "learning_rate=nan",
        "n_steps",
        "hidden=[64",
        "gamma=",
        "device=gpu",
        "quite_unknown=1",
    ]));
    let file = path.display();
    let expected = [
        format!("epochs = 0 (from {file}): out of range, it must be an integer from 1 to 1000000"),
        format!("gama = 0.9 (from {file}): unknown key; did you mean gamma?"),
        format!("ppo (from {file}): a table, but keys are flat: write its keys without the heading"),
        "seed = -1 (from --seed): out of range, it must be an integer of at least 0".to_owned(),
        "n_steps (from --set): not an assignment, write key=value, such as gamma=0.99".to_owned(),
        "gamma= (from --set): there is no value after the equals sign; write none to leave a key without one"
            .to_owned(),
        "activation = \"tahn\" (from --set): unknown value, it must be one of tanh, relu; did you mean tanh?"
            .to_owned(),
        "device = \"gpu\" (from --set): unknown value, it must be one of cpu, flex, ndarray, wgpu, or one of several \
         such as wgpu:discrete:1; did you mean wgpu?"
            .to_owned(),
        "epochs = \"many\" (from --set): wrong type, it must be an integer from 1 to 1000000".to_owned(),
        "hidden = [64, 0] (from --set): out of range, it must be a list, such as [64, 64], of integers from 1 \
         to 65536"
            .to_owned(),
        "learning_rate = nan (from --set): out of range, it must be a number above 0".to_owned(),
        "quite_unknown = 1 (from --set): unknown key".to_owned(),
        "env: missing, it must be a text".to_owned(),
    ];
    for line in &expected {
        assert!(found.contains(line), "missing: {line}\nin {found:#?}");
    }
    // The broken list is the only line whose wording belongs to the TOML parser.
    let extra: Vec<_> = found.iter().filter(|line| !expected.contains(line)).collect();
    assert!(
        extra.len() == 1 && extra[0].starts_with("hidden=[64 (from --set): the value is not TOML"),
        "{extra:?}"
    );
}

#[test]
fn what_was_given_but_wrong_is_not_reported_as_missing_too() {
    let found = problems(Layers::new(KEYS).set(["env=CartPole-v1", "algo=ppo", "total_steps=0"]));
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn a_value_can_be_refused_after_its_check() {
    let refused = Layers::new(KEYS).set(["algo=pop", "gamma=7"]).refuse("algo", "there is no such algorithm");
    let found = problems(refused.refuse("env", "give --env"));
    assert_eq!(found[1..], ["algo = \"pop\" (from --set): there is no such algorithm", "env: give --env"]);
    assert!(found.len() == 3 && found[0].starts_with("gamma = 7 "), "{found:?}");
}

#[test]
fn files_that_cannot_be_read_are_problems_too() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let missing = problems(base().file(&folder.path().join("none.toml")).set(["gamma=2"]));
    assert_eq!(missing.len(), 2);
    assert!(missing[0].contains("none.toml: the file cannot be read"), "{missing:?}");
    let path = folder.path().join("broken.toml");
    fs::write(&path, "gamma = 0.9\nepochs = = 3\n").expect("writable");
    let broken = problems(base().file(&path));
    assert!(broken.len() == 1 && broken[0].contains("line 2"), "{broken:?}");
}

#[test]
fn a_key_replaces_the_one_that_says_the_same() {
    let config = base().set(["minibatches=4"]).resolve().expect("valid");
    assert_eq!(
        (config.optional_count("minibatches"), config.optional_count("minibatch_size")),
        (Some(4), None)
    );
    let config = base().set(["minibatches=4"]).set(["minibatch_size=32"]).resolve().expect("valid");
    assert_eq!(
        (config.optional_count("minibatches"), config.optional_count("minibatch_size")),
        (None, Some(32))
    );
    let both = problems(base().set(["minibatches=4", "minibatch_size=32"]));
    assert_eq!(both.len(), 1, "{both:?}");
    assert!(both[0].contains("cannot be given together with"), "{both:?}");
}

#[test]
fn an_optional_key_can_be_taken_away_and_others_cannot() {
    let config = base().set(["kl_target=0.01"]).set(["kl_target=none"]).resolve().expect("valid");
    assert_eq!(config.optional_float("kl_target"), None);
    assert_eq!(problems(base().set(["gamma=none"])).len(), 1);
}

#[test]
fn the_file_of_a_configuration_gives_it_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("config.toml");
    for value in ["1e-300", "0.1", "1e22", "5e-324", "1.7976931348623157e308", "0.30000000000000004"] {
        let rate = format!("learning_rate={value}");
        let hard =
            ["env=\"a \\\"b\\\" \\n # ü\"", "minibatches=4", "hidden=[]", "seed=9223372036854775807", &rate];
        let config = base().set(hard).resolve().expect("valid");
        fs::write(&path, config.to_toml()).expect("writable");
        let again = Layers::new(KEYS).file(&path).resolve().expect("valid");
        assert_eq!(again.to_table(), config.to_table());
        assert_eq!(again.float("learning_rate").to_bits(), value.parse::<f64>().expect("a number").to_bits());
    }
    // A preset's name cannot break out of its comment.
    let origin = Origin::Preset("a\nseed = 7".to_owned());
    let config = Layers::new(KEYS).table(&origin, preset()).resolve().expect("valid");
    fs::write(&path, config.to_toml()).expect("writable");
    let again = Layers::new(KEYS).file(&path).resolve().expect("valid");
    assert_eq!(again.to_table(), config.to_table());
}

#[test]
fn a_changed_configuration_keeps_what_was_said_about_the_rest() {
    let text = base().set(["gamma=0.5"]).resolve().expect("valid").to_toml();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("config.toml");
    fs::write(&path, &text).expect("writable");
    let changed = Layers::new(KEYS).file(&path).flag("--threads", "threads", 3).resolve().expect("valid");
    let again = changed.to_toml_over(&text);
    let differing: Vec<(&str, &str)> = text.lines().zip(again.lines()).filter(|(a, b)| a != b).collect();
    assert_eq!(differing.len(), 2, "{differing:?}");
    assert!(
        differing[0].1.ends_with("From --threads.") && differing[1] == ("threads = \"none\"", "threads = 3")
    );
    assert!(again.contains("From --set.\ngamma = 0.5\n"), "{again}");
}

#[test]
fn a_problem_among_several_keys_names_value_and_origin() {
    let config = base().set(["minibatch_size=100"]).resolve().expect("valid");
    let problem = config.problem("minibatch_size", "it must divide n_envs · n_steps = 2048");
    assert_eq!(
        problem.to_string(),
        "minibatch_size = 100 (from --set): it must divide n_envs · n_steps = 2048"
    );
}

#[test]
fn the_table_of_keys_is_in_order() {
    for (index, key) in KEYS.iter().enumerate() {
        assert!(KEYS[..index].iter().all(|other| other.name != key.name), "{} is there twice", key.name);
        assert!(key.doc.ends_with('.'), "{} is not described by a sentence", key.name);
        for other in key.replaces {
            let other = KEYS.iter().find(|key| key.name == *other).expect("a key replaces keys of the table");
            assert!(other.optional, "{} replaces {}, which is not optional", key.name, other.name);
        }
    }
    assert!(Layers::new(KEYS).problems.is_empty(), "a default is not what its key allows");
    assert!(reference(KEYS).lines().count() == KEYS.len() + 2);
}

#[test]
fn ranges_read_well() {
    let text = |min, max| Kind::Float(min, max).to_string();
    assert_eq!(text(Bound::Unbounded, Bound::Unbounded), "a number");
    assert_eq!(text(Bound::Included(0.0), Bound::Excluded(1.0)), "a number in [0, 1)");
    assert_eq!(text(Bound::Unbounded, Bound::Excluded(1.5)), "a number below 1.5");
}

#[test]
#[should_panic(expected = "there is no key gama")]
fn asking_for_a_key_that_is_not_there_is_a_mistake() {
    base().resolve().expect("valid").float("gama");
}

#[test]
#[should_panic(expected = "the key gamma is not an integer")]
fn asking_for_another_type_is_a_mistake() {
    base().resolve().expect("valid").integer("gamma");
}
