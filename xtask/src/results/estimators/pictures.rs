//! Pictures of the trade between bias and variance.

use gradus_runner::plot::Plot;

use super::estimator::Estimator;
use super::intervals::Mean;
use super::sampled::Figures;
use super::{Chapter, Row, Section, exact};

/// Where the exact curves over λ have points: this many, evenly spaced.
const LAMBDAS: u32 = 51;
/// The exact curves over n go on to here.
const MOST_STEPS: usize = 64;

/// One point of a picture's curves.
struct Point {
    x: f64,
    bias: f64,
    between: f64,
    deviation: f64,
    error: f64,
}

/// Every picture of a process, with its file: for each critic but the exact one bias, deviation and error over n and λ,
/// and for all critics together the error of the gradient over λ.
pub(super) fn of(chapter: &Chapter) -> Vec<(String, String)> {
    let mut pictures = Vec::new();
    for section in chapter.sections.iter().filter(|it| it.critic.name != "exact") {
        let lambdas: Vec<f64> = (0..LAMBDAS).map(|i| f64::from(i) / f64::from(LAMBDAS - 1)).collect();
        let over_lambda = curves(chapter, section, lambdas.iter().map(|&it| Estimator::Gae(it)));
        let over_n = curves(chapter, section, (1..=MOST_STEPS).map(Estimator::NStep));
        for (label, points) in [("n", over_n), ("lambda", over_lambda)] {
            let symbol = if label == "n" { "n" } else { "λ" };
            let title = format!("{}, {} critic", chapter.setting.name, section.critic.name);
            let picture = trade(&title, symbol, section, &points);
            pictures.push((file(chapter, &format!("{}-{label}", section.critic.name)), picture));
        }
    }
    pictures.push((file(chapter, "gradient"), gradient(chapter)));
    pictures
}

/// The file of a picture.
fn file(chapter: &Chapter, what: &str) -> String {
    format!("estimators/{}-{what}.svg", chapter.setting.name)
}

/// Where an estimator is on the horizontal axis: at its n or its λ. None for one without.
fn place(estimator: Estimator) -> Option<f64> {
    match estimator {
        Estimator::NStep(n) => Some(n as f64),
        Estimator::Gae(lambda) => Some(lambda),
        Estimator::MonteCarlo => None,
    }
}

fn curves(chapter: &Chapter, section: &Section, estimators: impl Iterator<Item = Estimator>) -> Vec<Point> {
    let setting = &chapter.setting;
    let point = |estimator: Estimator| {
        let expected = exact::expected(setting, &section.critic.values, estimator);
        Some(Point {
            x: place(estimator)?,
            bias: expected.rms_bias(setting),
            between: expected.rms_between(setting),
            deviation: expected.variance(setting).sqrt(),
            error: expected.square.max(0.0).sqrt(),
        })
    };
    estimators.filter_map(point).collect()
}

/// Exact curves, with dots for what every seed has measured.
fn trade(title: &str, symbol: &str, section: &Section, points: &[Point]) -> String {
    let is_n = symbol == "n";
    let rows: Vec<&Row> = section
        .rows
        .iter()
        .filter(|row| match row.estimator {
            Estimator::NStep(_) => is_n,
            Estimator::Gae(_) => !is_n,
            Estimator::MonteCarlo => false,
        })
        .collect();
    let dots = |of: fn(&Figures) -> f64| -> Vec<(f64, f64)> {
        let of_row = |row: &&Row| -> Vec<(f64, f64)> {
            let Some(x) = place(row.estimator) else { return Vec::new() };
            row.seeds.iter().map(|figures| (x, of(figures).max(0.0).sqrt())).collect()
        };
        rows.iter().flat_map(of_row).collect()
    };
    let line =
        |of: fn(&Point) -> f64| -> Vec<(f64, f64)> { points.iter().map(|it| (it.x, of(it))).collect() };
    Plot::new(title)
        .x_label(symbol)
        .y_label("of the estimated advantage")
        .scatter("RMSE", &dots(|it| it.square), &line(|it| it.error))
        .scatter("|bias|", &dots(|it| it.bias_squared), &line(|it| it.bias))
        .scatter("|bias| between actions", &dots(|it| it.between_squared), &line(|it| it.between))
        .scatter("standard deviation", &dots(Figures::variance), &line(|it| it.deviation))
        .render()
}

/// The error of a rollout's gradient over λ: the mean over the seeds, in its 95 % interval.
fn gradient(chapter: &Chapter) -> String {
    let mut plot = Plot::new(format!("{}, gradient of one rollout", chapter.setting.name))
        .x_label("λ")
        .y_label("error of the gradient, relative");
    for section in &chapter.sections {
        let (mut band, mut line) = (Vec::new(), Vec::new());
        for row in &section.rows {
            let Estimator::Gae(lambda) = row.estimator else { continue };
            let mean = row.mean(|it| it.gradient_square).root();
            line.push((lambda, mean.value));
            band.extend(mean.interval.map(|it| (lambda, it.low, it.high)));
        }
        plot = plot.band(format!("{} critic", section.critic.name), &band, &line);
    }
    plot.render()
}

impl Row {
    /// The mean over the seeds of one of the figures.
    pub(super) fn mean(&self, of: fn(&Figures) -> f64) -> Mean {
        Mean::of(&self.seeds.iter().map(of).collect::<Vec<f64>>())
    }
}
