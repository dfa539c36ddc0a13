//! The Python virtual environment of the tests, under the target folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use crate::Error;
use crate::process::{output, run};

/// The interpreter of the environment in `folder`, which is made anew when it was not made by this
/// `python` from these `requirements`.
///
/// # Errors
/// Python or pip fails, or a file can't be read or written.
pub(crate) fn prepare(folder: &Path, python: &Path, requirements: &Path) -> Result<PathBuf, Error> {
    let interpreter = folder.join(if cfg!(windows) {
        "Scripts/python.exe"
    } else {
        "bin/python"
    });
    // The requirements themselves, not a hash of them: nothing can collide and one can read it.
    let stamp = folder.join("made-from.txt");
    let wanted = format!("{}\n{}", python.display(), read(requirements)?);
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted)
        && output(Command::new(&interpreter).arg("--version")).is_some()
    {
        println!("{} is up to date", folder.display());
        return Ok(interpreter);
    }
    println!(
        "{} is made from {}",
        folder.display(),
        requirements.display()
    );
    run(Command::new(python)
        .args(["-m", "venv", "--clear"])
        .arg(folder))?;
    run(Command::new(&interpreter)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
        ])
        .arg(requirements))?;
    // Last: an environment that was not finished is made again.
    fs::write(&stamp, wanted).map_err(|error| at(&stamp, &error))?;
    Ok(interpreter)
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| at(path, &error))
}

fn at(path: &Path, error: &io::Error) -> Error {
    format!("{}: {error}", path.display()).into()
}
