//! `gradus report`.

use std::path::PathBuf;

use clap::Args;

use super::{Outcome, print};
use crate::report::Report;

/// The page's name where none is given.
const PAGE: &str = "report.html";

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Folders of runs; one that holds runs, as `--seeds` makes it, stands for all of them
    #[arg(required = true)]
    run_dirs: Vec<PathBuf>,
    /// The page; only a report is overwritten [default: RUN_DIR/report.html, or report.html for several folders]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn report(args: &ReportArgs) -> anyhow::Result<Outcome> {
    let report = Report::read(&args.run_dirs)?;
    let page = args.out.clone().unwrap_or_else(|| match args.run_dirs.as_slice() {
        [only] => only.join(PAGE),
        _ => PathBuf::from(PAGE),
    });
    report.write(&page)?;
    print(&page.display().to_string())
}
