//! What the pages of results have in common.

use crate::bench::Machine;

/// What is between these two lines is written by hand, and kept.
const FINDINGS: [&str; 2] =
    ["<!-- findings: kept when the page is written anew -->", "<!-- end of findings -->"];

/// How the figures of a page came about, as a table.
pub(crate) fn provenance(command: &str, machine: &Machine) -> String {
    let unknown = || "unknown".to_owned();
    let commit = machine.commit.clone().unwrap_or_else(unknown);
    let changes = if machine.uncommitted_changes == Some(true) { ", with uncommitted changes" } else { "" };
    let cpu = machine.cpu.clone().unwrap_or_else(unknown);
    let rows = [
        ("command", format!("`{}`", command)),
        (
            "machine",
            format!(
                "{cpu}, {} cores, {}, {}",
                machine.cores,
                machine.platform,
                machine.instruction_sets.join(" ")
            ),
        ),
        ("compiler", machine.rustc.clone().unwrap_or_else(unknown)),
        ("commit", format!("`{commit}`{changes}")),
        ("date", machine.date.clone()),
    ];
    let rows = rows.map(|(name, value)| format!("| {name} | {value} |"));
    format!("| | |\n|---|---|\n{}", rows.join("\n"))
}

/// What was found, from between the lines that tell it in the page `before`.
pub(crate) fn findings(before: &str) -> String {
    let [begin, end] = FINDINGS;
    let kept = before.split_once(begin).and_then(|(_, rest)| rest.split_once(end)).map_or("\n", |it| it.0);
    format!("{begin}{kept}{end}\n")
}
