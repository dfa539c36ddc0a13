//! `chunkref completions` and `chunkref man`.

use std::path::Path;
use std::process::ExitCode;

use chunkref::write_file;
use clap::Command;
use clap_mangen::Man as Page;

use crate::arguments::{Completions, Man};
use crate::configuration::command;
use crate::failure::Failure;
use crate::inspect::print_bytes;

pub(crate) fn completions(arguments: &Completions) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command(), "chunkref", &mut script);
    print_bytes(&[&script])?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn man(arguments: &Man) -> Result<ExitCode, Failure> {
    let mut command = command().disable_help_subcommand(true);
    // Names of commands are known from here on.
    command.build();
    match &arguments.dir {
        None => print_bytes(&[&page(&command)?.1])?,
        Some(folder) => {
            std::fs::create_dir_all(folder).map_err(|error| {
                Failure::new(format!("{}: not made: {error}", folder.display()))
            })?;
            write(&command, folder)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The file name of a page, and the page.
fn page(command: &Command) -> Result<(String, Vec<u8>), Failure> {
    let page = Page::new(command.clone());
    let mut text = Vec::new();
    page.render(&mut text)
        .map_err(|error| Failure::new(format!("manual page: {error}")))?;
    Ok((page.get_filename(), text))
}

/// A page for a command and for each below it.
fn write(command: &Command, folder: &Path) -> Result<(), Failure> {
    let (name, text) = page(command)?;
    write_file(&folder.join(name), |out| out.write_all(&text))?;
    let shown = command.get_subcommands().filter(|one| !one.is_hide_set());
    for below in shown {
        write(below, folder)?;
    }
    Ok(())
}
