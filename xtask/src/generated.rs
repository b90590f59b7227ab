//! Parts of the documentation that a program writes are what it would write now.

use gradus_runner::config::{KEYS, reference};

#[test]
fn the_guide_has_every_setting() {
    let path = crate::repository_root().join("docs/guide/settings.md");
    let guide = std::fs::read_to_string(&path).expect("the guide to the settings");
    let (_, table) = guide.split_once("<!-- keys -->").expect("the mark before the table");
    let table = table.trim_start();
    assert!(
        table.starts_with(&reference(KEYS)),
        "{} has another table of keys; put in what `cargo run --release --bin gradus -- presets --keys` prints",
        path.display()
    );
}
