//! Convolutions: held to a plain evaluation by loops, and to their own differences.

use gradus_core_math::{Distribution, Stream};
use gradus_policy::{
    ActionMap, Activation, ActorCriticConfig, Body, ConvConfig, ConvLayer, Input, Network, Policy, PolicySpec,
};
use gradus_policy_burn::{build_actor_critic, load_policy};

use crate::devices::{Point, devices, distance, uniform};

const IMAGE: [usize; 3] = [2, 7, 6];
const WIDTH: usize = 2 * 7 * 6;
const ROWS: usize = 5;
const TOLERANCE: f64 = 2e-5;

fn config(activation: Activation) -> ActorCriticConfig {
    let layers = vec![
        ConvLayer { channels: 4, kernel: 3, stride: 2 },
        ConvLayer { channels: 3, kernel: 2, stride: 1 },
    ];
    ActorCriticConfig::new(WIDTH, Distribution::Categorical { n: 3 })
        .with_body(Body::Conv(ConvConfig { image: IMAGE, layers }))
        .with_hidden(&[11])
        .with_activation(activation)
        .with_shared_trunk(true)
}

/// y = f(x) by loops over every pixel, in f64.
fn plain(config: &ActorCriticConfig, theta: &[f32], observation: &[f32]) -> Vec<f64> {
    let Body::Conv(conv) = &config.body else { panic!("convolutions") };
    let act = |x: f64| if config.activation == Activation::Tanh { x.tanh() } else { x.max(0.0) };
    let mut rest = theta.iter().map(|x| f64::from(*x));
    let mut take = |n: usize| rest.by_ref().take(n).collect::<Vec<f64>>();
    let [mut channels, mut height, mut width] = conv.image;
    let mut x: Vec<f64> = observation.iter().map(|x| f64::from(*x)).collect();
    for layer in &conv.layers {
        let k = layer.kernel;
        let (weight, bias) = (take(layer.channels * channels * k * k), take(layer.channels));
        let (rows, columns) = ((height - k) / layer.stride + 1, (width - k) / layer.stride + 1);
        let mut y = Vec::new();
        for out in 0..layer.channels {
            for row in 0..rows {
                for column in 0..columns {
                    let mut sum = bias[out];
                    for channel in 0..channels {
                        for i in 0..k {
                            for j in 0..k {
                                let pixel = (channel * height + row * layer.stride + i) * width;
                                let pixel = x[pixel + column * layer.stride + j];
                                sum += weight[((out * channels + channel) * k + i) * k + j] * pixel;
                            }
                        }
                    }
                    y.push(act(sum));
                }
            }
        }
        (x, channels, height, width) = (y, layer.channels, rows, columns);
    }
    for (l, &outputs) in [11, 4].iter().enumerate() {
        let (weight, bias) = (take(x.len() * outputs), take(outputs));
        let sum = |j: usize| bias[j] + (0..x.len()).map(|i| x[i] * weight[i * outputs + j]).sum::<f64>();
        x = (0..outputs).map(sum).map(|y| if l == 0 { act(y) } else { y }).collect();
    }
    x
}

fn trained(network: &impl Network<Scalar = f32>) -> Vec<f32> {
    let mut theta = vec![0.0; network.parameter_count()];
    network.initialize(&mut Stream::new(2, "initialize", 0), &mut theta);
    theta.iter_mut().zip(uniform("moved", network.parameter_count())).for_each(|(x, m)| *x += 0.2 * m);
    theta
}

#[test]
fn outputs_and_derivatives_are_those_of_the_definition() {
    let observations = uniform("image", ROWS * WIDTH);
    let input = Input::all(&observations, WIDTH);
    for activation in [Activation::Tanh, Activation::Relu] {
        for (name, device) in devices() {
            let config = config(activation);
            let mut network = build_actor_critic(&config, &device);
            let theta = trained(&network);
            let point = Point::of(&mut network, &theta, input);
            let all = |theta: &[f32]| -> Vec<f64> {
                observations.chunks_exact(WIDTH).flat_map(|row| plain(&config, theta, row)).collect()
            };
            let expected: Vec<f32> = all(&theta).into_iter().map(|y| y as f32).collect();
            let at = format!("{name}, {activation:?}");
            assert!(distance(&point.outputs, &expected) < TOLERANCE, "outputs: {at}");
            // Jv by a difference of the loops, in f64 but for θ, which moves by whole units of f32.
            let h = 1e-3_f32;
            let moved = |sign: f32| {
                let moved = theta.iter().zip(&point.tangent).map(|(x, v)| x + sign * h * v);
                all(&moved.collect::<Vec<f32>>())
            };
            let slope =
                moved(1.0).into_iter().zip(moved(-1.0)).map(|(a, b)| ((a - b) / f64::from(2.0 * h)) as f32);
            let apart = distance(&point.along, &slope.collect::<Vec<f32>>());
            assert!(apart < 1e-2, "Jv by differences, {apart:e}: {at}");
            // Jᵀu is the adjoint of Jv, which pins it down far better.
            assert!(point.asymmetry() < 1e-4, "{:e}: {at}", point.asymmetry());
            assert!(distance(&point.again, &point.gradient) < TOLERANCE, "{at}");
        }
    }
}

#[test]
fn a_policy_of_pixels_is_read_from_its_file() {
    let config = config(Activation::Relu);
    let (_, device) = devices().remove(0);
    let network = build_actor_critic(&config, &device);
    let theta = trained(&network);
    let spec =
        PolicySpec { network: config, normalizer: None, action_map: ActionMap::Identity, env: "any".into() };
    let expected: Vec<_> = network.policy_tensors();
    assert_eq!(spec.tensors().expect("a description that fits"), expected);
    let policy = Policy::with_network(spec, &theta, &network).expect("a policy");
    let bytes = policy.to_bytes().expect("bytes");
    assert_eq!(load_policy(&bytes, &device).expect("a policy").to_bytes().expect("bytes"), bytes);
    let message = Policy::from_bytes(&bytes).expect_err("no kernels for it").to_string();
    assert!(message.contains("gradus_policy_burn::load_policy"), "{message}");
}

#[test]
fn convolutions_that_do_not_fit_are_refused_by_the_description() {
    let spec = |body: Body, width: usize| PolicySpec {
        network: ActorCriticConfig { body, observation_width: width, ..config(Activation::Relu) },
        normalizer: None,
        action_map: ActionMap::Identity,
        env: "any".into(),
    };
    let conv = |kernel| {
        let layers = vec![ConvLayer { channels: 1, kernel, stride: 1 }];
        Body::Conv(ConvConfig { image: IMAGE, layers })
    };
    assert!(spec(conv(6), WIDTH).check().is_ok());
    for (body, width, part) in [
        (conv(7), WIDTH, "do not fit"),
        (conv(0), WIDTH, "do not fit"),
        (conv(3), WIDTH + 1, "in an observation of width 85"),
        (Body::Gru { width: 0 }, WIDTH, "width 0"),
    ] {
        let message = spec(body, width).check().expect_err("refused").to_string();
        assert!(message.contains(part), "{message}");
    }
    let large = ConvConfig::for_image([4, 84, 84]);
    assert_eq!(large.shapes().expect("fits").last(), Some(&[64, 7, 7]));
    assert_eq!(ConvConfig::for_image([6, 10, 10]).shapes().expect("fits").last(), Some(&[16, 8, 8]));
}
