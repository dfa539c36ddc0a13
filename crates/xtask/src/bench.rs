//! `cargo xtask bench scan`: chunkref beside its peers, into `docs/benchmarks.md`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{cargo, root, run as run_program, target_folder};
use crate::{Error, tools, venv};

const DOCUMENT: &str = "docs/benchmarks.md";
const BEGIN: &str = "<!-- begin: cargo xtask bench scan -->";
const END: &str = "<!-- end: cargo xtask bench scan -->";

/// Builds the release binary, makes the data if they are not there, measures, and puts the tables
/// into the document.
///
/// # Errors
/// Words that are not understood, or a step that fails.
pub(crate) fn run(arguments: &[String]) -> Result<(), Error> {
    let (what, options) = arguments.split_first().ok_or("say what to measure: scan")?;
    if what != "scan" {
        return Err(format!("`{what}` can't be measured; `scan` can").into());
    }
    let tools = tools::find()?;
    let target = target_folder()?;
    let requirements = root().join("tests/requirements.txt");
    let python = venv::prepare(&target.join("venv"), &tools.python, &requirements)?;
    run_program(&mut cargo(&[
        "build",
        "--release",
        "--package",
        "chunkref-cli",
    ]))?;
    let tables = target.join("bench/scan.md");
    run_program(&mut measurement(&python, &target, &tables, options))?;
    insert(&root().join(DOCUMENT), &std::fs::read_to_string(&tables)?)
}

fn measurement(python: &Path, target: &Path, tables: &Path, options: &[String]) -> Command {
    let name = format!("release/chunkref{}", std::env::consts::EXE_SUFFIX);
    let mut command = Command::new(python);
    command
        .arg(root().join("crates/xtask/bench/scan.py"))
        .arg("--chunkref")
        .arg(target.join(name))
        .arg("--data")
        .arg(target.join("bench"))
        .arg("--out")
        .arg(tables)
        .args(options);
    command
}

/// Replaces what stands between the marks.
fn insert(document: &PathBuf, tables: &str) -> Result<(), Error> {
    let text = std::fs::read_to_string(document)
        .map_err(|error| format!("{}: {error}", document.display()))?;
    let marked = text
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let Some((before, after)) = marked else {
        return Err(format!("{} lacks the marks {BEGIN} and {END}", document.display()).into());
    };
    std::fs::write(
        document,
        format!("{before}{BEGIN}\n\n{tables}\n{END}{after}"),
    )?;
    println!("the tables are in {}", document.display());
    Ok(())
}
