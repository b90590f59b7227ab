//! On what, and from what, the figures come.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use serde::Serialize;

/// Facts without which a time means nothing. What cannot be found out is `None`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    /// The processor's name.
    pub(crate) cpu: Option<String>,
    /// Processors that this process may use.
    pub(crate) cores: usize,
    /// Those of interest to the kernels.
    pub(crate) instruction_sets: Vec<&'static str>,
    /// Operating system and architecture, such as `linux x86_64`.
    pub(crate) platform: String,
    /// What `rustc --version` says.
    pub(crate) rustc: Option<String>,
    pub(crate) commit: Option<String>,
    /// Whether files differ from the commit.
    pub(crate) uncommitted_changes: Option<bool>,
    /// When it was, in UTC, such as `2026-01-31T23:59:59Z`.
    pub(crate) date: String,
    /// Processes that ran or waited for a processor in the last minute, on average.
    pub(crate) load_average_before: Option<f64>,
}

impl Machine {
    /// This machine, now, and the state of the repository at `root`.
    pub(crate) fn here(root: &Path) -> anyhow::Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("a clock before 1970")?;
        let git = |arguments: &[&str]| output("git", &[&["-C", &root.to_string_lossy()], arguments].concat());
        let sysctl = |name| output("sysctl", &["-n", name]);
        Ok(Self {
            cpu: read("/proc/cpuinfo")
                .and_then(|text| cpu_model(&text))
                .or_else(|| sysctl("machdep.cpu.brand_string")),
            cores: std::thread::available_parallelism().context("the number of processors")?.get(),
            instruction_sets: instruction_sets(),
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            rustc: output("rustc", &["--version"]),
            commit: git(&["rev-parse", "HEAD"]),
            uncommitted_changes: git(&["status", "--porcelain"]).map(|changes| !changes.is_empty()),
            date: utc(now.as_secs()),
            load_average_before: read("/proc/loadavg")
                .or_else(|| sysctl("vm.loadavg"))
                .and_then(|text| load_average(&text)),
        })
    }

    /// One line for the terminal.
    pub(crate) fn summary(&self) -> String {
        let cpu = self.cpu.as_deref().unwrap_or("unknown processor");
        let rustc = self.rustc.as_deref().unwrap_or("unknown rustc");
        format!("{cpu}, {} cores, {}; {rustc}", self.cores, self.instruction_sets.join(" "))
    }
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// What a program prints, if it is there and succeeds.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

fn instruction_sets() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    let known = [
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
    ];
    #[cfg(target_arch = "aarch64")]
    let known = [("neon", std::arch::is_aarch64_feature_detected!("neon"))];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let known: [(&str, bool); 0] = [];
    known.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect()
}

/// The first processor's name in Linux's list.
pub(super) fn cpu_model(cpuinfo: &str) -> Option<String> {
    let pairs = cpuinfo.lines().filter_map(|line| line.split_once(':'));
    pairs.into_iter().find(|(key, _)| key.trim() == "model name").map(|(_, name)| name.trim().to_owned())
}

/// The first number: of one minute, on Linux (`0.29 0.59 …`) and macOS (`{ 0.29 0.59 … }`).
pub(super) fn load_average(text: &str) -> Option<f64> {
    text.split_whitespace().find_map(|word| word.parse().ok())
}

/// Seconds since 1970 as date and time in UTC.
///
/// Days are counted from a 1 March, so that a leap day is the last of its year; 400 years have 146,097 days
/// (Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`).
pub(super) fn utc(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let since_0000_03_01 = days + 719_468;
    let (era, day_of_era) = (since_0000_03_01 / 146_097, since_0000_03_01 % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = 400 * era + year_of_era + u64::from(month <= 2);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z", second % 60)
}
