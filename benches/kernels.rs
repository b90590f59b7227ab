//! The fused perceptron on every set of instructions that the processor has, beside the processor's limit.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use gradus_benches::{PEAK_FLOP, Shape, criterion, fma_chains, measure, uniform};
use gradus_core_math::{Distribution, Stream};
use gradus_policy::{Frozen, Head, Input, InstructionSet, Linearized, Mlp, MlpConfig, Network, Team};

/// Rows of a minibatch.
const ROWS: usize = 256;

const SHAPES: [Shape<'static>; 2] = [Shape { widths: &[4, 64, 64, 2] }, Shape { widths: &[4, 256, 256, 2] }];

/// A network, its parameters, and everything that its operations read and write.
struct Case {
    mlp: Mlp<f32>,
    theta: Vec<f32>,
    observations: Vec<f32>,
    cotangent: Vec<f32>,
    tangent: Vec<f32>,
    output: Vec<f32>,
    gradient: Vec<f32>,
}

impl Case {
    fn new(shape: Shape<'_>, set: InstructionSet) -> Self {
        let [inputs, hidden @ .., outputs] = shape.widths else { panic!("a network has inputs and outputs") };
        let config = MlpConfig::new(*inputs, *outputs)
            .with_hidden(hidden)
            .with_heads(&[Head { width: *outputs, gain: 1.0 }]);
        let mlp = Mlp::with_instruction_set(config, set);
        let mut theta = vec![0.0; mlp.parameter_count()];
        mlp.initialize(&mut Stream::new(0, "initialize", 0), &mut theta);
        Self {
            observations: uniform("observations", ROWS * inputs),
            cotangent: uniform("cotangent", ROWS * outputs),
            tangent: uniform("tangent", theta.len()),
            output: vec![0.0; ROWS * outputs],
            gradient: vec![0.0; theta.len()],
            mlp,
            theta,
        }
    }
}

fn minibatch(c: &mut Criterion) {
    for set in InstructionSet::available() {
        for shape in SHAPES {
            let mut add = |operation: &str, flop: usize, run: &mut dyn FnMut(&mut criterion::Bencher<'_>)| {
                let set = format!("{set:?}").to_lowercase();
                let name = format!("{operation} {} {set}", shape.name());
                measure(c, "kernels", &name, (flop, "FLOP"), run);
            };
            let (forward, derivative) = (shape.forward_flop(ROWS), shape.derivative_flop(ROWS));
            let Case { mut mlp, theta, observations, cotangent, tangent, mut output, mut gradient } =
                Case::new(shape, set);
            let input = Input::all(&observations, shape.widths[0]);
            add("forward", forward, &mut |b| {
                b.iter(|| mlp.forward(Team::single(), &theta, black_box(input), &mut output));
            });
            add("linearize", forward, &mut |b| {
                b.iter(|| {
                    black_box(mlp.linearize(Team::single(), &theta, black_box(input)));
                });
            });
            let mut point = mlp.linearize(Team::single(), &theta, input);
            add("vjp", derivative, &mut |b| {
                b.iter(|| point.vjp(Team::single(), black_box(&cotangent), &mut gradient));
            });
            add("jvp", derivative, &mut |b| {
                b.iter(|| point.jvp(Team::single(), black_box(&tangent), &mut output));
            });
        }
    }
}

/// One observation in, one drawn action out.
fn act(c: &mut Criterion) {
    for shape in SHAPES {
        let Case { mlp, theta, observations, .. } = Case::new(shape, InstructionSet::best());
        let mut frozen = mlp.freeze(&theta);
        let family = Distribution::Categorical { n: mlp.output_width() };
        let mut stream = Stream::new(0, "act", 0);
        let (mut logits, mut action) = (vec![0.0; mlp.output_width()], [0.0]);
        let mut rows = observations.chunks_exact(mlp.input_width()).cycle();
        measure(c, "act", &shape.name(), (1, "action"), |b| {
            b.iter(|| {
                frozen.forward(rows.next().unwrap_or_default(), &mut logits);
                family.sample(&logits, None, &mut stream, &mut action);
                black_box(action[0])
            });
        });
    }
}

/// What one core can do at most.
fn peak(c: &mut Criterion) {
    let (lanes, _) = fma_chains(0.0);
    let name = format!("fused multiply-add, {lanes} lanes");
    measure(c, "peak", &name, (PEAK_FLOP * lanes, "FLOP"), |b| b.iter(|| fma_chains(black_box(0.0))));
}

criterion_group! { name = benches; config = criterion(); targets = peak, minibatch, act }
criterion_main!(benches);
