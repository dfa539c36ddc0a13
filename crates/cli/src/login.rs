//! `chunkref login`.

use std::fmt::Write as _;
use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;

use chunkref::earthdata::{Checked, Login, LoginError, LoginSources, Secret, Source};
use chunkref::io::Url;
use clap::Args;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::inspect::print;

/// Longer lines are no passwords.
const LONGEST: u64 = 16 << 10;

const HELP: &str = "\
A login is looked for in this order:
  1. EARTHDATA_TOKEN
  2. EARTHDATA_USERNAME and EARTHDATA_PASSWORD
  3. the entry of urs.earthdata.nasa.gov (--system uat: uat.urs.earthdata.nasa.gov) in the file
     that NETRC names, or .netrc (Windows: _netrc) in the home folder
It is used, when that is first needed, for hosts under earthdata.nasa.gov, asf.alaska.edu and
earthdatacloud.nasa.gov, and those of --trust-host.
Accounts are made at https://urs.earthdata.nasa.gov/users/new

Examples:
  chunkref login
  chunkref login --check
  chunkref login --user NAME --password-stdin < FILE
  eval \"$(chunkref login --print)\"

Exit codes:
  0  the login was accepted, and kept where that was asked for
  1  there is no login, or it was not accepted, or could not be tried or kept
  2  the command line is wrong";

/// Options of `chunkref login`.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on the command line"
)]
#[command(after_help = HELP)]
pub(crate) struct LogIn {
    /// Only try the login that there is
    #[arg(long, conflicts_with_all = ["user", "token", "print", "password_stdin"])]
    check: bool,
    /// The user's name; else it is asked for
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Read the password (or token) from standard input, not from the terminal
    #[arg(long)]
    password_stdin: bool,
    /// Ask for a token in place of user and password; it is tried with CMR, and not kept
    #[arg(long, conflicts_with = "user")]
    token: bool,
    /// Print the command that puts the token into the environment, and keep nothing
    #[arg(long)]
    print: bool,
    #[arg(
        long,
        value_name = "URL",
        help_heading = "Connections",
        help = "Another CMR to try a token with: what comes before /collections.umm_json; else \
                CHUNKREF_CMR_URL in the environment"
    )]
    cmr_url: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: &LogIn) -> Result<ExitCode, Failure> {
    let connection = &arguments.connection;
    let cmr_url = arguments.cmr_url()?;
    if arguments.check {
        let login = connection.login(LoginSources::environment());
        let checked = login.check(&cmr_url).await.map_err(failure)?;
        print(&told(&login, &checked))?;
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.token {
        let token = arguments.secret("Token: ")?;
        let login = connection.login(LoginSources::none().with_token(token));
        let checked = login.check(&cmr_url).await.map_err(failure)?;
        if arguments.print {
            print(&export(&login.bearer().await.map_err(failure)?))?;
        } else {
            print(&told(&login, &checked))?;
            eprintln!("It is not kept: put it into EARTHDATA_TOKEN to use it.");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let user = arguments.user()?;
    let password = arguments.secret("Password: ")?;
    let sources = LoginSources::environment();
    let before = sources.goes_before_netrc();
    let login = connection.login(sources.with_only_user(&user, password.clone()));
    let checked = login.check(&cmr_url).await.map_err(failure)?;
    if arguments.print {
        print(&export(&login.bearer().await.map_err(failure)?))?;
        return Ok(ExitCode::SUCCESS);
    }
    login.store(&user, &password).map_err(failure)?;
    print(&told(&login, &checked))?;
    eprintln!("Kept in .netrc as the entry of {}.", login.host());
    if let Some(source) = before {
        eprintln!("warning: {source} is set, and goes before .netrc: unset it to use the entry");
    }
    Ok(ExitCode::SUCCESS)
}

impl LogIn {
    fn cmr_url(&self) -> Result<String, Failure> {
        let given = self.cmr_url.clone();
        let given = given.or_else(|| std::env::var("CHUNKREF_CMR_URL").ok());
        let Some(url) = given.filter(|url| !url.is_empty()) else {
            return Ok(self.connection.system.search_url().to_owned());
        };
        let url = url.trim_end_matches('/').to_owned();
        let parsed = url.parse::<Url>();
        let is_trusted = parsed.is_ok_and(|url| self.connection.trust().trusts(&url));
        // Of others than tokens CMR is told nothing.
        if (self.token || self.check) && !is_trusted {
            return Err(Failure::usage(format!(
                "a token is not sent to {url}; --trust-host permits it, over https"
            )));
        }
        Ok(url)
    }

    fn user(&self) -> Result<String, Failure> {
        if let Some(user) = &self.user {
            return Ok(user.clone());
        }
        if !std::io::stdin().is_terminal() || self.password_stdin {
            return Err(Failure::usage(
                "there is no terminal to ask for the user's name: give --user",
            ));
        }
        let login = self.connection.login(LoginSources::none());
        eprint!("User name at {}: ", login.host());
        let name = line()?;
        let name = name.expose().trim();
        if name.is_empty() {
            return Err(Failure::usage("no user name was given"));
        }
        Ok(name.to_owned())
    }

    /// A password or token, which is not shown while it is typed.
    fn secret(&self, prompt: &str) -> Result<Secret, Failure> {
        let secret = if self.password_stdin {
            line()?
        } else {
            let typed = rpassword::prompt_password(prompt);
            Secret::new(typed.map_err(|error| {
                Failure::new(format!(
                    "there is no terminal to ask for it without showing it ({error}): use \
                     --password-stdin"
                ))
            })?)
        };
        if secret.expose().is_empty() {
            return Err(Failure::usage(
                "nothing was given where a password or token was asked for",
            ));
        }
        Ok(secret)
    }
}

/// A line of standard input, without its end.
fn line() -> Result<Secret, Failure> {
    use std::io::Read as _;

    let mut line = String::new();
    let read = std::io::stdin().lock().take(LONGEST).read_line(&mut line);
    let line = Secret::new(line);
    read.map_err(|error| Failure::new(format!("standard input can't be read: {error}")))?;
    Ok(Secret::new(line.expose().trim_end_matches(['\r', '\n'])))
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn failure(error: LoginError) -> Failure {
    Failure::new(error.to_string())
}

/// Who was accepted, and for how long.
fn told(login: &Login, checked: &Checked) -> String {
    if let Some(warning) = &checked.warning {
        eprintln!("warning: {warning}");
    }
    let mut text = String::new();
    match &checked.user {
        Some(user) => text.push_str(user),
        None => text.push_str("a user that the token does not name"),
    }
    let from = match checked.source {
        Source::Given => String::new(),
        source => format!(", from {source}"),
    };
    let _ = write!(text, "{from}: accepted by {}", login.host());
    if let Some(ends) = &checked.token_ends {
        let _ = write!(text, ", with a token until {ends}");
    }
    text.push('\n');
    text
}

/// The command that puts a token into the environment.
fn export(token: &Secret) -> String {
    let quoted = token.expose().replace('\'', "'\\''");
    format!("export EARTHDATA_TOKEN='{quoted}'\n")
}
