//! Lists and help.

use std::process::Stdio;

use crate::tools::{Place, QUICK, said};

#[test]
fn help_names_every_command_and_flag() {
    let place = Place::new();
    let help = place.succeed("--help").out;
    for command in ["train", "eval", "resume", "solve", "envs", "presets"] {
        assert!(help.contains(&format!("\n  {command} ")), "{command}: {help}");
    }
    let help = place.succeed("train --help").out;
    for flag in ["--env", "--algo", "--seed", "--total-steps", "--threads", "--device", "--out", "--config"] {
        assert!(help.contains(flag), "{flag}: {help}");
    }
    assert!(help.contains("--set") && help.contains("--json") && help.contains("each over the one before"));
    for args in ["--help", "train --help", "resume --help", "eval --help", "solve --help", "presets --help"] {
        let text = place.succeed(args).out;
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(110), "{args}: {longest:?}");
    }
}

#[test]
fn lists_name_what_there_is() {
    let place = Place::new();
    let envs = place.succeed("envs").out;
    let presets = place.succeed("presets").out;
    for env in gradus_envs::ENVIRONMENTS {
        assert!(envs.contains(env.name), "{envs}");
    }
    for preset in gradus_runner::presets::PRESETS {
        let named = |line: &str| line.starts_with(preset.algo) && line.ends_with(preset.env);
        assert!(presets.lines().any(named), "{presets}");
    }
    let preset = place.succeed("presets ppo CartPole-v1").out;
    assert!(preset.parse::<toml::Table>().is_ok_and(|table| table.contains_key("n_envs")), "{preset}");
    let keys = place.succeed("presets --keys").out;
    for key in gradus_runner::config::KEYS {
        assert!(keys.contains(&format!("| `{}` |", key.name)), "{}", key.name);
    }
    place.refuse("presets ppo Foo", &["no preset for ppo on Foo"]);
}

#[test]
fn without_a_command_it_shows_the_help() {
    let said = Place::new().run("");
    assert!(said.code == Some(2) && said.err.contains("Usage: gradus"), "{}", said.err);
}

#[test]
fn who_reads_no_further_is_not_shouted_at() {
    let place = Place::new();
    let mut child = place
        .command("presets --keys")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    drop(child.stdout.take());
    let said = said(child.wait_with_output().expect("it ends"));
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
}

/// Progress goes to standard error, a line for each tenth where that is no terminal.
#[test]
fn progress_is_short_where_nobody_watches() {
    let place = Place::new();
    let talkative = QUICK.replace("--quiet", "");
    let said = place.succeed(&format!("train {talkative} --total-steps 20480 --out a"));
    let lines = said.err.lines().filter(|line| line.contains("% ") && line.contains(" steps  ")).count();
    assert!((10..=12).contains(&lines), "{}", said.err);
    assert!(!said.err.contains('\r') && !said.err.contains('\u{1b}'), "{:?}", said.err);
    assert!(said.out.contains("policy          a/policy.safetensors"), "{}", said.out);
    let quiet = place.succeed(&format!("train {QUICK} --total-steps 2048 --out b"));
    assert!(quiet.err.is_empty() && quiet.out.is_empty(), "{}{}", quiet.err, quiet.out);
}
