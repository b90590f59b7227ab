//! How far each method comes on the named tasks, as rows of Markdown: `cargo run --release -p gradus-tabular --example figures`.
#![allow(clippy::print_stdout, reason = "an example's output")]

use gradus_tabular::{DiscountedMdp, Method, Solver, SolverConfig, TabularError};

/// A task, the discount, and the most iterations of the two methods that take small steps.
const TASKS: [(&str, f64, usize); 5] = [
    ("FrozenLake-v1", 0.9, 20_000),
    ("FrozenLake-v1", 0.99, 20_000),
    ("FrozenLake8x8-v1", 0.99, 20_000),
    ("CliffWalking-v1", 0.99, 20_000),
    ("Taxi-v4", 0.99, 1_000),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!(
        "| task | γ | method | iterations | η at first | η at last | η* | gap closed | least improvement | first step | last step |"
    );
    println!("|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    for (name, gamma, most) in TASKS {
        let info = gradus_envs::find(name)?;
        let Some(table) = info.finite_mdp() else { continue };
        let mdp = DiscountedMdp::new(table, gamma)?;
        for method in Method::ALL {
            println!("| {name} | {gamma} | {method} | {}", row(&mdp, method, most)?);
        }
    }
    Ok(())
}

fn row(mdp: &DiscountedMdp, method: Method, most: usize) -> Result<String, TabularError> {
    let mut solver = Solver::new(mdp, method, SolverConfig::new().with_max_iterations(most))?;
    let first = solver.evaluation().eta;
    let (mut least, mut steps) = (f64::INFINITY, Vec::new());
    for iteration in &mut solver {
        let iteration = iteration?;
        least = least.min(iteration.improvement);
        steps.push(iteration.step_size);
    }
    let (last, optimum) = (solver.evaluation().eta, solver.optimal_eta());
    let closed = 100.0 * (last - first) / (optimum - first);
    let (first_step, last_step) = (steps[0], steps[steps.len() - 1]);
    Ok(format!(
        "{} | {first:.6} | {last:.6} | {optimum:.6} | {closed:.4} % | {least:.1e} | {first_step:.1e} | {last_step:.1e} |",
        steps.len()
    ))
}
