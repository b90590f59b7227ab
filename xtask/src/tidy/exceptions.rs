//! The files that may break a rule, each with its reason. An exception that nothing needs any more is a finding.

/// Pairs of a path and the reason why it is excepted.
pub(super) type Excepted = &'static [(&'static str, &'static str)];

/// What is excepted from the rules on source files.
pub(super) struct Exceptions {
    /// Files that may hold `unsafe`.
    pub(super) may_be_unsafe: Excepted,
    /// Files that may be long.
    pub(super) may_be_long: Excepted,
}

/// The exceptions of this repository.
pub(super) const OURS: Exceptions = Exceptions {
    may_be_unsafe: &[
        ("crates/policy/src/kernel/gemm.rs", "loads and stores of the SIMD kernels, held to a safe twin"),
        (
            "crates/policy/src/kernel/loops.rs",
            "calls of plain loops compiled for instructions that are there",
        ),
        ("crates/policy/src/kernel/mod.rs", "calls of SIMD kernels behind run-time detection"),
        ("crates/policy/src/kernel/vector.rs", "the trait of vector instructions"),
        ("crates/policy/src/kernel/x86.rs", "AVX2 and AVX-512 intrinsics"),
        ("crates/policy/src/threads/mailbox.rs", "workers borrow the caller's data for one task"),
        ("crates/policy/src/threads/open_loop.rs", "workers borrow the caller's data for one task"),
    ],
    may_be_long: &[],
};
