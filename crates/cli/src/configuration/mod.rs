//! What is not said on the command line: the environment, and files named `chunkref.toml`.
//!
//! What comes first counts: options on the command line, variables of the environment
//! (`CHUNKREF_CONCURRENCY` for `--concurrency`), the file in the working directory, the file of the
//! user. Only options of connections are configured in this way: those under that heading in the
//! help, whatever they are, so that there is no second list of them.
//!
//! What was found becomes the defaults of the command, which is then parsed again.

mod file;
mod layer;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory as _, FromArgMatches as _};

use crate::arguments::Arguments;
use crate::failure::Failure;
use layer::{Layer, settled};

/// The heading of the options that can be configured.
const HEADING: &str = "Connections";
/// The variable that names a file of options.
const CONFIG: &str = "CHUNKREF_CONFIG";

/// The command with all its options.
pub(crate) fn command() -> Command {
    Arguments::command().mut_subcommands(|command| {
        command.mut_args(|arg| {
            let note = variable(&arg).map(|name| format!("[env: {name}]"));
            match (note, arg.get_help().map(ToString::to_string)) {
                (Some(note), Some(help)) => arg.help(format!("{help} {note}")),
                _ => arg,
            }
        })
    })
}

/// What was asked for, and the files that options come from.
#[derive(Debug)]
pub(crate) struct Configured {
    pub(crate) arguments: Arguments,
    pub(crate) files: Vec<PathBuf>,
}

/// The arguments of this process. Ends it, if they are wrong or ask for help.
///
/// # Errors
/// When the environment or a file says something wrong.
pub(crate) fn arguments() -> Result<Configured, Failure> {
    let given: Vec<OsString> = std::env::args_os().collect();
    let matches = command().get_matches_from(&given);
    let environment = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let files = file::Places {
        named: matches.get_one::<PathBuf>("config").cloned(),
        variable: environment(CONFIG).map(PathBuf::from),
        working: PathBuf::new(),
        user: user_folder(&environment),
    };
    configured(&given, &matches, &environment, &files)
}

fn configured(
    given: &[OsString],
    matches: &ArgMatches,
    environment: &dyn Fn(&str) -> Option<String>,
    places: &file::Places,
) -> Result<Configured, Failure> {
    let wrong = |error: clap::Error| Failure::usage(first_line(&error));
    let Some((name, chosen)) = matches.subcommand() else {
        let arguments = Arguments::from_arg_matches(matches).map_err(wrong)?;
        let files = Vec::new();
        return Ok(Configured { arguments, files });
    };
    let command = command();
    let of_command = command.find_subcommand(name);
    // Others need no connection, and are not held up by what is wrong with one.
    let of_command = of_command.filter(|one| one.get_arguments().any(is_configured));
    let Some(of_command) = of_command else {
        let arguments = Arguments::from_arg_matches(matches).map_err(wrong)?;
        let files = Vec::new();
        return Ok(Configured { arguments, files });
    };
    let known: BTreeSet<&str> = command
        .get_subcommands()
        .flat_map(Command::get_arguments)
        .filter(|arg| is_configured(arg))
        .filter_map(Arg::get_long)
        .collect();
    let found = places.read(&known)?;
    let files = found.iter().map(|file| file.path.clone()).collect();
    let mut layers = vec![Layer::of_environment(of_command, environment)?];
    for file in &found {
        layers.push(Layer::of_file(of_command, file)?);
    }
    let is_given = |arg: &Arg| {
        let id = arg.get_id().as_str();
        chosen.ids().any(|known| known.as_str() == id)
            && chosen.value_source(id) == Some(ValueSource::CommandLine)
    };
    let settings = settled(of_command, &is_given, layers)?;
    if settings.is_empty() {
        let arguments = Arguments::from_arg_matches(matches).map_err(wrong)?;
        return Ok(Configured { arguments, files });
    }
    let name = name.to_owned();
    let command = command.mut_subcommand(name, |of_command| {
        settings
            .into_iter()
            .fold(of_command, |of_command, (id, setting)| {
                of_command.mut_arg(id, |arg| setting.as_default(arg))
            })
    });
    let mut matches = command.try_get_matches_from(given).map_err(wrong)?;
    let arguments = Arguments::from_arg_matches_mut(&mut matches).map_err(wrong)?;
    Ok(Configured { arguments, files })
}

/// Where the user keeps configuration: `$XDG_CONFIG_HOME`, `%APPDATA%` on Windows, else `~/.config`.
fn user_folder(environment: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let absolute = |path: &PathBuf| path.is_absolute();
    let variable = if cfg!(windows) {
        "APPDATA"
    } else {
        "XDG_CONFIG_HOME"
    };
    let folder = environment(variable).map(PathBuf::from).filter(absolute);
    let home = || std::env::home_dir().filter(absolute);
    let folder = folder.or_else(|| Some(home()?.join(".config")))?;
    Some(folder.join("chunkref"))
}

/// Whether an option can be configured.
fn is_configured(arg: &Arg) -> bool {
    arg.get_help_heading() == Some(HEADING) && arg.get_long().is_some()
}

/// The variable of the environment for an option.
fn variable(arg: &Arg) -> Option<String> {
    let long = arg.get_long().filter(|_| is_configured(arg))?;
    let name = long.replace('-', "_").to_ascii_uppercase();
    Some(format!("CHUNKREF_{name}"))
}

fn is_switch(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::SetFalse)
}

/// What clap says, without what it says of usage.
fn first_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let lines = text.lines().map(str::trim);
    let told: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    let told = told.join(" ");
    told.strip_prefix("error: ").unwrap_or(&told).to_owned()
}

/// A path as it is shown.
fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests;
