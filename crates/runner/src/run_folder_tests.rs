use std::time::Duration;

use super::*;

#[test]
fn a_new_folder_is_created_with_its_parents() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let path = root.path().join("runs").join("a");
    let run = RunFolder::create(&path).expect("writable");
    assert!(path.is_dir());
    assert_eq!(run.folder(), path);
    assert_eq!(run.metrics(), path.join("metrics.csv"));
    assert_eq!(run.config(), RunPaths::new(&path).config());
}

#[test]
fn an_existing_folder_is_refused_unless_empty() {
    let root = tempfile::tempdir().expect("a temporary folder");
    drop(RunFolder::create(root.path()).expect("empty"));
    drop(RunFolder::create(root.path()).expect("a lock file does not count"));
    fs::write(root.path().join("notes.txt"), b"mine").expect("writable");
    let error = RunFolder::create(root.path()).expect_err("not empty");
    assert!(matches!(error, RunFolderError::NotEmpty { .. }));
    for word in ["--out", "gradus resume", "remove it"] {
        assert!(error.to_string().contains(word), "{error}");
    }
    assert_eq!(fs::read(root.path().join("notes.txt")).expect("readable"), b"mine");
}

#[test]
fn places_that_cannot_be_written_are_refused() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let file = root.path().join("file");
    fs::write(&file, b"").expect("writable");
    assert!(matches!(RunFolder::create(&file), Err(RunFolderError::NotAFolder { .. })));
    let error = RunFolder::create(&file.join("runs")).expect_err("below a file");
    assert!(matches!(error, RunFolderError::Unwritable { .. }));
    assert!(error.to_string().contains("--out"), "{error}");
}

#[test]
fn only_one_process_trains_in_a_folder() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let run = RunFolder::create(root.path()).expect("empty");
    fs::write(run.config(), b"").expect("writable");
    let error = RunFolder::open(root.path()).expect_err("locked");
    assert!(matches!(error, RunFolderError::Locked { .. }), "{error}");
    // Windows locks the number of the process away with the file.
    if cfg!(unix) {
        assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    }
    drop(run);
    RunFolder::open(root.path()).expect("free again");
}

#[test]
fn a_folder_without_a_run_cannot_be_resumed() {
    let root = tempfile::tempdir().expect("a temporary folder");
    assert!(matches!(RunFolder::open(root.path()), Err(RunFolderError::NoRun { .. })));
    assert!(matches!(RunFolder::open(&root.path().join("none")), Err(RunFolderError::NoRun { .. })));
    assert_eq!(fs::read_dir(root.path()).expect("listable").count(), 0);
}

#[test]
fn a_folder_is_in_use_as_long_as_its_run() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let paths = RunPaths::new(root.path().join("run"));
    assert!(!paths.is_in_use());
    let run = RunFolder::create(paths.folder()).expect("free");
    assert!(paths.is_in_use());
    drop(run);
    assert!(!paths.is_in_use());
}

#[test]
fn default_names_are_safe_and_free() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let now = UNIX_EPOCH + Duration::from_secs(1_709_251_199);
    let name = |env: &str| default_folder(root.path(), env, "ppo", 7, now);
    assert_eq!(name("CartPole-v1"), root.path().join("runs/CartPole-v1-ppo-s7-20240229T235959Z"));
    assert_eq!(name("../a/b c"), root.path().join("runs/..-a-b-c-ppo-s7-20240229T235959Z"));
    fs::create_dir_all(name("CartPole-v1")).expect("writable");
    assert_eq!(name("CartPole-v1"), root.path().join("runs/CartPole-v1-ppo-s7-20240229T235959Z-2"));
}

#[test]
fn dates() {
    // From `date -u -d @SECONDS`.
    let known = [
        (0, "19700101T000000Z"),
        (951_782_400, "20000229T000000Z"),
        (1_735_689_599, "20241231T235959Z"),
        (1_735_689_600, "20250101T000000Z"),
        (4_107_542_400, "21000301T000000Z"),
    ];
    for (seconds, expected) in known {
        assert_eq!(utc(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
    }
}
