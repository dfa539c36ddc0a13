//! What a user should know of files, or sets, that were joined.

use chunkref::combine::CombineReport;

use crate::failure::one_line;

/// So many of each kind are named.
const NAMED: usize = 5;

/// Says what was not compared, what differs, and what is there twice; `what` was joined.
pub(crate) fn warn(report: &CombineReport, what: &str) {
    let not_compared = report.from_first.iter();
    let not_compared = not_compared
        .map(|path| format!("warning: /{path}: taken from the first {what}, not compared"));
    print(not_compared, report.from_first.len());
    let differing = report.attributes.iter();
    let differing = differing.map(|difference| format!("note: {difference} (of the first {what})"));
    print(differing, report.attributes.len());
    for name in &report.left_out {
        eprintln!(
            "note: attribute {name}: not the same in every {what}, so none of theirs is kept"
        );
    }
    let twice = report.duplicates.iter().map(|duplicate| {
        let granules = duplicate.granules.join(", ");
        format!(
            "warning: the value {} of the joined dimension is there more than once: {granules}",
            duplicate.value
        )
    });
    print(twice, report.duplicates.len());
    if report.ascending == Some(false) {
        eprintln!("warning: the values of the joined dimension do not ascend");
    }
}

fn print(lines: impl Iterator<Item = String>, count: usize) {
    for line in lines.take(NAMED) {
        eprintln!("{}", one_line(&line));
    }
    if let Some(more @ 1..) = count.checked_sub(NAMED) {
        eprintln!("note: and {more} more of these");
    }
}
