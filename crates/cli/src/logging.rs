//! What is said on standard error of what happens.

use tracing_subscriber::filter::{LevelFilter, Targets, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::arguments::General;

/// The variable that says what is told (`debug`, `chunkref_io=trace`).
const RUST_LOG: &str = "RUST_LOG";

/// Tells warnings, or as much as is asked for: by options, else by the environment. Only what
/// chunkref itself says is told, whatever is asked for: libraries tell of headers and of signed URLs.
pub(crate) fn start(general: &General) {
    let level = match (general.quiet, general.verbose) {
        (true, _) => Some(LevelFilter::ERROR),
        (_, 0) => None,
        (_, 1) => Some(LevelFilter::INFO),
        (_, 2) => Some(LevelFilter::DEBUG),
        (_, _) => Some(LevelFilter::TRACE),
    };
    let warnings = || Targets::new().with_default(LevelFilter::WARN);
    let asked = || {
        let asked = std::env::var(RUST_LOG)
            .ok()
            .filter(|text| !text.is_empty())?;
        let targets = asked.parse::<Targets>();
        if targets.is_err() {
            eprintln!("warning: {RUST_LOG}: expected LEVEL or TARGET=LEVEL, as chunkref_io=debug");
        }
        targets.ok()
    };
    let targets = match level {
        Some(level) => Targets::new().with_default(level),
        None => asked().unwrap_or_else(warnings),
    };
    let is_told = filter_fn(move |event| {
        is_ours(event.target()) && targets.would_enable(event.target(), event.level())
    });
    let told = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .without_time()
        .with_filter(is_told);
    // It is the first in this process.
    let _ = tracing_subscriber::registry().with(told).try_init();
}

/// Whether one of chunkref's crates says it.
fn is_ours(target: &str) -> bool {
    let of_crate = target.split("::").next().unwrap_or(target);
    of_crate == "chunkref" || of_crate.starts_with("chunkref_")
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn libraries_are_not_heard() {
        assert!(is_ours("chunkref_io::transport") && is_ours("chunkref"));
        for other in [
            "chunkrefs::x",
            "hyper::client",
            "reqwest",
            "h2::chunkref_io",
        ] {
            assert!(!is_ours(other), "{other}");
        }
    }
}
