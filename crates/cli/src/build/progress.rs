//! What is shown while a build goes on: bars on a terminal, lines elsewhere.

use std::time::{Duration, Instant};

use chunkref::Client;
use chunkref::build::Event;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::failure::one_line;
use crate::inspect::{bytes, counted};
use crate::progress::{is_shown, is_silent};

/// No bar is shown before this.
const PATIENCE: Duration = Duration::from_secs(1);
/// Elsewhere than on a terminal so many lines tell how far scans are.
const LINES: u64 = 10;

/// A build as it is shown.
#[derive(Debug)]
pub(crate) struct Shown {
    client: Client,
    start: Instant,
    is_terminal: bool,
    phase: Phase,
    bar: Option<ProgressBar>,
    /// Done of this phase, and of how many.
    done: u64,
    of: u64,
    /// Of the phases to come.
    to_compare: u64,
    to_scan: u64,
    failed: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Before,
    Search,
    Compare,
    Scan,
    Combine,
}

impl Phase {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Before => ("", ""),
            Self::Search => ("searched", "granules"),
            Self::Compare => ("compared", "files"),
            Self::Scan => ("scanned", "files"),
            Self::Combine => ("combined", "manifests"),
        }
    }
}

impl Shown {
    pub(crate) fn new(client: &Client) -> Self {
        Self {
            client: client.clone(),
            start: Instant::now(),
            is_terminal: is_shown(),
            phase: Phase::Before,
            bar: None,
            done: 0,
            of: 0,
            to_compare: 0,
            to_scan: 0,
            failed: Vec::new(),
        }
    }

    /// Names and reasons of what could not be scanned.
    pub(crate) fn failed(&self) -> &[(String, String)] {
        &self.failed
    }

    pub(crate) fn take(&mut self, event: &Event<'_>) {
        match event {
            Event::Searched { received, hits } => {
                self.enter(Phase::Search, *hits);
                self.step_to(*received);
            }
            Event::Planned(plan) => {
                let count = |files: usize| u64::try_from(files).unwrap_or(u64::MAX);
                (self.to_compare, self.to_scan) = (count(plan.to_compare), count(plan.to_scan));
                self.leave();
                if !self.is_terminal && !is_silent() {
                    eprintln!(
                        "{}, {} in the journal, {} to scan",
                        counted(count(plan.files), "file"),
                        plan.kept.saturating_add(plan.renewed),
                        plan.to_scan
                    );
                }
            }
            Event::Compared => {
                self.enter(Phase::Compare, self.to_compare);
                self.step_to(self.done.saturating_add(1));
            }
            Event::Scanning { files } => {
                self.to_scan = u64::try_from(*files).unwrap_or(u64::MAX);
            }
            Event::Scanned { name, failed } => {
                self.enter(Phase::Scan, self.to_scan);
                if let Some(reason) = failed {
                    self.failed.push(((*name).to_owned(), (*reason).to_owned()));
                }
                self.step_to(self.done.saturating_add(1));
            }
            Event::Loaded => {
                self.enter(Phase::Combine, 0);
                self.step_to(self.done.saturating_add(1));
            }
            Event::Remark(text) => {
                let line = format!("warning: {}", one_line(text));
                match &self.bar {
                    Some(bar) => bar.suspend(|| eprintln!("{line}")),
                    None => eprintln!("{line}"),
                }
            }
            _ => {}
        }
    }

    /// Ends what is shown, and names what failed.
    pub(crate) fn end(&mut self) {
        self.leave();
        // They came in any order.
        self.failed.sort();
        for (_, reason) in &self.failed {
            eprintln!("error: {}", one_line(reason));
        }
    }

    fn enter(&mut self, phase: Phase, of: u64) {
        if self.phase == phase {
            if self.of < of {
                self.of = of;
                if let Some(bar) = &self.bar {
                    bar.set_length(of);
                }
            }
            return;
        }
        self.leave();
        (self.phase, self.done, self.of) = (phase, 0, of);
        if self.is_terminal {
            let length = (of > 0).then_some(of);
            let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::hidden());
            let (_, what) = phase.words();
            let template = if length.is_some() {
                format!("{{spinner}} {{pos}}/{{len}} {what}, {{per_sec}}, {{msg}} [{{eta}}]")
            } else {
                format!("{{spinner}} {{pos}} {what}, {{per_sec}}")
            };
            if let Ok(style) = ProgressStyle::with_template(&template) {
                bar.set_style(style);
            }
            self.bar = Some(bar);
        }
    }

    fn step_to(&mut self, done: u64) {
        let before = std::mem::replace(&mut self.done, done);
        let Some(bar) = &self.bar else {
            // A line for each tenth of a long phase.
            let tenth = |done: u64| done.saturating_mul(LINES).checked_div(self.of);
            if self.phase == Phase::Scan
                && self.of >= 2 * LINES
                && tenth(before) != tenth(done)
                && done < self.of
                && !is_silent()
            {
                self.told();
            }
            return;
        };
        if bar.is_hidden() && self.start.elapsed() >= PATIENCE {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        bar.set_message(self.message());
        bar.set_position(done);
    }

    /// A line that says how far this phase is.
    fn told(&self) {
        let (verb, what) = self.phase.words();
        let failed = u64::try_from(self.failed.len()).unwrap_or(u64::MAX);
        let beside = match failed {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        // Those that failed are not scanned.
        let done = self.done.saturating_sub(failed);
        eprintln!("{verb} {done} of {} {what}{beside}", self.of);
    }

    fn message(&self) -> String {
        let stats = self.client.log().snapshot();
        let failed = match self.failed.len() {
            0 => String::new(),
            failed => format!("{failed} failed, "),
        };
        format!(
            "{failed}{} requests, {}",
            stats.requests,
            bytes(stats.bytes)
        )
    }

    /// Leaves a phase: elsewhere than on a terminal a line says what was done.
    fn leave(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        } else if matches!(self.phase, Phase::Scan | Phase::Compare) {
            self.told();
        }
        self.phase = Phase::Before;
    }
}
