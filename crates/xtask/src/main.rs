//! Development tasks: `cargo xtask COMMAND`.

#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    reason = "a command for developers: what it says goes to the terminal"
)]

mod bench;
mod demo;
mod process;
mod steps;
mod test;
mod tools;
mod venv;

use std::fmt::Write as _;
use std::process::ExitCode;

/// What goes wrong in a task, as text for the one who runs it.
type Error = Box<dyn std::error::Error + Send + Sync>;

/// One task. A new one is a module with a `run` and a row in [`COMMANDS`].
struct Command {
    name: &'static str,
    options: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<(), Error>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "bench",
        options: "scan | local | remote | decode | manifest | read | build [--runs N]",
        about: "measure chunkref beside its peers, into docs/benchmarks.md",
        run: bench::run,
    },
    Command {
        name: "demo",
        options: "",
        about: "scan, join and read small granules behind a server 50 ms away",
        run: demo::run,
    },
    Command {
        name: "test",
        options: "[--long]",
        about: "run all that CI runs; --long adds the longer variants of the tests",
        run: test::run,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let Some((name, rest)) = arguments.split_first() else {
        eprint!("{}", usage());
        return ExitCode::from(2);
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        print!("{}", usage());
        return ExitCode::SUCCESS;
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        eprint!("error: no task is called `{name}`\n\n{}", usage());
        return ExitCode::from(2);
    };
    match (command.run)(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> String {
    let mut text = String::from("usage: cargo xtask COMMAND\n\n");
    for command in COMMANDS {
        let call = format!("{} {}", command.name, command.options);
        let _ = writeln!(text, "  {:<18} {}", call.trim_end(), command.about);
    }
    text
}
