//! Virtual datasets: their sources, their extent, and which elements are which.

mod aligned;
mod name;
mod pairing;
mod reach;
mod selection;
mod variable;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chunkref_hdf5::{Dataset, Datatype, VirtualMapping};
use chunkref_manifest::{Array, Loop, Mapping, Step};
use chunkref_store::Conversion;

use crate::data_type::{Refusal, split_axes};
use crate::element::plan;
use crate::layout::Failure;
use crate::other_file::{AHEAD, Here, Others};
use crate::source::{Found, Source};
pub(crate) use aligned::{Aligned, aligned};
use name::Name;
pub(crate) use pairing::divisor;
use pairing::pair;
use reach::{available, block, shape};
use selection::{Elements, elements};
pub(crate) use variable::joined;

/// Most sources of one virtual dataset.
const MAX_SOURCES: u64 = 10_000;
/// Most regular parts of its mappings.
const MAX_PARTS: usize = 1 << 18;
/// So many missing sources are named.
const NAMED: usize = 20;

/// What a virtual dataset is made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Virtual {
    /// Its extent, which may follow from its sources.
    pub(crate) shape: Vec<u64>,
    pub(crate) sources: Vec<Array>,
    pub(crate) mappings: Vec<Mapping>,
    /// What should be said of it.
    pub(crate) warnings: Vec<String>,
}

impl Virtual {
    /// With an array of the same shape and type below all that is mapped, in place of its fill
    /// value.
    pub(crate) fn over(&self, below: Array) -> Self {
        let mut over = self.clone();
        let rank = below.shape.len();
        let step = |axis: usize| Step { axis, length: 1 };
        let axes = below.shape.iter().enumerate();
        let loops = axes
            .filter(|(_, length)| **length != 1)
            .map(|(axis, &length)| Loop {
                length,
                array: step(axis),
                source: step(axis),
            });
        let whole = Mapping {
            source: over.sources.len(),
            start: vec![0; rank],
            source_start: vec![0; rank],
            loops: loops.collect(),
        };
        over.mappings.insert(0, whole);
        over.sources.push(below);
        over
    }
}

/// A mapping whose sources are known.
struct Resolved<'m> {
    mapping: &'m VirtualMapping,
    sources: Sources,
}

enum Sources {
    One(Found),
    /// One for each block, until the first that is not there.
    Blocks(Vec<Arc<Source>>),
}

/// Finds the sources of a virtual dataset in the file `here`, and says what it is made of.
pub(crate) async fn resolve(
    others: &mut Others<'_>,
    here: &Here,
    dataset: &Dataset,
    mappings: &[VirtualMapping],
) -> Result<Virtual, Failure> {
    // What has no type in Zarr needs no sources.
    plan(split_axes(&dataset.datatype).1)?;
    let names = mappings
        .iter()
        .map(names)
        .collect::<Result<Vec<_>, Refusal>>()?;
    // All of one file at once.
    let mut wanted: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (mapping, (file, path)) in mappings.iter().zip(&names) {
        if !file.is_numbered() && !path.is_numbered() {
            let paths = wanted.entry(&mapping.source_file).or_default();
            paths.insert(path.of(0));
        }
    }
    let mut missing = BTreeSet::new();
    let wanted = wanted
        .into_iter()
        .map(|(file, paths)| Ok((Name::parse(file)?.of(0), paths.into_iter().collect())))
        .collect::<Result<Vec<_>, Refusal>>()?;
    for wanted in wanted.chunks(AHEAD) {
        others.read_ahead(here, wanted).await;
        for (file, paths) in wanted {
            others.load(here, file, paths).await?;
        }
    }
    let mut resolved = Vec::with_capacity(mappings.len());
    for (mapping, (file, path)) in mappings.iter().zip(&names) {
        let sources = if file.is_numbered() || path.is_numbered() {
            Sources::Blocks(blocks(others, here, file, path).await?)
        } else {
            let found = others.source(here, &file.of(0), &path.of(0)).await?;
            if matches!(found, Found::Missing) {
                missing.insert((file.of(0), path.of(0)));
            }
            Sources::One(found)
        };
        resolved.push(Resolved { mapping, sources });
    }
    let mut made = Virtual {
        shape: shape(dataset, &resolved)?,
        ..Virtual::default()
    };
    if !missing.is_empty() {
        made.warnings.push(not_there(&missing));
    }
    Builder {
        dataset,
        made,
        numbers: HashMap::new(),
        others,
    }
    .build(&resolved)
}

/// The names of a mapping's source.
fn names(mapping: &VirtualMapping) -> Result<(Name, Name), Refusal> {
    let file = Name::parse(&mapping.source_file)?;
    let path = Name::parse(&mapping.source_dataset)?;
    let numbered = file.is_numbered() || path.is_numbered();
    match (
        mapping.selection.unlimited(),
        mapping.source_selection.unlimited(),
    ) {
        (Some(_), None) if numbered => Ok((file, path)),
        (Some(_), Some(_)) | (None, None) if !numbered => Ok((file, path)),
        _ => Err(format!(
            "the mapping of {:?} in {:?}: its selections and names do not go together",
            mapping.source_dataset, mapping.source_file
        )),
    }
}

/// The sources of the blocks, until the first that is not there.
async fn blocks(
    others: &mut Others<'_>,
    here: &Here,
    file: &Name,
    path: &Name,
) -> Result<Vec<Arc<Source>>, Failure> {
    let mut found = Vec::new();
    // More and more are read ahead, as more turn out to be there.
    let (mut known, mut window) = (0_u64, 1_u64);
    for block in 0..=MAX_SOURCES {
        if block == known {
            known = known.saturating_add(window);
            let names = (block..known).map(|block| (file.of(block), vec![path.of(block)]));
            others.read_ahead(here, &names.collect::<Vec<_>>()).await;
            window = window.saturating_mul(2).min(8);
        }
        match others
            .source(here, &file.of(block), &path.of(block))
            .await?
        {
            Found::There(source) => found.push(source),
            Found::Missing => return Ok(found),
        }
    }
    Err(format!("more than {MAX_SOURCES} sources").into())
}

fn not_there(missing: &BTreeSet<(String, String)>) -> String {
    let named: Vec<_> = missing
        .iter()
        .take(NAMED)
        .map(|(file, path)| format!("{path:?} in {file:?}"))
        .collect();
    let more = match missing.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "sources are not there, and their parts hold the fill value: {}{more}",
        named.join(", ")
    )
}

/// Pairs the elements of the mappings.
struct Builder<'a, 'o> {
    dataset: &'a Dataset,
    made: Virtual,
    /// The numbers of the sources, by their names.
    numbers: HashMap<(String, String), usize>,
    others: &'a mut Others<'o>,
}

impl Builder<'_, '_> {
    fn build(mut self, resolved: &[Resolved<'_>]) -> Result<Virtual, Failure> {
        for one in resolved {
            let mapping = one.mapping;
            let context = |reason: Refusal| {
                Failure::Refused(format!(
                    "the mapping of {:?} in {:?}: {reason}",
                    mapping.source_dataset, mapping.source_file
                ))
            };
            match &one.sources {
                Sources::One(Found::Missing) => {}
                Sources::One(Found::There(source)) => {
                    let slices = available(mapping, source);
                    let array = elements(&mapping.selection, &self.made.shape, slices);
                    let array = array.map_err(context)?;
                    self.add(mapping, source, &array, slices).map_err(context)?;
                }
                Sources::Blocks(sources) => {
                    for (number, source) in (0_u64..).zip(sources) {
                        let array = block(&mapping.selection, number)
                            .and_then(|block| elements(&block, &self.made.shape, None));
                        let array = array.map_err(context)?;
                        self.add(mapping, source, &array, None).map_err(context)?;
                    }
                }
            }
        }
        Ok(self.made)
    }

    /// Adds what one source gives.
    fn add(
        &mut self,
        mapping: &VirtualMapping,
        source: &Source,
        array: &Elements,
        slices: Option<u64>,
    ) -> Result<(), Refusal> {
        // As with libhdf5, a source of which nothing is asked may be anything.
        if *array == Elements::Runs(Vec::new()) {
            return Ok(());
        }
        self.check_type(source)?;
        let from = elements(&mapping.source_selection, source.shape(), slices)?;
        let number = if let Some(number) = self.numbers.get(&source.name) {
            *number
        } else {
            let number = self.made.sources.len();
            if u64::try_from(number).unwrap_or(u64::MAX) >= MAX_SOURCES {
                return Err(format!("more than {MAX_SOURCES} sources"));
            }
            self.others.spend(source)?;
            self.made.sources.push(source.array.clone());
            self.numbers.insert(source.name.clone(), number);
            number
        };
        let mut pairs = pair(number, array, &from)?;
        let axes = split_axes(&self.dataset.datatype).0;
        for pair in &mut pairs {
            inner(pair, &axes);
        }
        if self.made.mappings.len().saturating_add(pairs.len()) > MAX_PARTS {
            return Err(format!("mappings of more than {MAX_PARTS} regular parts"));
        }
        self.made.mappings.append(&mut pairs);
        Ok(())
    }

    /// Whether the elements of a source become those of the dataset without loss.
    fn check_type(&self, source: &Source) -> Result<(), Refusal> {
        if source.datatype == self.dataset.datatype {
            return Ok(());
        }
        let number = |datatype: &Datatype| {
            matches!(
                datatype,
                Datatype::FixedPoint { .. } | Datatype::FloatingPoint { .. }
            )
        };
        let (axes, to) = split_axes(&self.dataset.datatype);
        let (source_axes, from) = split_axes(&source.datatype);
        if axes == source_axes && number(to) && number(from) {
            let to = plan(to)?.data_type();
            if Conversion::new(&source.array.data_type, &to).is_some() {
                return Ok(());
            }
        }
        Err("its datatype differs, and is not converted without loss".to_owned())
    }
}

/// The axes of an array datatype, which come after those of the dataspace on both sides.
fn inner(mapping: &mut Mapping, axes: &[u32]) {
    for &length in axes {
        let step = |rank: usize| Step {
            axis: rank,
            length: 1,
        };
        if length > 1 {
            mapping.loops.push(Loop {
                length: length.into(),
                array: step(mapping.start.len()),
                source: step(mapping.source_start.len()),
            });
        }
        mapping.start.push(0);
        mapping.source_start.push(0);
    }
}
