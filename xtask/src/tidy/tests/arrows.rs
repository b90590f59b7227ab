//! Rules for the arrows between crates.

use super::{architecture_with, check};

/// The manifest of crate `one` with these dependencies.
fn one_with(rest: &str) -> String {
    format!("[package]\nname = \"gradus-one\"\n[lints]\nworkspace = true\n{rest}")
}

#[test]
fn a_dependency_that_the_table_does_not_allow() {
    for rest in [
        "\n[dependencies]\nnum-traits.workspace = true\n",
        "[build-dependencies]\n\nnum-traits = \"0.2\"\n",
        "\n[target.'cfg(unix)'.dependencies]\nnum-traits = { version = \"0.2\" }\n",
        "\n\n[dependencies.num-traits]\nversion = \"0.2\"\n",
        "[dependencies]\n\nn = { package = \"num-traits\", version = \"0.2\" }\n",
    ] {
        check(
            &[("crates/one/Cargo.toml", &one_with(rest))],
            &["crates/one/Cargo.toml:7: `gradus-one` depends on `num-traits`; remove it, or allow it in \
               docs/ARCHITECTURE.md:5 and say why there"],
        );
    }
}

#[test]
fn a_dependency_renamed_in_the_workspace() {
    let root = "[workspace]\nmembers = [\"crates/one\", \"crates/two\"]\n\
                [workspace.dependencies]\nserde = { package = \"serde-imposter\", version = \"1\" }\n";
    check(
        &[("Cargo.toml", root)],
        &["crates/one/Cargo.toml:6: `gradus-one` depends on `serde-imposter`; remove it, or allow it in \
           docs/ARCHITECTURE.md:5 and say why there"],
    );
}

#[test]
fn a_foreign_crate_that_must_not_be_known() {
    let architecture = architecture_with("`serde`", "`serde`, `rand_distr`");
    check(
        &[
            ("crates/one/Cargo.toml", &one_with("[dependencies]\nrand = \"1\"\n")),
            ("docs/ARCHITECTURE.md", &architecture),
        ],
        &[
            "crates/one/Cargo.toml:6: `gradus-one` depends on `rand`; remove it, or allow it in \
             docs/ARCHITECTURE.md:5 and say why there",
            "crates/one/Cargo.toml:6: `gradus-one` must not know `rand` (docs/ARCHITECTURE.md:5), but reaches it: rand",
        ],
    );
}

#[test]
fn a_crate_that_is_reached_over_another() {
    let three =
        "[package]\nname = \"gradus-three\"\n[lints]\nworkspace = true\n[dependencies]\ngradus-two = \"1\"\n";
    let row = "| `crates/three` | most | `gradus-two` | `gradus-one` |\n\n## `crates/three`\n## `crates/one`";
    check(
        &[
            ("Cargo.toml", "[workspace]\nmembers = [\"crates/one\", \"crates/two\", \"crates/three\"]\n"),
            ("crates/three/Cargo.toml", three),
            ("docs/ARCHITECTURE.md", &architecture_with("\n## `crates/one`", row)),
        ],
        &[
            "crates/three/Cargo.toml:6: `gradus-three` must not know `gradus-one` (docs/ARCHITECTURE.md:7), but \
           reaches it: gradus-two → gradus-one",
        ],
    );
}

#[test]
fn dependencies_of_tests_are_free() {
    check(&[("crates/one/Cargo.toml", &one_with("[dev-dependencies]\nrand = \"1\"\n"))], &[]);
}

#[test]
fn a_crate_without_the_lints_of_the_workspace() {
    let message =
        "crates/one/Cargo.toml:1: takes no lints from the workspace; add `[lints]` with `workspace = true`";
    for lints in ["", "[lints]\nworkspace = false\n", "[lints.rust]\nunsafe_code = \"allow\"\n"] {
        let manifest = format!("[package]\nname = \"gradus-one\"\n{lints}");
        check(&[("crates/one/Cargo.toml", &manifest)], &[message]);
    }
}

#[test]
fn burn_in_another_crate_than_its_own() {
    let architecture = architecture_with("`serde`", "`serde`, `burn-tensor`");
    let optional = "[dependencies]\nburn-tensor = { version = \"1\", optional = true }\n";
    check(
        &[("crates/one/Cargo.toml", &one_with(optional)), ("docs/ARCHITECTURE.md", &architecture)],
        &["crates/one/Cargo.toml:6: depends on `burn-tensor`; only `gradus-policy-burn` may"],
    );
}

#[test]
fn heavy_crates_in_the_default_build() {
    let architecture = architecture_with("`serde`", "`serde`, `wgpu`");
    let message = "`wgpu` is in the default build; make it optional, behind a feature that is off by default";
    let dependency = "[dependencies]\nwgpu = { version = \"1\", optional = true }\n[features]\n";
    for (manifest, is_fine) in [
        ("[dependencies]\nwgpu = \"1\"\n".to_owned(), false),
        (format!("{dependency}default = [\"dep:wgpu\"]\n"), false),
        (format!("{dependency}default = [\"wgpu\"]\n"), false),
        (format!("{dependency}default = [\"gpu\"]\ngpu = [\"wgpu/vulkan\"]\n"), false),
        (format!("{dependency}default = [\"gpu\"]\ngpu = [\"wgpu?/vulkan\"]\n"), true),
        (format!("{dependency}default = []\ngpu = [\"dep:wgpu\"]\n"), true),
    ] {
        let expected = format!("crates/one/Cargo.toml:6: {message}");
        let expected: &[&str] = if is_fine { &[] } else { &[&expected] };
        check(
            &[("crates/one/Cargo.toml", &one_with(&manifest)), ("docs/ARCHITECTURE.md", &architecture)],
            expected,
        );
    }
}

#[test]
fn a_crate_without_row_section_or_membership() {
    let manifest = "[package]\nname = \"gradus-three\"\n[lints]\nworkspace = true\n";
    check(
        &[("crates/three/Cargo.toml", manifest)],
        &[
            "crates/three/Cargo.toml:1: `crates/three` has no row in the table of docs/ARCHITECTURE.md; add one",
            "crates/three/Cargo.toml:1: `crates/three` is no member; add it to `members` in Cargo.toml, or remove it",
        ],
    );
    check(
        &[("docs/ARCHITECTURE.md", &architecture_with("## `crates/two`\n", ""))],
        &["docs/ARCHITECTURE.md:6: `crates/two` has no section; write one under a heading with `crates/two`"],
    );
}

#[test]
fn rows_that_make_no_sense() {
    let gone = "| `crates/gone` | – | – | – |\n| `crates/two` | – | – | – |\n\n## `crates/one`";
    check(
        &[("docs/ARCHITECTURE.md", &architecture_with("\n## `crates/one`", gone))],
        &[
            "docs/ARCHITECTURE.md:7: `crates/gone` has no Cargo.toml; take the row out, or correct the name",
            "docs/ARCHITECTURE.md:8: `crates/two` has a row already; keep one",
        ],
    );
    check(
        &[("docs/ARCHITECTURE.md", &architecture_with("| files |", "| `gradus-one`, `crates/one` |"))],
        &[
            "crates/two/Cargo.toml:6: `gradus-two` must not know `gradus-one` (docs/ARCHITECTURE.md:6), but \
             reaches it: gradus-one",
            "docs/ARCHITECTURE.md:6: `crates/one` is a directory; name the package",
            "docs/ARCHITECTURE.md:6: `gradus-one` is both allowed and forbidden; decide",
        ],
    );
}

#[test]
fn a_table_that_cannot_be_read() {
    check(
        &[("docs/ARCHITECTURE.md", "# Architecture\n")],
        &[
            "docs/ARCHITECTURE.md:1: has no table of crates; write one with the columns crate | owns | may depend on \
           | must not know",
        ],
    );
    check(
        &[("docs/ARCHITECTURE.md", &architecture_with("| files |", "|"))],
        &["docs/ARCHITECTURE.md:6: a row of 3 cells; the table has 4"],
    );
    check(
        &[("docs/ARCHITECTURE.md", &architecture_with("| `crates/two` |", "| two |"))],
        &["docs/ARCHITECTURE.md:6: the first cell names one directory in backticks, such as `crates/envs`"],
    );
}

#[test]
fn a_manifest_that_is_no_toml() {
    let root = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(root.path().join("Cargo.toml"), "[workspace\n").expect("a file");
    let findings = crate::tidy::check(root.path(), &super::NO_EXCEPTIONS).expect("a readable repository");
    assert!(findings[0].to_string().starts_with("Cargo.toml:1: is no TOML: "), "{}", findings[0]);
}
