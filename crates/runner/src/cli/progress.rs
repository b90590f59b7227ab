//! What a person sees while training runs.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::Status;

/// How long a state of the bar is shown. Updates take much less, and people read no faster.
const REDRAW: Duration = Duration::from_millis(100);

/// A bar on a terminal; elsewhere a line now and then, so that logs stay short.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    total: u64,
    /// When the bar was last changed.
    shown: Option<Instant>,
    /// Steps at which the next line is printed, where there is no terminal.
    next_line: u64,
}

impl Progress {
    pub(super) fn new(total: u64, done: u64, quiet: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(10));
            // The template is a constant; an error in it would fall back to indicatif's own.
            if let Ok(style) =
                ProgressStyle::with_template("{percent:>3}% {wide_bar:.cyan/blue} {pos} steps{msg}")
            {
                bar.set_style(style.progress_chars("━╸─"));
            }
            bar.set_position(done);
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { bar, total, shown: None, next_line: if quiet { u64::MAX } else { 0 } }
    }

    pub(super) fn show(&mut self, status: Status<'_>) {
        if let Some(bar) = &self.bar {
            if self.shown.is_some_and(|shown| shown.elapsed() < REDRAW) && status.steps < self.total {
                return;
            }
            self.shown = Some(Instant::now());
            bar.set_position(status.steps.min(self.total));
            bar.set_message(describe(status) + &self.left(status));
        } else if status.steps >= self.next_line {
            eprintln!(
                "{:>3}% {} steps{}",
                status.steps * 100 / self.total.max(1),
                status.steps,
                describe(status)
            );
            self.next_line = status.steps + (self.total / 10).max(1);
        }
    }

    /// How long the rest takes, at this speed.
    fn left(&self, status: Status<'_>) -> String {
        let left = self.total.saturating_sub(status.steps) as f64 / status.steps_per_second;
        // A speed of 0 leaves no number that a duration could hold.
        Duration::try_from_secs_f64(left)
            .map(|left| format!("  {:#} left", HumanDuration(Duration::from_secs(left.as_secs()))))
            .unwrap_or_default()
    }

    pub(super) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

fn describe(status: Status<'_>) -> String {
    let mut text = format!("  {}/s", short(status.steps_per_second));
    if let Some(mean_return) = status.mean_return {
        text += &format!("  return {mean_return:.1}");
    }
    if let Some(kl) = status.metrics.get("kl_old_new") {
        text += &format!("  KL {kl:.4}");
    }
    text
}

/// A count with three digits: 812, 81.2k, 1.23M.
pub(super) fn short(x: f64) -> String {
    let (value, unit) = if x >= 1e6 {
        (x / 1e6, "M")
    } else if x >= 1e3 {
        (x / 1e3, "k")
    } else {
        return format!("{x:.0}");
    };
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$}{unit}")
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn three_digits() {
        let shown = [812.4, 8_120.0, 81_234.0, 812_340.0, 1_234_567.0].map(short);
        assert_eq!(shown, ["812", "8.12k", "81.2k", "812k", "1.23M"]);
    }
}
