//! One minibatch of PPO by device, network and number of rows: linearise, the loss and its cotangent, vjp, Adam.
//!
//! `cpu` are the fused kernels, on all processors. Burn's devices are those of the features `flex`, `ndarray` and
//! `wgpu`; the last is the first of a discrete, an integrated, a virtual GPU and a driver in software that is there.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use gradus_benches::{LOSS, criterion, experience_of, measure};
use gradus_core_math::{Adam, AdamConfig, Distribution, Optimizer};
use gradus_policy::{ActorCritic, ActorCriticConfig, Body, ConvConfig, Input, Linearized, Network, Threads};
use gradus_ppo::loss_and_cotangent;

/// The numbers of rows of a minibatch.
const ROWS: [usize; 4] = [64, 256, 1024, 4096];
/// Environments of the rollout.
const ENVS: usize = 8;
/// Coprime to all numbers of rows, so that listing every such row modulo their number scatters them.
const SCATTER: usize = 29;

/// Channels, height and width of MinAtar's Breakout.
const IMAGE: [usize; 3] = [4, 10, 10];

/// Two networks of 2×64 and of 2×512 for CartPole, and MinAtar's convolutions (Young & Tian 2019) with a layer of 128,
/// which policy and critic share.
fn networks() -> [(&'static str, ActorCriticConfig); 3] {
    let dense =
        |width| ActorCriticConfig::new(4, Distribution::Categorical { n: 2 }).with_hidden(&[width, width]);
    let pixels = ActorCriticConfig::new(IMAGE.iter().product(), Distribution::Categorical { n: 6 })
        .with_body(Body::Conv(ConvConfig::for_image(IMAGE)))
        .with_hidden(&[128])
        .with_shared_trunk(true);
    [("2x64", dense(64)), ("2x512", dense(512)), ("conv", pixels)]
}

/// Minibatches of each size. θ is where it was after each of them: Adam's arithmetic does not depend on its step size,
/// and at 0 every iteration does the same.
fn minibatches<N: Network<Scalar = f32>>(
    c: &mut Criterion,
    (network, device): (&str, &str),
    build: impl Fn() -> ActorCritic<N>,
) {
    let mut threads = Threads::new(std::thread::available_parallelism().map_or(1, usize::from));
    for count in ROWS {
        let (mut agent, rollout) = experience_of(build(), (ENVS, count / ENVS));
        let (batch, family) = (rollout.batch(), agent.network.distribution().clone());
        let rows: Vec<u32> = (0..count).map(|i| (i * SCATTER % count) as u32).collect();
        let input = Input::listed(batch.observations, batch.observation_width, &rows);
        let mut cotangent = vec![0.0; count * (family.n_params() + 1)];
        let mut gradient = vec![0.0; agent.theta.len()];
        let mut adam = Adam::new(AdamConfig::new(), agent.theta.len()).expect("the defaults");
        measure(c, "devices", &format!("{network} {count} {device}"), (count, "row"), |b| {
            b.iter(|| {
                let mut point = agent.network.linearize(threads.team(), black_box(&agent.theta), input);
                black_box(loss_and_cotangent(&LOSS, &family, &batch, &rows, point.outputs(), &mut cotangent));
                point.vjp(threads.team(), &cotangent, &mut gradient);
                drop(point);
                adam.step(&mut agent.theta, black_box(&gradient), 0.0);
            });
        });
    }
}

/// The fused kernels, which know dense layers alone.
fn fused(c: &mut Criterion) {
    for (name, config) in networks().into_iter().filter(|(_, config)| config.body == Body::Dense) {
        minibatches(c, (name, "cpu"), || config.build());
    }
}

#[cfg(not(feature = "burn"))]
fn burn(_: &mut Criterion) {}

#[cfg(feature = "burn")]
fn burn(c: &mut Criterion) {
    for (device_name, device) in devices() {
        for (name, config) in networks() {
            minibatches(c, (name, device_name), || gradus_policy_burn::build_actor_critic(&config, &device));
        }
    }
}

/// Those of this build that the machine has.
#[cfg(feature = "burn")]
fn devices() -> Vec<(&'static str, gradus_policy_burn::Device)> {
    let open = |name: &'static str| Some((name, gradus_policy_burn::open_device(name).ok()?));
    let adapters = ["wgpu:discrete:0", "wgpu:integrated:0", "wgpu:virtual:0", "wgpu:cpu"];
    ["flex", "ndarray"].into_iter().filter_map(open).chain(adapters.into_iter().find_map(open)).collect()
}

/// A slow device takes a second for one large minibatch: few samples.
fn short() -> Criterion {
    criterion().sample_size(10).measurement_time(Duration::from_secs(1))
}

criterion_group! { name = benches; config = short(); targets = fused, burn }
criterion_main!(benches);
