//! What is to be done for each file: nothing, a look, or a scan.

use chunkref_io::Client;
use futures::StreamExt as _;

use super::error::BuildError;
use super::events::{Event, Plan, Tell};
use super::journal::{Journal, State};
use super::source::Source;

/// Requests that a granule of some megabytes mostly takes, until this build has scanned some.
const REQUESTS: u64 = 3;
/// Small requests under way at one time.
const AT_ONCE: usize = 64;

/// What is to be done for one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Its manifest is in the journal.
    Keep,
    /// The same, but its record is another now.
    Renew,
    /// One small request tells whether it is the one in the journal.
    Compare,
    /// It is to be scanned, and was not before.
    Scan,
    /// It is to be scanned, as it has changed.
    ScanAgain,
}

/// The step for one file. `ask` is whether those that seem the same are compared all the same.
pub(crate) fn step(journal: &Journal, source: &Source, ask: bool) -> Step {
    let Some(entry) = journal.get(&source.key) else {
        return Step::Scan;
    };
    let State::Done(done, _) = &entry.state else {
        return Step::Scan;
    };
    if !source.urls().any(|url| url == entry.source.url) {
        return Step::ScanAgain;
    }
    if source
        .seen
        .as_ref()
        .is_some_and(|now| done.is_contradicted(now))
    {
        return Step::ScanAgain;
    }
    let is_same = *source == entry_as(&entry.source, source);
    let step = match (&source.record, &entry.source.record) {
        // The answers of CMR may come from an index that is behind.
        (Some(now), Some(before)) if now.revision < before.revision => Step::Keep,
        (Some(now), Some(before)) if now.revision > before.revision => {
            let sizes = now.size.zip(before.size);
            match (&now.checksum, &before.checksum) {
                _ if sizes.is_some_and(|(now, before)| now != before) => Step::ScanAgain,
                (Some(now), Some(before)) if now == before => Step::Renew,
                (Some((algorithm, _)), Some((other, _))) if algorithm == other => Step::ScanAgain,
                _ => Step::Compare,
            }
        }
        _ if is_same => Step::Keep,
        _ => Step::Renew,
    };
    if ask && matches!(step, Step::Keep | Step::Renew) {
        return Step::Compare;
    }
    step
}

/// What was written of a source, with what of another one is never written.
fn entry_as(written: &Source, now: &Source) -> Source {
    Source {
        address: now.address.clone(),
        seen: now.seen.clone(),
        ..written.clone()
    }
}

/// The steps for all files.
#[derive(Debug)]
pub(crate) struct Steps {
    pub(crate) steps: Vec<Step>,
    pub(crate) plan: Plan,
}

impl Steps {
    pub(crate) fn new(journal: &Journal, sources: &[Source], ask: bool) -> Self {
        let steps: Vec<Step> = sources
            .iter()
            .map(|source| step(journal, source, ask))
            .collect();
        let count = |wanted: &[Step]| steps.iter().filter(|step| wanted.contains(step)).count();
        let is_failed = |source: &&Source| {
            let entry = journal.get(&source.key);
            entry.is_some_and(|entry| matches!(entry.state, State::Failed(_)))
        };
        let sizes = sources.iter().filter_map(|source| {
            let seen = source.seen.as_ref().and_then(|pin| pin.size);
            seen.or_else(|| source.record.as_ref()?.size)
        });
        let mut plan = Plan {
            files: sources.len(),
            bytes: sizes.fold(0, u64::saturating_add),
            kept: count(&[Step::Keep]),
            renewed: count(&[Step::Renew]),
            to_compare: count(&[Step::Compare]),
            to_scan: count(&[Step::Scan, Step::ScanAgain]),
            changed: count(&[Step::ScanAgain]),
            failed_before: sources.iter().filter(is_failed).count(),
            ..Plan::default()
        };
        let scans = u64::try_from(plan.to_scan).unwrap_or(u64::MAX);
        let looks = u64::try_from(plan.to_compare).unwrap_or(u64::MAX);
        let effort = journal.effort();
        let requests = effort.requests_for(scans);
        plan.requests = requests
            .unwrap_or_else(|| scans.saturating_mul(REQUESTS))
            .saturating_add(looks);
        plan.bytes_read = effort.bytes_for(scans);
        Self { steps, plan }
    }

    /// Looks at the files of which a look tells whether they changed, and takes note of records that
    /// are others now.
    pub(crate) async fn compare(
        &mut self,
        client: &Client,
        journal: &mut Journal,
        sources: &[Source],
        tell: &mut Tell<'_>,
    ) -> Result<(), BuildError> {
        let to_compare = self.places(&[Step::Compare]);
        let mut looks = futures::stream::iter(to_compare)
            .map(|place| {
                let (client, source) = (client.clone(), sources.get(place));
                async move {
                    let address = &source?.address;
                    let object = client.open(address).await.ok()?;
                    Some((place, object.probe().await.ok()))
                }
            })
            .buffer_unordered(AT_ONCE);
        while let Some(looked) = looks.next().await {
            tell(Event::Compared);
            let Some((place, pin)) = looked else { continue };
            let Some(source) = sources.get(place) else {
                continue;
            };
            let done = journal.get(&source.key).and_then(|entry| entry.done());
            // One that can't be asked for is scanned, which tells why.
            let is_same = done
                .zip(pin.as_ref())
                .is_some_and(|(done, pin)| done.is_confirmed(pin));
            if let Some(step) = self.steps.get_mut(place) {
                *step = if is_same {
                    Step::Renew
                } else {
                    Step::ScanAgain
                };
            }
        }
        drop(looks);
        // One that could not even be opened.
        for step in self.steps.iter_mut().filter(|step| **step == Step::Compare) {
            *step = Step::ScanAgain;
        }
        for place in self.places(&[Step::Renew]) {
            if let Some(source) = sources.get(place) {
                let written = journal.get(&source.key).map(|entry| &entry.source);
                if written.is_none_or(|written| *source != entry_as(written, source)) {
                    journal.renew(source)?;
                }
            }
        }
        Ok(())
    }

    /// The places of files with one of these steps.
    pub(crate) fn places(&self, wanted: &[Step]) -> Vec<usize> {
        let numbered = self.steps.iter().enumerate();
        numbered
            .filter(|(_, step)| wanted.contains(step))
            .map(|(place, _)| place)
            .collect()
    }
}
