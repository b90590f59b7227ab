//! Rules for single files.

use super::{Exceptions, check, check_with};
use crate::tidy::sources::blank_comments_and_strings;

#[test]
fn tabs_and_trailing_white_space() {
    check(
        &[("notes.txt", "a\tb\nfine\nspace \nreturn\r\n")],
        &[
            "notes.txt:1: a tab; indent and align with spaces",
            "notes.txt:3: white space at the end of the line; remove it",
            "notes.txt:4: white space at the end of the line; remove it",
        ],
    );
}

#[test]
fn unfinished_work() {
    let (first, second) = (concat!("TO", "DO"), concat!("FIX", "ME"));
    check(
        &[("notes.md", &format!("{first}: more\n{first}S is another word\n({second})\n"))],
        &[
            &format!("notes.md:1: {first}; do it now, or write an issue and drop the note"),
            &format!("notes.md:3: {second}; do it now, or write an issue and drop the note"),
        ],
    );
}

#[test]
fn what_git_ignores_is_no_concern() {
    check(
        &[
            (".gitignore", "/runs\n*.log\n# \n"),
            ("runs/a.txt", "a \n"),
            ("b.log", "b \n"),
            ("target/c.txt", "c \n"),
            ("sub/runs/d.txt", "d \n"),
        ],
        &[
            ".gitignore:3: white space at the end of the line; remove it",
            "sub/runs/d.txt:1: white space at the end of the line; remove it",
        ],
    );
}

#[test]
fn long_files() {
    let (fine, long) = ("//\n".repeat(600), "//\n".repeat(601));
    check(
        &[("fine.rs", &fine), ("long.rs", &long), ("long.json", &long)],
        &["long.rs:601: 601 lines; split it, at most 600 are allowed"],
    );
    let exceptions = Exceptions { may_be_long: &[("long.rs", "a reason")], may_be_unsafe: &[] };
    check_with(&exceptions, &[("long.rs", &long)], &[]);
}

#[test]
fn unsafe_code() {
    let source = "// unsafe\n#![deny(unsafe_code)]\nconst A: &str = \"unsafe\";\nunsafe fn f() {}\n";
    check(
        &[("a.rs", source)],
        &["a.rs:4: `unsafe`; write it in safe Rust, or list the file with a reason in \
           xtask/src/tidy/exceptions.rs"],
    );
    let exceptions = Exceptions { may_be_unsafe: &[("a.rs", "a reason")], may_be_long: &[] };
    check_with(&exceptions, &[("a.rs", source)], &[]);
}

#[test]
fn exceptions_that_nothing_needs() {
    let exceptions =
        Exceptions { may_be_unsafe: &[("a.rs", "safe by now")], may_be_long: &[("b.rs", "gone")] };
    check_with(
        &exceptions,
        &[("a.rs", "// unsafe\n")],
        &[
            "a.rs:1: has no `unsafe`; take it out of xtask/src/tidy/exceptions.rs",
            "b.rs:1: is not long; take it out of xtask/src/tidy/exceptions.rs",
        ],
    );
}

#[test]
fn ignored_tests() {
    let source =
        "#[ignore = \"slow\"]\n  #[ignore]\n#[ignore = \"\"]\n#[cfg_attr(debug, ignore)]\n// #[ignore]\n";
    let message = "an ignored test without a reason; write #[ignore = \"why, and what runs it\"]";
    check(
        &[("a.rs", source)],
        &[2, 3, 4].map(|line| format!("a.rs:{line}: {message}")).each_ref().map(|x| &**x),
    );
}

#[test]
fn links() {
    check(
        &[
            (
                "docs/a.md",
                "[b](b.md#part), [up](../Cargo.toml) and [web](https://example.org/x)\n[own](#part)\n",
            ),
            (
                "docs/b.md",
                "```\n[in code](nowhere.md)\n```\n[label]: ../nowhere.md\n[a](a.md) [c](c.md \"title\")\n",
            ),
            ("README.md", "[out](../outside.md)\n[absolute](/docs/a.md)\n[docs](docs)\n"),
        ],
        &[
            "README.md:1: the link to `../outside.md` leads nowhere; links are relative to the file",
            "README.md:2: the link to `/docs/a.md` leads nowhere; links are relative to the file",
            "docs/b.md:4: the link to `../nowhere.md` leads nowhere; links are relative to the file",
            "docs/b.md:5: the link to `c.md` leads nowhere; links are relative to the file",
        ],
    );
}

#[test]
fn comments_and_strings_are_blanked() {
    let blanked = |source| blank_comments_and_strings(source);
    assert_eq!(blanked("a // b\nc"), "a     \nc");
    assert_eq!(blanked("a /* b /* c */\n */ d"), "a             \n    d");
    assert_eq!(blanked(r#"x("a\"b", y)"#), "x(      , y)");
    assert_eq!(blanked("x(r#\"a\"b\"#, y)"), "x(        , y)");
    assert_eq!(blanked(r"('\'', 'a, '(') "), "(    , 'a,    ) ");
    assert_eq!(blanked("fn f<'a>(x: &'a str)"), "fn f<'a>(x: &'a str)");
    assert_eq!(blanked("bar\"b\""), "bar   ");
}
