//! `cargo xtask bench scan`: chunkref beside its peers, into `docs/benchmarks.md`, on local files
//! (`local` alone) and behind a server 50 ms away (`remote` alone); `bench decode`: its filters beside
//! those of libhdf5; `bench manifest`: reference sets written, opened and looked up; `bench read`: arrays
//! read through them and without; `bench build`: sets built of many granules in a bucket 50 ms away.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{cargo, root, run as run_program, target_folder};
use crate::{Error, tools, venv};

const DOCUMENT: &str = "docs/benchmarks.md";
const PLOT: &str = "docs/remote.svg";

/// Builds the release binary, makes the data if they are not there, measures, and puts the tables
/// into the document.
///
/// # Errors
/// Words that are not understood, or a step that fails.
pub(crate) fn run(arguments: &[String]) -> Result<(), Error> {
    let (what, options) = arguments
        .split_first()
        .ok_or("say what to measure: scan, local, remote, decode, manifest, read, build")?;
    if !matches!(
        what.as_str(),
        "scan" | "local" | "remote" | "decode" | "manifest" | "read" | "build"
    ) {
        let can = "`scan`, `local`, `remote`, `decode`, `manifest`, `read` and `build` can";
        return Err(format!("`{what}` can't be measured; {can}").into());
    }
    let tools = tools::find()?;
    let target = target_folder()?;
    let requirements = root().join("tests/requirements.txt");
    let python = venv::prepare(&target.join("venv"), &tools.python, &requirements)?;
    if what == "decode" {
        return decode(&python, &target);
    }
    if what == "manifest" {
        return manifest(&tools.python, &python, &target, options);
    }
    if what == "read" {
        return read(&tools.python, &python, &target, options);
    }
    run_program(&mut cargo(&[
        "build",
        "--release",
        "--package",
        "chunkref-cli",
    ]))?;
    if what == "build" {
        return build(&python, &target, options);
    }
    if what != "remote" {
        local(&python, &target, options)?;
    }
    if what != "local" {
        remote(&python, &target, options)?;
    }
    Ok(())
}

fn local(python: &Path, target: &Path, options: &[String]) -> Result<(), Error> {
    let tables = target.join("bench/scan.md");
    run_program(&mut measurement(
        python, target, "scan.py", &tables, options,
    ))?;
    insert(
        &root().join(DOCUMENT),
        "scan",
        &std::fs::read_to_string(&tables)?,
    )
}

fn remote(python: &Path, target: &Path, options: &[String]) -> Result<(), Error> {
    let server = example("chunkref-testkit", "range_server", target)?;
    let tables = target.join("bench/remote.md");
    run_program(
        measurement(python, target, "remote.py", &tables, options)
            .arg("--server")
            .arg(server)
            .arg("--plot")
            .arg(root().join(PLOT)),
    )?;
    insert(
        &root().join(DOCUMENT),
        "remote",
        &std::fs::read_to_string(&tables)?,
    )
}

fn build(python: &Path, target: &Path, options: &[String]) -> Result<(), Error> {
    let server = example_with("chunkref-testkit", "archive_server", &["s3"], target)?;
    let tables = target.join("bench/build.md");
    run_program(
        measurement(python, target, "build.py", &tables, options)
            .arg("--server")
            .arg(server)
            .arg("--granule")
            .arg(root().join("fixtures/granules/mur_like_20200601.nc")),
    )?;
    insert(
        &root().join(DOCUMENT),
        "build",
        &std::fs::read_to_string(&tables)?,
    )
}

/// Chunks that libhdf5 writes and reads, and the same decoded by `crates/filters`.
fn decode(python: &Path, target: &Path) -> Result<(), Error> {
    let (chunks, rates) = (
        target.join("bench/decode"),
        target.join("bench/decode.json"),
    );
    let measure = root().join("crates/filters/benches/measure_libhdf5.py");
    run_program(Command::new(python).arg(measure).arg(&chunks).arg(&rates))?;
    run_program(
        cargo(&[
            "bench",
            "--package",
            "chunkref-filters",
            "--bench",
            "decode",
        ])
        .env("CHUNKREF_BENCH_CHUNKS", &chunks),
    )?;
    let table = target.join("bench/decode.md");
    run_program(
        Command::new(python)
            .arg(root().join("crates/xtask/bench/decode_table.py"))
            .arg(rates)
            .arg(target.join("criterion/decode"))
            .arg(&table),
    )?;
    insert(
        &root().join(DOCUMENT),
        "decode",
        &std::fs::read_to_string(&table)?,
    )
}

/// Icechunk has an environment of its own: it may need other versions than the rest.
fn manifest(system: &Path, python: &Path, target: &Path, options: &[String]) -> Result<(), Error> {
    let measure = example("chunkref", "measure_sets", target)?;
    let icechunk = icechunk(system, target)?;
    let tables = target.join("bench/manifest.md");
    run_program(
        Command::new(python)
            .arg(root().join("crates/xtask/bench/manifest.py"))
            .arg("--measure")
            .arg(measure)
            .arg("--icechunk")
            .arg(icechunk)
            .arg("--data")
            .arg(target.join("bench"))
            .arg("--out")
            .arg(&tables)
            .args(options),
    )?;
    insert(
        &root().join(DOCUMENT),
        "manifest",
        &std::fs::read_to_string(&tables)?,
    )
}

/// Readers of HDF5 have an environment of their own, as Icechunk has.
fn read(system: &Path, python: &Path, target: &Path, options: &[String]) -> Result<(), Error> {
    let measure = example("chunkref", "measure_reads", target)?;
    let server = example("chunkref-testkit", "range_server", target)?;
    let requirements = root().join("crates/xtask/bench/requirements-readers.txt");
    let readers = venv::prepare(&target.join("venv-readers"), system, &requirements)?;
    // It names clients of clouds as what it needs, and needs them there alone.
    run_program(Command::new(&readers).args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "h5coro==1.0.7",
    ]))?;
    let tables = target.join("bench/read.md");
    run_program(
        Command::new(python)
            .arg(root().join("crates/xtask/bench/read.py"))
            .arg("--measure")
            .arg(measure)
            .arg("--server")
            .arg(server)
            .arg("--icechunk")
            .arg(icechunk(system, target)?)
            .arg("--readers")
            .arg(readers)
            .arg("--data")
            .arg(target.join("bench"))
            .arg("--out")
            .arg(&tables)
            .args(options),
    )?;
    insert(
        &root().join(DOCUMENT),
        "read",
        &std::fs::read_to_string(&tables)?,
    )
}

/// Builds an example for measurements.
fn example(package: &str, name: &str, target: &Path) -> Result<PathBuf, Error> {
    example_with(package, name, &[], target)
}

fn example_with(
    package: &str,
    name: &str,
    features: &[&str],
    target: &Path,
) -> Result<PathBuf, Error> {
    let features = features.join(",");
    run_program(&mut cargo(&[
        "build",
        "--release",
        "--package",
        package,
        "--features",
        &features,
        "--example",
        name,
    ]))?;
    let suffix = std::env::consts::EXE_SUFFIX;
    Ok(target.join(format!("release/examples/{name}{suffix}")))
}

/// A Python with Icechunk.
fn icechunk(system: &Path, target: &Path) -> Result<PathBuf, Error> {
    let requirements = root().join("crates/xtask/bench/requirements-icechunk.txt");
    venv::prepare(&target.join("venv-icechunk"), system, &requirements)
}

fn measurement(
    python: &Path,
    target: &Path,
    program: &str,
    tables: &Path,
    options: &[String],
) -> Command {
    let name = format!("release/chunkref{}", std::env::consts::EXE_SUFFIX);
    let mut command = Command::new(python);
    command
        .arg(root().join("crates/xtask/bench").join(program))
        .arg("--chunkref")
        .arg(target.join(name))
        .arg("--data")
        .arg(target.join("bench"))
        .arg("--out")
        .arg(tables)
        .args(options);
    command
}

/// Replaces what stands between the marks of this measurement.
fn insert(document: &PathBuf, what: &str, tables: &str) -> Result<(), Error> {
    let begin = format!("<!-- begin: cargo xtask bench {what} -->");
    let end = format!("<!-- end: cargo xtask bench {what} -->");
    let text = std::fs::read_to_string(document)
        .map_err(|error| format!("{}: {error}", document.display()))?;
    let marked = text
        .split_once(&begin)
        .and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let Some((before, after)) = marked else {
        return Err(format!("{} lacks the marks {begin} and {end}", document.display()).into());
    };
    std::fs::write(
        document,
        format!("{before}{begin}\n\n{tables}\n{end}{after}"),
    )?;
    println!("the tables are in {}", document.display());
    Ok(())
}
