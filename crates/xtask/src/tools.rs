//! The tools that the tests need: which are there, and how to get those that are not.

use std::path::PathBuf;
use std::process::Command;

use crate::Error;
use crate::process::{cargo, output};

/// What was found.
pub(crate) struct Tools {
    /// A Python of 3.11 or later that can make virtual environments.
    pub(crate) python: PathBuf,
    /// Whether `cargo nextest` runs the tests; else `cargo test` does.
    pub(crate) nextest: bool,
}

const PYTHONS: [&str; 5] = [
    "python3",
    "python3.11",
    "python3.12",
    "python3.13",
    "python",
];

/// Prints its version only when it is 3.11 or later and can make a virtual environment with pip.
const PROBE: &str = "import sys, venv, ensurepip
assert sys.version_info >= (3, 11)
print(sys.executable, sys.version.split()[0], sep='\\n')";

/// Looks for every tool and prints what it finds.
///
/// # Errors
/// A tool that can't be done without is missing; the text says all that are, and how to get them.
pub(crate) fn find() -> Result<Tools, Error> {
    let mut missing = Vec::new();
    for (name, arguments, remedy) in [
        (
            "cargo",
            ["--version"].as_slice(),
            "install Rust from https://rustup.rs",
        ),
        (
            "rustfmt",
            &["fmt", "--version"],
            "rustup component add rustfmt",
        ),
        (
            "clippy",
            &["clippy", "--version"],
            "rustup component add clippy",
        ),
    ] {
        match output(&mut cargo(arguments)) {
            Some(version) => println!("{name:<9} {version}"),
            None => missing.push(format!("{name} is missing: {remedy}")),
        }
    }
    let nextest = output(&mut cargo(&["nextest", "--version"]));
    println!(
        "{:<9} {}",
        "nextest",
        nextest.as_deref().and_then(|text| text.lines().next()).unwrap_or(
            "not there, `cargo test` is used (faster with it: cargo install --locked cargo-nextest)"
        )
    );
    let python = python();
    match &python {
        Some((path, version)) => println!("{:<9} {version} ({})", "python", path.display()),
        None => missing.push(
            "python is missing: Python 3.11 or later with the modules venv and ensurepip \
             (Debian: apt install python3 python3-venv; else https://www.python.org/downloads)"
                .to_owned(),
        ),
    }
    match python {
        Some((python, _)) if missing.is_empty() => Ok(Tools {
            python,
            nextest: nextest.is_some(),
        }),
        _ => Err(missing.join("\n       ").into()),
    }
}

fn python() -> Option<(PathBuf, String)> {
    PYTHONS.iter().find_map(|name| {
        let found = output(Command::new(name).args(["-c", PROBE]))?;
        let (path, version) = found.split_once('\n')?;
        Some((PathBuf::from(path), version.trim().to_owned()))
    })
}
