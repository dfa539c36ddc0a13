//! Starting programs: their output goes straight through, their failure becomes text.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::Error;

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    // At run time first: a target folder may serve several checkouts.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.join("../..").canonicalize().unwrap_or(manifest)
}

/// `cargo` with these arguments, in the root of the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    command
}

/// The folder into which cargo builds.
///
/// # Errors
/// Cargo does not say.
pub(crate) fn target_folder() -> Result<PathBuf, Error> {
    let metadata = output(&mut cargo(&[
        "metadata",
        "--no-deps",
        "--format-version",
        "1",
    ]))
    .ok_or("`cargo metadata` gives nothing")?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let target = metadata
        .get("target_directory")
        .and_then(|value| value.as_str());
    Ok(target
        .ok_or("`cargo metadata` names no target_directory")?
        .into())
}

/// Runs a program to its end, its output passed through.
///
/// # Errors
/// The program can't be started, or ends with anything but success.
pub(crate) fn run(command: &mut Command) -> Result<(), Error> {
    let shown = show(command);
    println!("$ {shown}");
    let status = command
        .status()
        .map_err(|error| format!("`{shown}` can't be started: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{shown}` ended with {status}").into())
    }
}

/// What a program prints on standard output; `None` when it is not there or fails.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn show(command: &Command) -> String {
    let name = command.get_program().to_string_lossy().into_owned();
    // The full path of cargo inside its toolchain says nothing.
    let mut text = if name.ends_with("/cargo") {
        "cargo".to_owned()
    } else {
        name
    };
    for argument in command.get_args() {
        let _ = write!(text, " {}", argument.to_string_lossy());
    }
    text
}
