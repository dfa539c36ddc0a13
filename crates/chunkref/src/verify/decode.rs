//! Chunks read and decoded.

use std::sync::Arc;

use chunkref_manifest::{Array, Codec, DataType, Manifest};
use chunkref_store::{Elements, ReadOptions, Selection, Slice, Store};
use futures::{StreamExt as _, stream};
use tokio::sync::Semaphore;

use super::finding::{Finding, FindingKind, Findings};
use super::listed::Listed;
use super::objects::ObjectState;
use super::runs::{Member, Run, Runs};
use super::sample::chosen;
use super::{Referee, VerifyOptions, strings};
use crate::Counter;
use crate::text::told;

/// Runs that are under way at one time, where memory allows.
const AT_ONCE: usize = 16;
/// What a permit of memory stands for, in bytes.
const PERMIT: u64 = 1024;

/// What became of chunks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ended {
    pub(super) decoded: u64,
    /// In an object that has a finding of its own.
    pub(super) skipped: u64,
    /// Of variable length behind filters: their size is nowhere to be compared with.
    pub(super) unknown: u64,
    /// Compared with what libhdf5 reads.
    pub(super) compared: u64,
    pub(super) failed: u64,
}

impl Ended {
    pub(super) fn add(&mut self, other: Self) {
        let sum = |to: &mut u64, from: u64| *to = to.saturating_add(from);
        sum(&mut self.decoded, other.decoded);
        sum(&mut self.skipped, other.skipped);
        sum(&mut self.unknown, other.unknown);
        sum(&mut self.compared, other.compared);
        sum(&mut self.failed, other.failed);
    }
}

/// What all runs share.
pub(super) struct Decoder<'a> {
    pub(super) store: Store,
    pub(super) manifest: &'a Manifest,
    pub(super) objects: &'a [ObjectState],
    pub(super) options: &'a VerifyOptions,
    pub(super) referee: Option<&'a Referee>,
    pub(super) counter: &'a Counter,
}

impl Decoder<'_> {
    /// Arrays that contradict themselves, which shows in reading nothing of them.
    pub(super) async fn check_array(&self, path: &str, array: &Array, findings: &mut Findings) {
        let nothing = Selection::slices(vec![Slice::new(0, 0); array.shape.len()]);
        // A scalar has no part that is empty; its one chunk is read with the others.
        if array.shape.is_empty() || array.data_type.size().is_none() {
            return;
        }
        if let Err(error) = self.store.read(path, &nothing, self.read_options()).await {
            let reason = without_name(&told(&error), path, None);
            findings.add(Finding::of_array(FindingKind::Array, path, reason));
        }
    }

    /// Decodes the chosen chunks of all tables, in their order, and goes on whatever is found.
    pub(super) async fn run(
        &self,
        listed: &[Listed<'_>],
        shares: &[u64],
        findings: &mut Findings,
    ) -> Ended {
        let permits = (self.options.memory / PERMIT).clamp(1, u64::from(u32::MAX >> 3));
        let room = Arc::new(Semaphore::new(usize::try_from(permits).unwrap_or(1)));
        let runs = stream::iter(listed.iter().zip(shares).enumerate()).flat_map(
            |(number, (listed, share))| {
                let chunks = chosen(listed, number, *share);
                let size = element_size(listed).max(1);
                let most = self.run_bytes().checked_div(size).unwrap_or(1);
                // All that a plain chunk could say is said where it ends, unless all is to be read.
                let ends = self.options.sample.is_some() && listed.is_plain();
                stream::iter(Runs::new(listed, chunks, most, ends))
            },
        );
        let ended = runs.map(|run| {
            let room = Arc::clone(&room);
            async move {
                let bytes = run.elements().saturating_mul(element_size(run.listed));
                let wanted = bytes.saturating_mul(3).div_ceil(PERMIT).clamp(1, permits);
                let wanted = u32::try_from(wanted).unwrap_or(1);
                // It is never closed.
                let _room = room.acquire_many(wanted).await;
                self.one_run(run).await
            }
        });
        let mut ended = ended.boxed().buffered(AT_ONCE);
        let mut all = Ended::default();
        while let Some((one, found)) = ended.next().await {
            all.add(one);
            for finding in found {
                findings.add(finding);
            }
        }
        all
    }

    fn run_bytes(&self) -> u64 {
        (self.options.memory / 64).clamp(1, 8 << 20)
    }

    fn read_options(&self) -> ReadOptions {
        ReadOptions::default()
            .with_limit(self.options.limit)
            .with_memory((self.options.memory / 16).max(1 << 20))
    }

    async fn one_run(&self, run: Run<'_, '_>) -> (Ended, Vec<Finding>) {
        let mut ended = Ended::default();
        let mut findings = Vec::new();
        let wide = u64::try_from(run.chunks.len()).unwrap_or(u64::MAX);
        if run.listed.array.data_type.size().is_none() {
            for member in &run.chunks {
                self.variable(run.listed, member.number, &mut ended, &mut findings)
                    .await;
            }
        } else {
            let together = run.chunks.len() > 1 && run.chunks.iter().all(|one| self.is_sound(one));
            if !together || self.read(&run, &mut ended, &mut findings).await.is_err() {
                for alone in run.apart() {
                    if alone.chunks.iter().all(|one| self.is_sound(one)) {
                        // Of one chunk it is told why it failed.
                        let _ = self.read(&alone, &mut ended, &mut findings).await;
                    } else {
                        ended.skipped = ended.skipped.saturating_add(1);
                    }
                }
            }
        }
        self.counter.add(wide);
        (ended, findings)
    }

    /// Whether the object in which a chunk lies has no finding of its own.
    fn is_sound(&self, member: &Member) -> bool {
        let Some(place) = member.place else {
            return true;
        };
        let number = usize::try_from(place.location.0).ok();
        let object = number.and_then(|number| self.objects.get(number));
        // Of one that is not in the manifest reading says so.
        object.is_none_or(|object| object.is_sound)
    }

    /// Reads a run; a failure of several chunks is told of by none of them.
    async fn read(
        &self,
        run: &Run<'_, '_>,
        ended: &mut Ended,
        findings: &mut Vec<Finding>,
    ) -> Result<(), ()> {
        let slices: Vec<_> = run
            .area
            .iter()
            .map(|range| Slice::new(range.start, range.end))
            .collect();
        let selection = Selection::slices(slices);
        let path = &run.listed.path;
        let wide = u64::try_from(run.chunks.len()).unwrap_or(u64::MAX);
        match self.store.read(path, &selection, self.read_options()).await {
            Ok(elements) => {
                ended.decoded = ended.decoded.saturating_add(wide);
                self.compare(run, &elements, ended, findings).await;
                Ok(())
            }
            Err(error) => {
                let [member] = run.chunks.as_slice() else {
                    return Err(());
                };
                let key = run.listed.key(member.number);
                let reason = without_name(&told(&error), path, Some(&key));
                let finding = Finding::of_array(FindingKind::Chunk, &run.listed.title, reason);
                findings.push(finding.with_chunk(key).at(self.manifest, member.place));
                ended.failed = ended.failed.saturating_add(1);
                Ok(())
            }
        }
    }

    async fn compare(
        &self,
        run: &Run<'_, '_>,
        elements: &Elements,
        ended: &mut Ended,
        findings: &mut Vec<Finding>,
    ) {
        let Some(referee) = self.referee else {
            return;
        };
        for (member, differs) in referee.compare(self.manifest, run, elements).await {
            match differs {
                None => ended.compared = ended.compared.saturating_add(1),
                Some(reason) => {
                    let finding = Finding::of_array(FindingKind::Values, &run.listed.title, reason);
                    let key = run.listed.key(member.number);
                    findings.push(finding.with_chunk(key).at(self.manifest, member.place));
                }
            }
        }
    }

    /// A chunk of elements of variable length.
    async fn variable(
        &self,
        listed: &Listed<'_>,
        number: u64,
        ended: &mut Ended,
        findings: &mut Vec<Finding>,
    ) {
        if !matches!(listed.codecs(), [Codec::VlenUtf8 | Codec::VlenBytes]) {
            ended.unknown = ended.unknown.saturating_add(1);
            return;
        }
        let key = listed.key(number);
        let name = format!("{}/{key}", listed.path.trim_start_matches('/'));
        let chunk_shape = listed.chunk_shape();
        let count = chunk_shape
            .iter()
            .fold(1_u64, |product, length| product.saturating_mul(*length));
        let text = listed.array.data_type == DataType::VariableString;
        let read = match self.store.get_many(&[&name]).await {
            Ok(mut read) => match read.pop().flatten() {
                Some(bytes) => strings::check(&bytes, count, text),
                None => Err("not there".to_owned()),
            },
            Err(error) => Err(without_name(&told(&error), &listed.path, Some(&key))),
        };
        match read {
            Ok(()) => ended.decoded = ended.decoded.saturating_add(1),
            Err(reason) => {
                let finding = Finding::of_array(FindingKind::Chunk, &listed.title, reason);
                findings.push(finding.with_chunk(key));
                ended.failed = ended.failed.saturating_add(1);
            }
        }
    }
}

/// Bytes that an element takes in memory, stored or as one of the array.
fn element_size(listed: &Listed<'_>) -> u64 {
    let stored = listed.data_type().size().unwrap_or(1);
    let read = listed.array.data_type.size().unwrap_or(1);
    u64::from(stored.max(read))
}

/// An error of the store without the chunk, which the finding names.
fn without_name(text: &str, path: &str, key: Option<&str>) -> String {
    let path = path.trim_start_matches('/');
    let mut text = text;
    if let Some(key) = key {
        text = text
            .strip_prefix(&format!("{path}/{key}: "))
            .unwrap_or(text);
    }
    text = text.trim_start_matches('/');
    text.strip_prefix(&format!("{path}: "))
        .unwrap_or(text)
        .to_owned()
}
