//! Values compared with what libhdf5 reads of local files.
//!
//! libhdf5 has one lock for the whole process, so nothing is gained by several readers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use chunkref_manifest::{DataType, LocationId, Manifest};
use chunkref_store::{Element, Elements};
use hdf5::{Dataset, File, Hyperslab, SliceOrIndex};

use super::file::location_of;
use super::listed::Listed;
use super::runs::{Member, Run};

/// Datasets that are kept open.
const OPENED: usize = 64;

/// What libhdf5 reads of the files of a set.
#[derive(Debug, Default)]
pub(super) struct Referee {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Where in a table the chunks of an object begin, along each axis of its grid, by the address of
    /// the table.
    first: HashMap<usize, Arc<First>>,
    /// Datasets that are open, by file and path.
    opened: HashMap<(PathBuf, String), Dataset>,
    not_compared: BTreeSet<String>,
}

/// For each object the least place of its chunks along each axis.
type First = BTreeMap<LocationId, Vec<u64>>;

impl Referee {
    /// The chunks of a run that could be compared, and how libhdf5's values differ.
    pub(super) async fn compare(
        &self,
        manifest: &Manifest,
        run: &Run<'_, '_>,
        elements: &Elements,
    ) -> Vec<(Member, Option<String>)> {
        let mut compared = Vec::new();
        for member in &run.chunks {
            match self.one(manifest, run, member, elements).await {
                Ok(differs) => compared.push((member.clone(), differs)),
                Err(reason) => self.note(format!("{}: {reason}", run.listed.title)),
            }
        }
        compared
    }

    /// What could not be compared, with the reason.
    pub(super) fn finish(self) -> Vec<String> {
        let state = self.state.into_inner();
        let state = state.unwrap_or_else(PoisonError::into_inner);
        state.not_compared.into_iter().collect()
    }

    fn note(&self, reason: String) {
        self.lock().not_compared.insert(reason);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn one(
        &self,
        manifest: &Manifest,
        run: &Run<'_, '_>,
        member: &Member,
        elements: &Elements,
    ) -> Result<Option<String>, String> {
        let listed = run.listed;
        let place = match member.place {
            Some(place) => Some(place.location),
            // What is in the set is of the file, where there is only one.
            None if manifest.locations.len() == 1 && !listed.is_put_together() => {
                Some(LocationId(0))
            }
            None => None,
        };
        let location = place.and_then(|id| Some((id, manifest.locations.get(id)?)));
        let (id, location) = location.ok_or("lies in no file of its own")?;
        let file = local(&location.url).ok_or("not a local file")?;
        if listed.encoding().is_some_and(|one| one.packing.is_some()) {
            return Err("its granules are packed in different ways".to_owned());
        }
        let mine = part(elements, &run.area, &member.area).ok_or("an element of no size")?;
        let first = self.first(listed);
        let wanted = Wanted {
            dataset: self.dataset(file, &listed.path).await?,
            shape: listed.array.shape.clone(),
            joined: manifest.locations.len() > 1,
            first: first.get(&id).cloned().unwrap_or_default(),
            at: listed.place(member.number),
            chunk_shape: listed.chunk_shape(),
            area: member.area.clone(),
            data_type: elements.data_type.clone(),
        };
        tokio::task::spawn_blocking(move || wanted.compare(&mine))
            .await
            .unwrap_or_else(|_| Err("libhdf5 failed".to_owned()))
    }

    async fn dataset(&self, file: PathBuf, path: &str) -> Result<Dataset, String> {
        let key = (file, path.to_owned());
        if let Some(dataset) = self.lock().opened.get(&key) {
            return Ok(dataset.clone());
        }
        let (file, path) = key.clone();
        let opening = tokio::task::spawn_blocking(move || File::open(file)?.dataset(&path));
        let opened = opening.await.map_err(|_| "libhdf5 failed")?;
        let dataset = opened.map_err(|error| format!("libhdf5: {error}"))?;
        let mut state = self.lock();
        if state.opened.len() >= OPENED {
            state.opened.clear();
        }
        state.opened.insert(key, dataset.clone());
        Ok(dataset)
    }

    fn first(&self, listed: &Listed<'_>) -> Arc<First> {
        let key = std::ptr::from_ref(listed).addr();
        if let Some(first) = self.lock().first.get(&key) {
            return Arc::clone(first);
        }
        let mut first = First::new();
        for (number, chunk) in listed.chunks() {
            if let Some(location) = location_of(chunk) {
                let place = listed.place(number);
                let least = first.entry(location).or_insert_with(|| place.clone());
                for (least, at) in least.iter_mut().zip(&place) {
                    *least = (*least).min(*at);
                }
            }
        }
        let first = Arc::new(first);
        self.lock().first.insert(key, Arc::clone(&first));
        first
    }
}

/// The path of a local file.
fn local(url: &str) -> Option<PathBuf> {
    if url.contains("://") {
        return chunkref_io::file_path(url).ok();
    }
    Some(url.into())
}

/// The elements of a box within what was read of a larger one.
fn part(elements: &Elements, read: &[Range<u64>], wanted: &[Range<u64>]) -> Option<Elements> {
    let size = usize::try_from(elements.data_type.size()?).ok()?;
    let length = |range: &Range<u64>| usize::try_from(range.end.checked_sub(range.start)?).ok();
    let shape: Vec<usize> = wanted.iter().map(length).collect::<Option<_>>()?;
    let whole: Vec<usize> = read.iter().map(length).collect::<Option<_>>()?;
    let start: Vec<usize> = wanted
        .iter()
        .zip(read)
        .map(|(wanted, read)| usize::try_from(wanted.start.checked_sub(read.start)?).ok())
        .collect::<Option<_>>()?;
    let count = shape.iter().product::<usize>();
    let mut bytes = Vec::with_capacity(count.checked_mul(size)?);
    for number in 0..count {
        let (mut rest, mut at, mut stride) = (number, 0_usize, 1_usize);
        for ((length, whole), start) in shape.iter().zip(&whole).zip(&start).rev() {
            at = at.checked_add((rest % length).checked_add(*start)?.checked_mul(stride)?)?;
            rest /= length;
            stride = stride.checked_mul(*whole)?;
        }
        let first = at.checked_mul(size)?;
        bytes.extend_from_slice(elements.bytes.get(first..first.checked_add(size)?)?);
    }
    Some(Elements {
        shape: wanted.iter().map(|range| range.end - range.start).collect(),
        data_type: elements.data_type.clone(),
        bytes: bytes.into(),
    })
}

/// A chunk of a dataset of a file.
struct Wanted {
    dataset: Dataset,
    /// Of the array.
    shape: Vec<u64>,
    /// Whether the array may be longer than that of the file along an axis.
    joined: bool,
    /// The first place of chunks of the file in the grid.
    first: Vec<u64>,
    /// The place of the chunk in the grid.
    at: Vec<u64>,
    chunk_shape: Vec<u64>,
    /// What of the array it holds.
    area: Vec<Range<u64>>,
    data_type: DataType,
}

impl Wanted {
    /// How libhdf5's values differ from these; `None` where they do not.
    fn compare(&self, mine: &Elements) -> Result<Option<String>, String> {
        let dataset = &self.dataset;
        let shape: Vec<u64> = dataset
            .shape()
            .iter()
            .map(|length| u64::try_from(*length).unwrap_or(u64::MAX))
            .collect();
        let differs = format!("shape {:?}, libhdf5 has {shape:?}", self.shape);
        if self.shape.len() != shape.len() {
            return Err("its elements are arrays or records in the file".to_owned());
        }
        let axes = self.shape.iter().zip(&shape);
        let others = axes.filter(|(mine, theirs)| mine != theirs).count();
        if others > usize::from(self.joined) {
            return Ok(Some(differs));
        }
        let Some(area) = self.area_in_file(&shape) else {
            return Ok(Some(differs));
        };
        match &self.data_type {
            DataType::Int { size: 1, .. } => same::<i8>(dataset, &area, mine),
            DataType::Int { size: 2, .. } => same::<i16>(dataset, &area, mine),
            DataType::Int { size: 4, .. } => same::<i32>(dataset, &area, mine),
            DataType::Int { size: 8, .. } => same::<i64>(dataset, &area, mine),
            DataType::UInt { size: 1, .. } => same::<u8>(dataset, &area, mine),
            DataType::UInt { size: 2, .. } => same::<u16>(dataset, &area, mine),
            DataType::UInt { size: 4, .. } => same::<u32>(dataset, &area, mine),
            DataType::UInt { size: 8, .. } => same::<u64>(dataset, &area, mine),
            DataType::Float { size: 4, .. } => same::<f32>(dataset, &area, mine),
            DataType::Float { size: 8, .. } => same::<f64>(dataset, &area, mine),
            other => Err(format!("elements of {other}")),
        }
    }

    /// The elements of the dataset in the file that the chunk holds; `None` if it has not as many.
    fn area_in_file(&self, shape: &[u64]) -> Option<Vec<Range<u64>>> {
        let mut area = Vec::with_capacity(self.area.len());
        for (axis, mine) in self.area.iter().enumerate() {
            let (length, whole) = (shape.get(axis)?, self.shape.get(axis)?);
            let start = if length == whole {
                mine.start
            } else {
                let chunks = self.at.get(axis)?.checked_sub(*self.first.get(axis)?)?;
                let chunk = self.chunk_shape.get(axis)?;
                // Where only the end of a chunk is compared, it is as far from its start.
                let last = chunks.checked_add(1)?.checked_mul(*chunk)?.min(*length);
                last.checked_sub(mine.end.checked_sub(mine.start)?)?
            };
            let end = start.checked_add(mine.end.checked_sub(mine.start)?)?;
            if end > *length {
                return None;
            }
            area.push(start..end);
        }
        Some(area)
    }
}

fn same<T: Element + hdf5::H5Type + PartialEq + std::fmt::Debug>(
    dataset: &Dataset,
    area: &[Range<u64>],
    mine: &Elements,
) -> Result<Option<String>, String> {
    let told = |error: hdf5::Error| format!("libhdf5: {error}");
    let slices: Option<Vec<SliceOrIndex>> = area
        .iter()
        .map(|range| {
            let start = usize::try_from(range.start).ok()?;
            let count = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
            Some(SliceOrIndex::SliceCount {
                start,
                step: 1,
                count,
                block: 1,
            })
        })
        .collect();
    let slices = slices.ok_or("more elements than this machine addresses")?;
    let theirs = if slices.is_empty() {
        dataset.read_scalar::<T>().map(|one| vec![one])
    } else {
        let read = dataset.read_slice::<T, _, ndarray::IxDyn>(Hyperslab::from(slices));
        read.map(|array| array.iter().copied().collect())
    };
    let theirs = theirs.map_err(told)?;
    let mine = mine.to_array::<T>().ok_or("elements of another type")?;
    let mine: Vec<T> = mine.iter().copied().collect();
    if mine.len() != theirs.len() {
        return Ok(Some(format!(
            "{} elements, libhdf5 reads {}",
            mine.len(),
            theirs.len()
        )));
    }
    // What is no number differs from itself, so that its text is compared as well.
    let equal =
        |(mine, theirs): (&T, &T)| mine == theirs || format!("{mine:?}") == format!("{theirs:?}");
    let differ = mine
        .iter()
        .zip(&theirs)
        .filter(|pair| !equal(*pair))
        .count();
    let first = mine.iter().zip(&theirs).position(|pair| !equal(pair));
    Ok(first.and_then(|at| {
        let (mine, theirs) = (mine.get(at)?, theirs.get(at)?);
        Some(format!(
            "{differ} elements differ from what libhdf5 reads: element {at} of the chunk is {mine:?}, \
             libhdf5 has {theirs:?}"
        ))
    }))
}
