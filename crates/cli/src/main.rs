//! The `chunkref` command.

#![forbid(unsafe_code)]
mod arguments;
mod build;
mod cite;
mod configuration;
mod connection;
mod convert;
mod export;
mod failure;
mod granules;
mod inspect;
mod joined;
mod json;
mod logging;
mod login;
mod output;
mod pages;
mod progress;
mod read;
mod relocate;
mod scan;
mod search;
mod set;
mod summary;
mod verify;

use std::process::ExitCode;

use crate::arguments::{Arguments, Command};
use crate::configuration::Configured;
use crate::failure::Failure;

fn main() -> ExitCode {
    let ended = configuration::arguments().and_then(|configured| {
        let Configured { arguments, files } = configured;
        logging::start(&arguments.general);
        if arguments.general.quiet {
            progress::silence();
        }
        for file in files {
            tracing::info!("options are read from {}", file.display());
        }
        start(arguments)
    });
    match ended {
        Ok(code) => code,
        Err(failure) => {
            failure.print();
            failure.exit_code()
        }
    }
}

fn start(arguments: Arguments) -> Result<ExitCode, Failure> {
    // One worker reads while another parses or draws; of many files, each may parse one.
    let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 8));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(run(arguments)),
        Err(error) => Err(Failure::new(format!("no threads to run on: {error}"))),
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    match arguments.command {
        Command::Scan(arguments) => scan::run(&arguments).await,
        Command::Convert(arguments) => convert::run(&arguments).await,
        Command::Relocate(arguments) => relocate::run(&arguments).await,
        Command::Repin(arguments) => relocate::run_repin(&arguments).await,
        Command::Inspect(arguments) => inspect::run(&arguments).await,
        Command::Read(arguments) => read::run(&arguments).await,
        Command::Verify(arguments) => verify::run(&arguments).await,
        Command::Export(arguments) => export::run(&arguments).await,
        Command::Search(arguments) => search::run(&arguments).await,
        Command::Cite(arguments) => cite::run(&arguments).await,
        Command::Completions(arguments) => pages::completions(&arguments),
        Command::Man(arguments) => pages::man(&arguments),
        Command::Login(arguments) => login::run(&arguments).await,
        Command::Build(arguments) => build::run(&arguments).await,
    }
}
