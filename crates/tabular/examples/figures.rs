//! How far each method comes, as tables of Markdown: `cargo run --release -p gradus-tabular --example figures`.
#![allow(clippy::print_stdout, reason = "an example's output")]

use gradus_core_math::Stream;
use gradus_tabular::{DiscountedMdp, Garnet, Method, Solver, SolverConfig, TabularError};

/// A task, the discount, and the most iterations of the two methods that take small steps.
const TASKS: [(&str, f64, usize); 5] = [
    ("FrozenLake-v1", 0.9, 20_000),
    ("FrozenLake-v1", 0.99, 20_000),
    ("FrozenLake8x8-v1", 0.99, 20_000),
    ("CliffWalking-v1", 0.99, 20_000),
    ("Taxi-v4", 0.99, 1_000),
];

/// Of the random processes: how many, for which discounts, the most iterations, and what counts as the optimum.
const N_RANDOM: u64 = 100;
const GAMMAS: [f64; 4] = [0.3, 0.5, 0.7, 0.9];
const MOST: usize = 20_000;
const NEAR: f64 = 1e-6;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!(
        "| task | γ | method | iterations | η at first | η at last | η* | way to η* | first step | last step |"
    );
    println!("|---|---|---|---:|---:|---:|---:|---:|---:|---:|");
    for (name, gamma, most) in TASKS {
        let Some(table) = gradus_envs::find(name)?.finite_mdp() else { continue };
        let mdp = DiscountedMdp::new(table, gamma)?;
        for method in Method::ALL {
            println!("| {name} | {gamma} | {method} | {} |", run(&mdp, method, most)?);
        }
    }
    println!(
        "\n| γ | method | within {NEAR:e} of η* after {MOST} | iterations: median | nine in ten | greatest gap |"
    );
    println!("|---|---|---:|---:|---:|---:|");
    for gamma in GAMMAS {
        for method in [Method::PolicyIteration, Method::Conservative, Method::Monotone] {
            println!("| {gamma} | {method} | {} |", run_random(gamma, method)?);
        }
    }
    Ok(())
}

fn run(mdp: &DiscountedMdp, method: Method, most: usize) -> Result<String, TabularError> {
    let mut solver = Solver::new(mdp, method, SolverConfig::new().with_max_iterations(most))?;
    let first = solver.evaluation().eta;
    let mut steps = Vec::new();
    for iteration in &mut solver {
        steps.push(iteration?.step_size);
    }
    let (last, optimum) = (solver.evaluation().eta, solver.optimal_eta());
    let way = 100.0 * (last - first) / (optimum - first);
    let (first_step, last_step) = (steps.first().unwrap_or(&0.0), steps.last().unwrap_or(&0.0));
    let n = steps.len();
    Ok(format!(
        "{n} | {first:.6} | {last:.6} | {optimum:.6} | {way:.4} % | {first_step:.1e} | {last_step:.1e}"
    ))
}

fn run_random(gamma: f64, method: Method) -> Result<String, TabularError> {
    let (mut needed, mut greatest) = (Vec::new(), 0.0_f64);
    for seed in 0..N_RANDOM {
        let i = seed as usize;
        let garnet = Garnet {
            n_states: 2 + i % 5,
            n_actions: 2 + i / 5 % 3,
            branching: 1 + i / 15 % 2,
            termination: if i.is_multiple_of(2) { 0.0 } else { 0.1 },
        };
        let mdp = DiscountedMdp::new(garnet.draw(&mut Stream::new(seed, "garnet", 0))?, gamma)?;
        let mut solver = Solver::new(&mdp, method, SolverConfig::new().with_max_iterations(MOST))?;
        let mut reached = if solver.optimal_eta() - solver.evaluation().eta <= NEAR { Some(0) } else { None };
        while reached.is_none() {
            let Some(iteration) = solver.next().transpose()? else { break };
            reached = (iteration.gap <= NEAR).then_some(iteration.index);
        }
        greatest = greatest.max(solver.optimal_eta() - solver.evaluation().eta);
        needed.push(reached.unwrap_or(usize::MAX));
    }
    needed.sort_unstable();
    let count = needed.iter().filter(|n| **n <= MOST).count();
    let shown = |n: usize| if n > MOST { format!("> {MOST}") } else { n.to_string() };
    let (median, most) = (shown(needed[needed.len() / 2]), shown(needed[needed.len() * 9 / 10 - 1]));
    Ok(format!("{count} of {N_RANDOM} | {median} | {most} | {greatest:.1e}"))
}
