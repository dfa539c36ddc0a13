//! `chunkref verify`.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use chunkref::verify::{Finding, Verified, VerifyOptions, verify};
use chunkref::{Client, Counter, Manifest};
use serde_json::{Value, json};

use crate::arguments::{Against, Verify};
use crate::failure::{Failure, one_line};
use crate::inspect::{counted, print};
use crate::progress::{Progress, print_stats};
use crate::scan::NAMED;
use crate::source::warn_of_refused;

/// The exit code where something is wrong.
const WRONG: u8 = 1;

pub(crate) async fn run(arguments: &Verify) -> Result<ExitCode, Failure> {
    arguments.source.check(&arguments.set)?;
    let mut options = VerifyOptions::new()
        .with_sample((!arguments.all).then_some(arguments.sample))
        .with_findings(arguments.findings)
        .with_memory(arguments.memory)
        .with_scan(!arguments.no_scan);
    if let Some(reader) = arguments.against {
        options = against(reader, options)?;
    }
    let client = Arc::new(arguments.source.connection.client());
    let start = Instant::now();
    let counter = Arc::new(Counter::new());
    let progress = Progress::of_chunks(&client, &counter);
    let found = manifest(arguments, &client).await;
    let verified = match found {
        Ok((manifest, refused)) => {
            let manifest = Arc::new(manifest);
            Ok((
                verify(&client, &manifest, &options, &counter).await,
                refused,
            ))
        }
        Err(failure) => Err(failure),
    };
    drop(progress);
    let (verified, refused) = verified?;
    if arguments.json {
        print(&format!("{:#}\n", document(&verified, &refused)))?;
    } else {
        print(&text(&verified, &refused))?;
    }
    if arguments.source.stats {
        print_stats(&client.log().snapshot(), start);
    }
    Ok(if verified.is_sound() && refused.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(WRONG)
    })
}

#[cfg(feature = "libhdf5")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature it fails")]
fn against(reader: Against, options: VerifyOptions) -> Result<VerifyOptions, Failure> {
    match reader {
        Against::Libhdf5 => Ok(options.with_libhdf5(true)),
    }
}

#[cfg(not(feature = "libhdf5"))]
fn against(reader: Against, _: VerifyOptions) -> Result<VerifyOptions, Failure> {
    match reader {
        Against::Libhdf5 => Err(Failure::usage(
            "--against libhdf5: this chunkref was built without libhdf5; build one with `cargo install --path \
             crates/cli --features libhdf5` (libhdf5 installed) or `--features libhdf5-static` \
             (cmake installed)",
        )),
    }
}

/// What is verified, and the arrays and groups of a set that can't be.
async fn manifest(
    arguments: &Verify,
    client: &Client,
) -> Result<(Manifest, Vec<(String, String)>), Failure> {
    let name = &arguments.set;
    let (manifest, refused) = arguments.source.open(client, name, None).await?;
    if chunkref::is_set(name) {
        return Ok((manifest, refused));
    }
    // What a file has that is no array of the manifest is not wrong.
    warn_of_refused(name, &refused);
    Ok((manifest, Vec::new()))
}

fn text(verified: &Verified, refused: &[(String, String)]) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let mut line = |text: String| {
        let _ = writeln!(out, "{}", one_line(&text));
    };
    for (path, reason) in refused {
        line(format!("refused: {path}: {reason}"));
    }
    for finding in &verified.findings {
        line(format!("{}: {finding}", finding.kind.name()));
    }
    if verified.more_findings > 0 {
        line(format!("and {} more findings", verified.more_findings));
    }
    let objects = counted(verified.objects, "object");
    line(format!(
        "{}, {objects}, {}, {} inline, {} absent",
        counted(verified.arrays, "array"),
        counted(verified.references, "reference"),
        counted(verified.inline, "chunk"),
        counted(verified.absent, "chunk"),
    ));
    let mut decoded = format!(
        "{} of {} decoded",
        verified.decoded,
        counted(verified.chunks, "chunk")
    );
    for (count, what) in [
        (verified.skipped, "not read, as their objects have findings"),
        (verified.unknown, "of unknown size not decoded"),
        (verified.rescanned, "compared with a new scan"),
        (verified.compared, "compared with libhdf5"),
    ] {
        if count > 0 {
            let _ = write!(decoded, ", {count} {what}");
        }
    }
    line(decoded);
    for reason in verified.not_compared.iter().take(NAMED) {
        line(format!("not compared: {reason}"));
    }
    if let Some(more) = verified.not_compared.len().checked_sub(NAMED)
        && more > 0
    {
        line(format!("not compared: {more} more (--json names them)"));
    }
    let findings = verified.more_findings
        + u64::try_from(verified.findings.len() + refused.len()).unwrap_or(u64::MAX);
    line(match findings {
        0 => "nothing is wrong".to_owned(),
        1 => "1 finding".to_owned(),
        findings => format!("{findings} findings"),
    });
    out
}

fn document(verified: &Verified, refused: &[(String, String)]) -> Value {
    let findings: Vec<_> = verified.findings.iter().map(finding).collect();
    let refused: Vec<_> = refused
        .iter()
        .map(|(path, reason)| json!({"path": path, "reason": reason}))
        .collect();
    json!({
        "arrays": verified.arrays,
        "objects": verified.objects,
        "references": verified.references,
        "inline": verified.inline,
        "absent": verified.absent,
        "chunks": verified.chunks,
        "decoded": verified.decoded,
        "skipped": verified.skipped,
        "unknown": verified.unknown,
        "rescanned": verified.rescanned,
        "compared": verified.compared,
        "not_compared": verified.not_compared,
        "refused": refused,
        "findings": findings,
        "more_findings": verified.more_findings,
    })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "kind": finding.kind.name(),
        "path": finding.path,
        "chunk": finding.chunk,
        "object": finding.object,
        "offset": finding.offset,
        "length": finding.length,
        "reason": finding.reason,
    })
}
