//! The command `gradus`.

fn main() -> std::process::ExitCode {
    gradus_runner::cli::main()
}
