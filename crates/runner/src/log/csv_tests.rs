use std::fs;

use super::*;

fn file(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("metrics.csv")
}

fn row(step: u64, mean_return: f64) -> [(&'static str, f64); 2] {
    [(STEP, step as f64), ("mean_return", mean_return)]
}

fn written(path: &Path, steps: &[u64]) {
    let mut metrics = MetricsCsv::create(path).expect("new");
    for &step in steps {
        metrics.append(&row(step, step as f64 / 3.0)).expect("writable");
    }
}

#[test]
fn numbers_come_back_bit_for_bit() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let numbers =
        [0.1, -0.0, 1e300, 5e-324, f64::MAX, 1.0 / 3.0, 1e15, 1e16, f64::INFINITY, f64::NEG_INFINITY];
    let mut metrics = MetricsCsv::create(&file(&folder)).expect("new");
    for (step, &x) in numbers.iter().enumerate() {
        metrics.append(&row(step as u64, x)).expect("writable");
    }
    metrics.append(&row(99, f64::NAN)).expect("writable");
    let table = Table::read(&file(&folder)).expect("a table");
    let found = table.column("mean_return").expect("a column");
    for (x, found) in numbers.iter().zip(&found) {
        assert_eq!(found.expect("a value").to_bits(), x.to_bits(), "{x}");
    }
    assert!(found[numbers.len()].expect("a value").is_nan());
    assert!(fs::read_to_string(file(&folder)).expect("readable").lines().all(|line| line.len() < 40));
}

#[test]
fn a_row_is_in_the_file_at_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut metrics = MetricsCsv::create(&file(&folder)).expect("new");
    metrics.append(&row(3, 0.5)).expect("writable");
    assert_eq!(fs::read_to_string(file(&folder)).expect("readable"), "step,mean_return\n3,0.5\n");
}

#[test]
fn rows_that_do_not_fit_are_refused_and_change_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = file(&folder);
    let mut metrics = MetricsCsv::create(&path).expect("new");
    let first: [&[(&str, f64)]; 4] = [&[], &[("x", 1.0)], &[(STEP, 1.0), ("a,b", 1.0)], &[(STEP, f64::NAN)]];
    for row in first {
        assert!(metrics.append(row).is_err());
    }
    metrics.append(&row(10, 1.0)).expect("the first good row fixes the columns");
    let unknown = metrics.append(&[(STEP, 11.0), ("kl", 1.0)]).expect_err("new column");
    assert!(matches!(&unknown, MetricsError::UnknownColumn { column, .. } if column == "kl"));
    assert!(unknown.to_string().contains("step, mean_return"));
    let twice = metrics.append(&[(STEP, 11.0), ("mean_return", 1.0), ("mean_return", 1.0)]);
    assert!(matches!(twice, Err(MetricsError::Twice { .. })));
    assert!(matches!(metrics.append(&row(9, 1.0)), Err(MetricsError::StepOutOfOrder { .. })));
    assert!(matches!(MetricsCsv::create(&path), Err(MetricsError::Exists { .. })));
    metrics.append(&[(STEP, 12.0)]).expect("a missing metric");
    assert_eq!(fs::read_to_string(&path).expect("readable"), "step,mean_return\n10,1\n12,\n");
}

#[test]
fn resuming_drops_later_rows_and_gives_the_uninterrupted_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (path, whole) = (file(&folder), folder.path().join("whole.csv"));
    written(&whole, &[10, 20, 30, 40]);
    for torn in ["", "5", "50,1.2"] {
        let _ = fs::remove_file(&path);
        written(&path, &[10, 20, 30]);
        let text = fs::read_to_string(&path).expect("readable") + torn;
        fs::write(&path, text).expect("writable");
        let mut metrics = MetricsCsv::resume(&path, 20).expect("a table");
        assert_eq!(Table::read(&path).expect("a table").rows().len(), 2);
        for step in [30_u64, 40] {
            metrics.append(&row(step, step as f64 / 3.0)).expect("writable");
        }
        assert_eq!(fs::read(&path).expect("readable"), fs::read(&whole).expect("readable"));
    }
}

#[test]
fn resuming_works_from_nothing_and_from_a_torn_header() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for torn in
        [None, Some(""), Some("step,mean"), Some("step,mean_return\n"), Some("step,mean_return\n70,1\n")]
    {
        let path = file(&folder);
        let _ = fs::remove_file(&path);
        if let Some(torn) = torn {
            fs::write(&path, torn).expect("writable");
        }
        let mut metrics = MetricsCsv::resume(&path, 60).expect("a table");
        metrics.append(&row(64, 0.5)).expect("writable");
        assert_eq!(fs::read_to_string(&path).expect("readable"), "step,mean_return\n64,0.5\n", "{torn:?}");
    }
}

#[test]
fn other_files_are_refused_with_the_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = file(&folder);
    let cases = [("a,b\n1,2\n", 1), ("step,x\n1,2\n2,two\n", 3), ("step,x\n1\n", 2), ("step,x\n,1\n", 2)];
    for (text, expected) in cases {
        fs::write(&path, text).expect("writable");
        let error = MetricsCsv::resume(&path, 5).expect_err("not a table");
        assert!(matches!(error, MetricsError::Malformed { line, .. } if line == expected), "{error}");
        assert_eq!(fs::read_to_string(&path).expect("readable"), text);
    }
    assert!(matches!(Table::read(&folder.path().join("none")), Err(MetricsError::Io { .. })));
}
