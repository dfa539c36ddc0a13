//! `chunkref cite`.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use chunkref::cite::Citation;

use crate::arguments::{Cite, absolute};
use crate::failure::{Failure, one_line};
use crate::inspect::print;
use crate::progress::{Progress, print_stats};
use crate::set;

pub(crate) async fn run(arguments: &Cite) -> Result<ExitCode, Failure> {
    let name = &arguments.set;
    if !chunkref::is_set(name) {
        return Err(Failure::usage(format!(
            "{name}: expected a reference set (.json, .parquet)"
        )));
    }
    let client = Arc::new(arguments.connection.client());
    let start = Instant::now();
    let progress = Progress::start(&client, 1);
    let described = chunkref::read_description(&client, &absolute(name)).await;
    drop(progress);
    let manifest = described.map_err(|error| set::failed(name, &error))?;
    let citation =
        Citation::of(&manifest).map_err(|error| Failure::new(format!("{name}: {error}")))?;
    remark(name, &citation);
    let accessed = arguments.accessed.as_deref();
    let mut parts = Vec::new();
    if !arguments.bibtex {
        parts.push(citation.text(accessed));
    }
    if !arguments.text {
        parts.push(citation.bibtex(accessed));
    }
    print(&format!("{}\n", parts.join("\n\n")))?;
    if arguments.stats {
        print_stats(&client.log().snapshot(), start);
    }
    Ok(ExitCode::SUCCESS)
}

/// What the citation lacks, and where that may be found.
fn remark(set: &str, citation: &Citation) {
    let missing = citation.missing();
    if missing.is_empty() {
        return;
    }
    let look = match citation.url() {
        Some(url) => format!("; look it up at {url}"),
        None => String::new(),
    };
    eprintln!(
        "note: {}",
        one_line(&format!(
            "{set}: the collection's record tells no {}{look}",
            missing.join(", no ")
        ))
    );
}
