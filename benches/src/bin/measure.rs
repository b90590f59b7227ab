//! What `cargo xtask bench --peers` needs to know of ours beside whole training, as one JSON line:
//!
//! - `measure peak THREADS SECONDS`: fused multiply-adds on so many threads at once, what arithmetic is compared with;
//! - `measure steps ENV N_ENVS SECONDS`: stepping alone, with random actions, on one thread;
//! - `measure trpo ENV UPDATES`: the median time of TRPO's update with sb3-contrib's default settings, on one thread or
//!   two, whichever is faster.
#![allow(clippy::print_stdout, reason = "the figures go to standard output")]

use std::error::Error;
use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use gradus_benches::{PEAK_FLOP, Stepping, fma_chains};
use gradus_core_math::{Stream, median};
use gradus_policy::{ActorCriticConfig, Agent, Context, Threads, Update};
use gradus_runner::{Algorithm, Settings, Trainer, distribution_for};
use gradus_trpo::{CriticConfig, Trpo, TrpoConfig};

/// One environment, 2048 steps.
const ROLLOUT: (usize, usize) = (1, 2048);
/// Iterations of conjugate gradient.
const CG_ITERATIONS: usize = 15;
/// Rows in a minibatch of the critic, and passes over all rows.
const CRITIC: (usize, usize) = (128, 10);
/// Updates before those that count.
const WARM_UP: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let line = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["peak", threads, seconds] => peak(threads.parse()?, seconds_of(seconds)?),
        ["steps", env, n_envs, seconds] => steps(env, n_envs.parse()?, seconds_of(seconds)?)?,
        ["trpo", env, updates] => trpo(env, updates.parse()?)?,
        _ => return Err("peak THREADS SECONDS, steps ENV N_ENVS SECONDS or trpo ENV UPDATES".into()),
    };
    println!("{line}");
    Ok(())
}

fn seconds_of(text: &str) -> Result<Duration, Box<dyn Error>> {
    Ok(Duration::try_from_secs_f64(text.parse()?)?)
}

/// All threads begin together; each counts what it has done until the time is over.
fn peak(threads: usize, seconds: Duration) -> String {
    let barrier = Barrier::new(threads);
    let run = || {
        let (lanes, _) = fma_chains(0.0);
        barrier.wait();
        let (begin, mut flop) = (Instant::now(), 0);
        while begin.elapsed() < seconds {
            black_box(fma_chains(black_box(0.0)));
            flop += PEAK_FLOP * lanes;
        }
        flop as f64 / begin.elapsed().as_secs_f64()
    };
    let flop_per_second: f64 = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or(f64::NAN)).sum()
    });
    format!("{{\"flop_per_second\":{flop_per_second},\"threads\":{threads}}}")
}

fn steps(env: &str, n_envs: usize, seconds: Duration) -> Result<String, Box<dyn Error>> {
    let mut stepping = Stepping::new(gradus_envs::find(env)?, n_envs);
    let mut run = || {
        black_box(stepping.run(|observations| {
            black_box(observations);
        }))
    };
    run();
    let (begin, mut runs) = (Instant::now(), 0);
    while begin.elapsed() < seconds {
        run();
        runs += 1;
    }
    let seconds = begin.elapsed().as_secs_f64();
    Ok(format!("{{\"steps\":{},\"seconds\":{seconds}}}", runs * stepping.steps()))
}

fn trpo(env: &str, updates: usize) -> Result<String, Box<dyn Error>> {
    let (mut best, mut threads) = (f64::INFINITY, 0);
    for count in [1, 2] {
        let seconds = median(&update_seconds(env, updates, count)?);
        if seconds < best {
            (best, threads) = (seconds, count);
        }
    }
    Ok(format!("{{\"update_seconds\":{best},\"threads\":{threads}}}"))
}

/// The time of each update of a training run, after the first ones.
///
/// A run's update cannot be timed apart from its rollout: another agent, with the parameters from before, makes the same
/// update again on the run's rollout.
fn update_seconds(env: &str, updates: usize, threads: usize) -> Result<Vec<f64>, Box<dyn Error>> {
    let (minibatch_size, epochs) = CRITIC;
    let critic = CriticConfig::new().with_minibatch_size(minibatch_size).with_epochs(epochs);
    let config = TrpoConfig::new().with_cg_iterations(CG_ITERATIONS).with_critic(critic);
    let settings = Settings::new(Algorithm::Trpo(config.clone()))
        .with_rollout(ROLLOUT.0, ROLLOUT.1)
        // Never reached.
        .with_total_steps(u64::MAX)
        .with_threads(threads);
    let info = gradus_envs::find(env)?;
    let make = |n: usize, seed: u64, first: usize| info.make_vector(n, seed, first);
    let mut trainer = Trainer::new(env, &make, &settings)?;
    let sample = make(1, 0, 0)?;
    let family = distribution_for(sample.action_space())?;
    let network = ActorCriticConfig::new(sample.observation_space().width(), family).build();
    let mut agent = Agent::new(network, &mut Stream::new(settings.seed, "initialize", 0));
    let mut algorithm = Trpo::new(config, &agent)?;
    let (mut workers, mut rng) = (Threads::new(threads), Stream::new(settings.seed, "update", 0));
    let mut seconds = Vec::new();
    for _ in 0..WARM_UP + updates {
        agent.theta.copy_from_slice(trainer.parameters());
        trainer.iterate()?;
        let batch = trainer.rollout().batch();
        let context = Context { team: workers.team(), progress: 0.0, rng: &mut rng };
        let begin = Instant::now();
        algorithm.update(&mut agent, &batch, context)?;
        seconds.push(begin.elapsed().as_secs_f64());
    }
    Ok(seconds.split_off(WARM_UP))
}
