//! A Burn module of one's own, a layer around which there is a shortcut, as policy and critic: PPO on CartPole.
//!
//! Run with: `cargo run --release -p gradus-policy-burn --example own_module`
#![allow(clippy::print_stdout, reason = "an example prints its result")]

use burn::module::Module;
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::activation::silu;
use burn::tensor::{Device, Tensor};
use gradus_envs::make_vector;
use gradus_policy::{ActorCriticConfig, Head};
use gradus_policy_burn::{BurnNetwork, Map, open_device};
use gradus_runner::{Settings, Trainer, evaluate};

const ENV: &str = "CartPole-v1";
const WIDTH: usize = 32;

/// y = W₃ (x' + silu(W₂ x')) with x' = silu(W₁ x), and biases.
#[derive(Module, Debug)]
struct Shortcut {
    first: Linear,
    around: Linear,
    last: Linear,
}

impl Map for Shortcut {
    fn forward(&self, observations: Tensor<2>) -> Tensor<2> {
        let x = silu(self.first.forward(observations));
        self.last.forward(x.clone() + silu(self.around.forward(x)))
    }
}

/// The module with the outputs of one network; the gain of the last layer is small for a policy, so that it begins near uniform.
fn network(config: &ActorCriticConfig, heads: &[Head], device: &Device) -> BurnNetwork<Shortcut> {
    let (inputs, outputs, gain) = (config.observation_width, heads[0].width, heads[0].gain);
    BurnNetwork::new(device, inputs, outputs, move |device, _| {
        let layer = |inputs, outputs, gain| {
            let initial = Initializer::XavierUniform { gain };
            LinearConfig::new(inputs, outputs).with_initializer(initial).init(device)
        };
        Shortcut {
            first: layer(inputs, WIDTH, 1.4),
            around: layer(WIDTH, WIDTH, 1.4),
            last: layer(WIDTH, outputs, gain),
        }
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = open_device("flex")?;
    let settings = Settings::ppo().with_total_steps(100_000).with_target_return(475.0);
    let make = |n, seed, first| make_vector(ENV, n, seed, first);
    let build = |config: &ActorCriticConfig| config.assemble(|heads| network(config, heads, &device));
    let mut trainer = Trainer::with_network(ENV, &make, &settings, build)?;
    trainer.train(|trainer, iteration| {
        if let (0, Some(mean_return)) = (iteration.updates % 5, trainer.mean_return()) {
            println!("{:>6} steps  mean return {mean_return:.1} of at most 500", iteration.steps);
        }
    })?;
    let result = evaluate(&mut trainer.policy()?, &make, 20, 1, false)?;
    println!("20 fresh episodes: mean return {:.1}", result.mean_return());
    Ok(())
}
