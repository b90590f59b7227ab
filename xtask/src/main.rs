//! The chores of the workspace, run as `cargo xtask <chore>`. Each chore is a module.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "chores speak to a terminal")]

mod tidy;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The chores of the workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Checks what the compiler does not: arrows between crates, sizes of files, `unsafe`, links, white space.
    Tidy,
}

fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().chore {
        Chore::Tidy => tidy::command(repository_root()),
    }
}

/// The root of the repository, wherever the command is called from.
fn repository_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}
