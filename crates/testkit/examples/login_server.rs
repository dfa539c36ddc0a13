//! A login service with an archive behind it, for tries by hand:
//!
//! ```sh
//! cargo run -p chunkref-testkit --features login --example login_server -- FOLDER
//! ```
//!
//! It serves the files of the folder to the user `someone`, whose password is `s3cr3t`, prints the
//! options that `chunkref` takes for it, and ends with its standard input.

use std::io::Read as _;

use chunkref_testkit::{LoginPlace, LoginServer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let server = LoginServer::builder()
        .user("someone", "s3cr3t")
        .root(folder)
        .start_blocking();
    eprintln!(
        "--login-url {} --trust-host {}\n{}",
        server.url(LoginPlace::Login),
        server.host(LoginPlace::Archive),
        server.data_url("NAME")
    );
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
