//! The table of all figures, and the page.

use super::estimator::Estimator;
use super::intervals::Mean;
use super::setting::{CRITIC_ERROR, CRITIC_FIT, GAMMA, SHAPE, Setting};
use super::{Chapter, ROLLOUTS, Row, Section};
use crate::pages::{findings, provenance};
use crate::results::page::{Origin, shown, thousands};

/// What is less than this share of its scale is shown as 0, and is rounding.
const NOTHING: f64 = 1e-5;

/// Rollouts of the batches whose gradients are compared.
const BATCHES: [f64; 3] = [1.0, 16.0, 256.0];

/// Every seed's figures beside the exact ones, a row for each process, critic, estimator and seed. Squares, since what is
/// measured may lie below 0; those of the gradient are relative to ‖g‖².
pub(super) fn csv(chapters: &[Chapter]) -> String {
    let mut text = String::from(
        "process,critic,estimator,seed,bias_squared,exact_bias_squared,between_squared,exact_between_squared,variance,exact_variance,\
         gradient_bias_squared,exact_gradient_bias_squared,gradient_variance,cosine\n",
    );
    for chapter in chapters {
        let setting = &chapter.setting;
        for (section, row) in chapter.rows() {
            let exact = Exact::of(setting, row);
            for (seed, it) in (1..).zip(&row.seeds) {
                text += &format!(
                    "{},{},{},{seed},{:.4e},{:.4e},{:.4e},{:.4e},{:.4e},{:.4e},{:.4e},{:.4e},{:.4e},{:.4}\n",
                    setting.name,
                    section.critic.name,
                    row.estimator.to_string().replace(' ', ""),
                    it.bias_squared,
                    exact.bias.powi(2),
                    it.between_squared,
                    exact.between.powi(2),
                    it.variance(),
                    exact.variance,
                    it.gradient_bias_squared,
                    exact.gradient_bias.powi(2),
                    it.gradient_variance(),
                    it.cosine
                );
            }
        }
    }
    text
}

/// The page, with what was found by hand in the page `before`, and the pictures in the files `drawn`.
pub(super) fn page(
    chapters: &[Chapter],
    origin: &Origin<'_>,
    drawn: &[String],
    before: &str,
) -> anyhow::Result<String> {
    let mut text = format!(
        "# Estimators of the advantage\n\n<!-- Written by `{}`; what is changed by hand is lost, but for the findings. -->\n\n\
         {}\n\n{}\n{}\n{}\n## Processes and critics\n\n{}\n## The best estimators\n\n{BESTS}\n\n{}",
        origin.command,
        provenance(&origin.command, origin.machine),
        explanation(),
        findings(before),
        agreement(chapters),
        processes(chapters)?,
        bests(chapters)
    );
    for chapter in chapters {
        let name = chapter.setting.name;
        text += &format!("\n## {name}\n");
        for section in &chapter.sections {
            text += &format!(
                "\n### {name}, {} critic\n\n{}",
                section.critic.name,
                table(&chapter.setting, section)
            );
        }
        text += "\n";
        for file in drawn.iter().filter(|file| file.starts_with(&format!("estimators/{name}-"))) {
            let about = file.trim_start_matches("estimators/").trim_end_matches(".svg");
            text += &format!("![{about}]({file})\n");
        }
    }
    Ok(text)
}

const BESTS: &str = "By the exact RMSE of an advantage, and by the error of ĝ from 1, 16 and 256 rollouts: √(bias² + noise²/rollouts), with the exact\n\
    bias and the noise that is measured. Of n-step and Monte Carlo, and of λ.";

fn explanation() -> String {
    let (n_steps, n_envs) = SHAPE;
    let (lambda, sweeps) = CRITIC_FIT;
    format!(
        "On a finite process V and A are solutions of a linear system, so that an estimate Â of A can be held to the truth at\n\
         every step. The policy is fixed. Each seed plays {ROLLOUTS} rollouts of T = {n_steps} steps in N = {n_envs} environments, {steps} steps;\n\
         γ = {GAMMA}. A rollout begins with a reset, and an end resets; behind step T−1 every estimator takes the critic's value. The\n\
         environments have no time limit, since V knows none. Estimates come from `gradus_advantage`, on arrays `[T, N]`. n = 1 is\n\
         λ = 0, and Monte Carlo is λ = 1, by other functions of the library.\n\n\
         The critic U is *exact*, V itself; or *wrong*, V + e with a normal error of its own in every state, whose root mean\n\
         square over the visits is {CRITIC_ERROR} of V's standard deviation; or *fitted* to one rollout, from U = 0, {sweeps} times over to\n\
         the mean of the targets Â + U in a state, with Â of GAE(γ, {lambda}). It is the same for all seeds.\n\n\
         Let x = Â − A(s, a). *bias* is the root of the mean square, over the visits, of the mean of x at a state and an action;\n\
         *between* is what is left of it without the part that all actions of a state have in common, which no gradient sees, and\n\
         *std* the root of the mean variance of x at a state and an action. RMSE² = bias² + std². ĝ is the mean over a rollout of\n\
         Â ∇log π, and g what it is on average with exact advantages; weights γ^t are left out, as in practice. Of ĝ everything\n\
         is relative to ‖g‖: *bias* is ‖E[ĝ] − g‖, *noise* the root of E[‖ĝ − E[ĝ]‖²], *error* the root of E[‖ĝ − g‖²]. *cosine* is\n\
         the mean of that between ĝ and g.\n\n\
         Columns without *measured* are exact for bias, std and RMSE, by backward induction over the two moments of Â: with\n\
         Â = Σ_b cᵇ δ_{{t+b}}, c = γλ or γ, the mean error of a state is −(I − cP)⁻¹ (I − γP) e, were it not for the ends of data and\n\
         window. *measured* is the 95 % interval (Student's) of the mean over the seeds. A squared bias is measured as the product\n\
         of the mean errors in two halves of the rollouts, divided by the expected and not the counted numbers of visits, so that\n\
         noise adds nothing to it on average; an interval that reaches below 0 is cut there. Noise, error and cosine of ĝ are\n\
         measured. All figures of every seed, as squares: [estimators.csv](estimators.csv).\n",
        steps = thousands((ROLLOUTS * n_steps * n_envs) as u64),
    )
}

/// What theory says of a row. What is rounding is 0.
struct Exact {
    bias: f64,
    between: f64,
    variance: f64,
    gradient_bias: f64,
}

impl Exact {
    fn of(setting: &Setting, row: &Row) -> Self {
        let expected = &row.expected;
        let scale = setting.mean_square(&setting.evaluation.advantages).sqrt();
        let rounded = |x: f64, scale: f64| if x > NOTHING * scale { x } else { 0.0 };
        Self {
            bias: rounded(expected.rms_bias(setting), scale),
            between: rounded(expected.rms_between(setting), scale),
            variance: rounded(expected.variance(setting), NOTHING * scale * scale),
            gradient_bias: rounded(expected.gradient_bias(setting), 1.0),
        }
    }
}

/// How many of the exact figures lie in the intervals of the measured ones.
fn agreement(chapters: &[Chapter]) -> String {
    let (mut within, mut all) = (0_u32, 0_u32);
    for chapter in chapters {
        let scale = chapter.setting.mean_square(&chapter.setting.evaluation.advantages);
        // Twins are counted once.
        let twins = [Estimator::Gae(0.0), Estimator::Gae(1.0)];
        for (_, row) in chapter.rows().filter(|(_, row)| !twins.contains(&row.estimator)) {
            let exact = Exact::of(&chapter.setting, row);
            let pairs = [
                (row.mean(|it| it.bias_squared), exact.bias.powi(2), scale),
                (row.mean(|it| it.between_squared), exact.between.powi(2), scale),
                (row.mean(|it| it.variance()), exact.variance, scale),
                (row.mean(|it| it.gradient_bias_squared), exact.gradient_bias.powi(2), 1.0),
            ];
            for (mean, exact, scale) in pairs {
                all += 1;
                within += u32::from(mean.covers(exact, NOTHING * NOTHING * scale));
            }
        }
    }
    format!(
        "Of {all} exact figures (the squares of bias, of what of it is between actions, of std and of the gradient's bias), {within} lie\n\
         in the 95 % intervals of what is measured; n = 1 and Monte Carlo are counted once. The figures of a process share their\n\
         rollouts, so that they are not independent.\n"
    )
}

fn processes(chapters: &[Chapter]) -> anyhow::Result<String> {
    let mut text = String::from(
        "The policy is a softmax whose logits are the advantages of the uniform policy, divided by the root of their mean square:\n\
         one step away from it. *end* is the share of steps that end an episode. The errors of the critics are in standard\n\
         deviations of V over the visits. A Garnet is a random process (30 states, 4 actions, 3 outcomes of each, one seed); of\n\
         *Garnet-ending* every outcome ends the episode with probability 0.05.\n\n\
         | process | S | A | η, uniform | η | η, optimal | end | std of V | RMS of A | error, wrong | error, fitted |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for chapter in chapters {
        let setting = &chapter.setting;
        let (mdp, deviation) = (&setting.mdp, setting.value_deviation());
        let uniform = mdp.evaluate(&mdp.uniform_policy())?.eta;
        let rms = setting.mean_square(&setting.evaluation.advantages).sqrt();
        let errors = chapter.sections.iter().skip(1);
        let errors: Vec<String> =
            errors.map(|it| shown(setting.value_error(&it.critic.values) / deviation, 2)).collect();
        let figures = [
            figure(uniform, uniform),
            figure(setting.evaluation.eta, uniform),
            figure(mdp.optimum()?.evaluation.eta, uniform),
            figure(setting.end_share(), 1.0),
            figure(deviation, deviation),
            figure(rms, rms),
        ];
        text += &format!(
            "| {} | {} | {} | {} | {} |\n",
            setting.name,
            mdp.n_states(),
            mdp.n_actions(),
            figures.join(" | "),
            errors.join(" | ")
        );
    }
    Ok(text)
}

fn table(setting: &Setting, section: &Section) -> String {
    let mut text = String::from(
        "| estimator | bias | measured | between | std | measured | RMSE | ĝ: bias | measured | noise | error | cosine |\n\
         |---|---:|---|---:|---:|---|---:|---:|---|---:|---:|---:|\n",
    );
    let scale = setting.mean_square(&setting.evaluation.advantages).sqrt();
    for row in &section.rows {
        let exact = Exact::of(setting, row);
        let cells = [
            figure(exact.bias, scale),
            interval(row.mean(|it| it.bias_squared).root(), scale),
            figure(exact.between, scale),
            figure(exact.variance.sqrt(), scale),
            interval(row.mean(|it| it.variance()).root(), scale),
            figure((exact.bias.powi(2) + exact.variance).sqrt(), scale),
            figure(exact.gradient_bias, 1.0),
            interval(row.mean(|it| it.gradient_bias_squared).root(), 1.0),
            figure(row.mean(|it| it.gradient_variance()).root().value, 1.0),
            figure(row.mean(|it| it.gradient_square).root().value, 1.0),
            shown(row.mean(|it| it.cosine).value, 3),
        ];
        text += &format!("| {} | {} |\n", row.estimator, cells.join(" | "));
    }
    text
}

/// Which estimators of a section are best: by the error of an advantage, and by that of the gradient from 1 and from
/// more rollouts, which share out its noise but not its bias.
fn least(setting: &Setting, section: &Section) -> String {
    let best = |is_n: bool, of: &dyn Fn(&Row) -> f64| {
        let rows = section.rows.iter().filter(|row| matches!(row.estimator, Estimator::Gae(_)) != is_n);
        let best = rows.min_by(|x, y| of(x).total_cmp(&of(y)));
        best.map_or_else(String::new, |row| row.estimator.to_string())
    };
    let both = |of: &dyn Fn(&Row) -> f64| format!("{}, {}", best(true, of), best(false, of));
    let gradients = BATCHES.map(|n| {
        let error = |row: &Row| {
            Exact::of(setting, row).gradient_bias.powi(2) + row.mean(|it| it.gradient_variance()).value / n
        };
        both(&error)
    });
    format!("| {} | {} |\n", both(&|row| row.expected.square), gradients.join(" | "))
}

/// The best of every section, in one table.
fn bests(chapters: &[Chapter]) -> String {
    let batches = BATCHES.map(|n| format!("ĝ of {n}"));
    let mut text = format!(
        "| process | critic | RMSE | {} |\n|---|---|{}\n",
        batches.join(" | "),
        "---|".repeat(BATCHES.len() + 1)
    );
    for chapter in chapters {
        for section in &chapter.sections {
            let least = least(&chapter.setting, section);
            text += &format!("| {} | {} {least}", chapter.setting.name, section.critic.name);
        }
    }
    text
}

/// Three digits that count.
fn figure(x: f64, scale: f64) -> String {
    if x.abs() <= NOTHING * scale.abs() {
        return "0".to_owned();
    }
    let decimals = (2.0 - x.abs().log10().floor()).clamp(0.0, 8.0);
    shown(x, decimals as usize)
}

fn interval(mean: Mean, scale: f64) -> String {
    match mean.interval {
        Some(it) => format!("{} to {}", figure(it.low, scale), figure(it.high, scale)),
        None => figure(mean.value, scale),
    }
}

impl Chapter {
    /// All rows with their sections.
    fn rows(&self) -> impl Iterator<Item = (&Section, &Row)> {
        self.sections.iter().flat_map(|section| section.rows.iter().map(move |row| (section, row)))
    }
}
