//! A line that shows what moves, on a terminal, once a command takes longer than a second.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chunkref::store::CacheStats;
use chunkref::{Client, Counter, Stats, WaveRecord};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Nothing is shown before this.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two drawings.
const TICK: Duration = Duration::from_millis(200);

/// Whether nobody wants to see progress.
static IS_QUIET: AtomicBool = AtomicBool::new(false);

/// Shows no progress from now on.
pub(crate) fn silence() {
    IS_QUIET.store(true, Ordering::Relaxed);
}

/// Whether it was silenced.
pub(crate) fn is_silent() -> bool {
    IS_QUIET.load(Ordering::Relaxed)
}

/// Whether progress is shown: on a terminal, unless it was silenced.
pub(crate) fn is_shown() -> bool {
    !is_silent() && std::io::stderr().is_terminal()
}

/// Shows the progress of a client until it is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    failed: Arc<AtomicU64>,
    task: Option<tokio::task::JoinHandle<()>>,
}

impl Progress {
    pub(crate) fn start(client: &Arc<Client>, files: u64) -> Self {
        Self::of("files", Some(files), client, None)
    }

    /// Shows how many chunks are done.
    pub(crate) fn of_chunks(client: &Arc<Client>, counter: &Arc<Counter>) -> Self {
        Self::of("chunks", None, client, Some(Arc::clone(counter)))
    }

    fn of(
        what: &str,
        count: Option<u64>,
        client: &Arc<Client>,
        counter: Option<Arc<Counter>>,
    ) -> Self {
        if !is_shown() {
            return Self {
                bar: ProgressBar::hidden(),
                failed: Arc::default(),
                task: None,
            };
        }
        let bar = ProgressBar::with_draw_target(count, ProgressDrawTarget::hidden());
        if let Ok(style) =
            ProgressStyle::with_template(&format!("{{spinner}} {{pos}}/{{len}} {what}, {{msg}}"))
        {
            bar.set_style(style);
        }
        let failed = Arc::default();
        let task = tokio::spawn(draw(
            bar.clone(),
            Arc::clone(client),
            Arc::clone(&failed),
            counter,
        ));
        Self {
            bar,
            failed,
            task: Some(task),
        }
    }

    pub(crate) fn file_done(&self, well: bool) {
        self.bar.inc(1);
        if !well {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
        self.bar.finish_and_clear();
    }
}

async fn draw(
    bar: ProgressBar,
    client: Arc<Client>,
    failed: Arc<AtomicU64>,
    counter: Option<Arc<Counter>>,
) {
    tokio::time::sleep(PATIENCE).await;
    bar.set_draw_target(ProgressDrawTarget::stderr());
    let mut ticks = tokio::time::interval(TICK);
    loop {
        ticks.tick().await;
        if let Some((done, total)) = counter.as_ref().map(|counter| counter.get()) {
            bar.set_length(total);
            bar.set_position(done);
        }
        let stats = client.log().snapshot();
        let failed = match failed.load(Ordering::Relaxed) {
            0 => String::new(),
            failed => format!("{failed} failed, "),
        };
        let retries = match stats.retries {
            0 => String::new(),
            retries => format!(", {retries} retries"),
        };
        let sent = match stats.sent {
            0 => String::new(),
            sent => format!(", {sent} sent"),
        };
        bar.set_message(format!(
            "{failed}{} requests, {} bytes{sent}{retries}",
            stats.requests, stats.bytes
        ));
        bar.tick();
    }
}

/// What `--stats` prints.
pub(crate) fn print_stats(stats: &Stats, start: Instant) {
    eprintln!(
        "requests {}, bytes {}, waves {}, seconds {:.3}",
        stats.requests,
        stats.bytes,
        stats.waves,
        start.elapsed().as_secs_f64()
    );
    eprintln!(
        "retries {}, redirects {}, cache hits {}",
        stats.retries, stats.redirects, stats.cache_hits
    );
    if stats.direct_bytes > 0 || stats.external_bytes > 0 {
        eprintln!(
            "bytes from buckets {} (no egress within their region), over https {} (egress)",
            stats.direct_bytes, stats.external_bytes
        );
    }
    if stats.sent > 0 {
        eprintln!("bytes sent {}", stats.sent);
    }
    if stats.needed > 0 {
        let needed = u128::from(stats.needed).saturating_mul(100);
        eprintln!(
            "bytes needed {} ({} % of those read)",
            stats.needed,
            needed / u128::from(stats.bytes.max(1))
        );
    }
}

/// What `--stats` prints of a cache on disk, if there is one.
pub(crate) fn print_cache(stats: &CacheStats) {
    let counts = [stats.disk_hits, stats.disk_misses, stats.disk_failures];
    if counts != [0; 3] {
        eprintln!(
            "on disk {} ranges, not there {}, bytes written {}",
            stats.disk_hits, stats.disk_misses, stats.disk_written
        );
    }
    if stats.disk_failures > 0 {
        eprintln!(
            "warning: {} ranges could not be kept on disk: is the folder writable, is there room?",
            stats.disk_failures
        );
    }
}

/// What `--explain` prints.
pub(crate) fn print_waves(waves: &[WaveRecord]) {
    if waves.is_empty() {
        eprintln!("no waves of requests: local files are read where and when something is wanted");
    }
    for wave in waves {
        let fetched = wave.requests.iter().fold(0_u64, |all, range| {
            all.saturating_add(range.end.saturating_sub(range.start))
        });
        eprintln!(
            "wave {}: wanted {} bytes ({}), {} of them not fetched before; fetched {} bytes in {} \
             requests, {:.3} s",
            wave.number,
            wave.wanted,
            wave.what,
            wave.missing,
            fetched,
            wave.requests.len(),
            wave.took.as_secs_f64()
        );
    }
}
