//! `cargo xtask test`: all that CI runs.

use std::path::PathBuf;

use crate::process::{cargo, root, run as run_program, target_folder};
use crate::steps::{self, Step};
use crate::tools::{self, Tools};
use crate::{Error, venv};

/// What earlier steps found for later ones.
#[derive(Default)]
struct Context {
    long: bool,
    tools: Option<Tools>,
    interpreter: Option<PathBuf>,
    /// Of the readers of Parquet sets, by the variable that tells the tests where it is.
    readers: Vec<(&'static str, PathBuf)>,
    target: PathBuf,
}

const STEPS: [Step<Context>; 11] = [
    Step {
        name: "tools",
        run: find_tools,
    },
    Step {
        name: "python venv",
        run: prepare_venv,
    },
    Step {
        name: "format",
        run: |_| run_program(&mut cargo(&["fmt", "--all", "--check"])),
    },
    Step {
        name: "clippy",
        run: |_| run_program(&mut cargo(CLIPPY)),
    },
    Step {
        name: "build",
        run: |_| run_program(&mut cargo(BUILD)),
    },
    Step {
        name: "rust tests",
        run: rust_tests,
    },
    Step {
        name: "libhdf5",
        run: libhdf5_tests,
    },
    Step {
        name: "examples",
        run: |_| examples(),
    },
    Step {
        name: "doc tests",
        run: |_| run_program(&mut cargo(DOC_TESTS)),
    },
    Step {
        name: "documentation",
        run: documentation,
    },
    // Last, so that pytest's closing line is the last test summary of the output.
    Step {
        name: "python tests",
        run: python_tests,
    },
];

/// Versions of pandas that read Parquet sets differently, each with both of its engines.
const READERS: [(&str, &str); 2] = [
    ("CHUNKREF_PANDAS_2", "pandas2"),
    ("CHUNKREF_PANDAS_3", "pandas3"),
];

const CLIPPY: &[&str] = &[
    "clippy",
    "--workspace",
    "--all-targets",
    "--",
    "-D",
    "warnings",
];
const BUILD: &[&str] = &["build", "--package", "chunkref-cli", "--bin", "chunkref"];
/// Each with its arguments.
const EXAMPLES: [(&str, &[&str]); 3] = [
    (
        "read_chunk",
        &["fixtures/granules/atl03_like.h5", "gt1l/heights/h_ph"],
    ),
    (
        "read_region",
        &["fixtures/granules/mur_like_20200601.nc", "analysed_sst"],
    ),
    (
        "mean_of_region",
        &[
            "analysed_sst",
            "time",
            "45:90,90:180",
            "fixtures/granules/mur_like_20200601.nc",
            "fixtures/granules/mur_like_20200602.nc",
        ],
    ),
];
const LIBHDF5: &[&str] = &[
    "test",
    "--workspace",
    "--features",
    "chunkref-cli/libhdf5-static",
    "--test",
    "verify",
    "--test",
    "commands",
];
const DOC_TESTS: &[&str] = &["test", "--workspace", "--doc"];
const DOC: &[&str] = &["doc", "--workspace", "--no-deps"];

/// Runs every step.
///
/// # Errors
/// An unknown option, or the first step that fails.
pub(crate) fn run(arguments: &[String]) -> Result<(), Error> {
    let mut context = Context::default();
    for argument in arguments {
        match argument.as_str() {
            "--long" => context.long = true,
            other => return Err(format!("`{other}`: `test` takes only --long").into()),
        }
    }
    steps::run(&STEPS, &mut context)
}

fn find_tools(context: &mut Context) -> Result<(), Error> {
    context.tools = Some(tools::find()?);
    context.target = target_folder()?;
    Ok(())
}

fn prepare_venv(context: &mut Context) -> Result<(), Error> {
    let tools = context
        .tools
        .as_ref()
        .ok_or("the tools were not looked for")?;
    let requirements = root().join("tests/requirements.txt");
    let folder = context.target.join("venv");
    context.interpreter = Some(venv::prepare(&folder, &tools.python, &requirements)?);
    for (variable, name) in READERS {
        let requirements = root().join(format!("tests/requirements-{name}.txt"));
        let folder = context.target.join(format!("venv-{name}"));
        let interpreter = venv::prepare(&folder, &tools.python, &requirements)?;
        context.readers.push((variable, interpreter));
    }
    Ok(())
}

fn rust_tests(context: &mut Context) -> Result<(), Error> {
    let nextest = context.tools.as_ref().is_some_and(|tools| tools.nextest);
    let mut command = if nextest {
        cargo(&["nextest", "run", "--workspace", "--no-fail-fast"])
    } else {
        cargo(&[
            "test",
            "--workspace",
            "--lib",
            "--bins",
            "--tests",
            "--no-fail-fast",
        ])
    };
    if context.long {
        command
            .env("CHUNKREF_LONG", "1")
            .env("PROPTEST_CASES", "8192");
    }
    run_program(&mut command)
}

/// `verify --against libhdf5`, which is not in what is built by default. cmake, which builds libhdf5, is
/// in the Python environment.
fn libhdf5_tests(context: &mut Context) -> Result<(), Error> {
    let interpreter = context
        .interpreter
        .as_ref()
        .ok_or("there is no Python environment")?;
    let found = std::env::var_os("PATH").unwrap_or_default();
    let programs = interpreter.parent().map(PathBuf::from);
    let path = std::env::join_paths(programs.into_iter().chain(std::env::split_paths(&found)))?;
    run_program(cargo(LIBHDF5).env("PATH", path))
}

fn examples() -> Result<(), Error> {
    for (name, arguments) in EXAMPLES {
        let run = ["run", "--example", name, "--"];
        run_program(&mut cargo(&[&run, arguments].concat()))?;
    }
    Ok(())
}

fn documentation(_: &mut Context) -> Result<(), Error> {
    run_program(cargo(DOC).env("RUSTDOCFLAGS", "-D warnings"))
}

fn python_tests(context: &mut Context) -> Result<(), Error> {
    let interpreter = context
        .interpreter
        .as_ref()
        .ok_or("there is no Python environment")?;
    let name = format!("debug/chunkref{}", std::env::consts::EXE_SUFFIX);
    let mut command = std::process::Command::new(interpreter);
    command
        .args(["-m", "pytest", "tests/python", "-ra", "--durations=5"])
        .current_dir(root())
        .env("CHUNKREF_BIN", context.target.join(name))
        .envs(context.readers.iter().map(|(name, path)| (name, path)));
    if context.long {
        command.env("CHUNKREF_LONG", "1");
    }
    run_program(&mut command)
}
