//! Comma-separated values (RFC 4180): a row for each element, with its coordinates.
//!
//! Numbers are unpacked, times are ISO 8601, and what is missing is an empty cell. Where a time can't be
//! written so, all times of its column stay numbers, and that is said.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use chunkref::manifest::{Attributes, DataType};
use chunkref::store::{Elements, cf};

use super::variables::{Variable, Variables};

/// Elements of the array that are made text together.
const BLOCK: usize = 1 << 14;

/// A table that is to be written.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    array: &'a Variable,
    /// One row for each of them in C order, unless the mask leaves it out.
    shape: Vec<usize>,
    columns: Vec<Column>,
    mask: Option<Mask<'a>>,
    /// Whether the array's elements are written as times.
    is_time: bool,
}

/// A column beside that of the array.
#[derive(Debug)]
struct Column {
    name: String,
    cells: Arc<Cells>,
    /// For each axis of the array, how far apart its neighbours' cells are; 0 where it has none.
    strides: Vec<usize>,
}

#[derive(Debug)]
struct Mask<'a> {
    inside: &'a [bool],
    strides: Vec<usize>,
}

/// What cells hold.
#[derive(Debug)]
enum Cells {
    Numbers(cf::Numbers),
    Integers(Vec<Option<i128>>),
    Times(Vec<i128>),
    Texts(Vec<String>),
    Bools(Vec<bool>),
}

impl Cells {
    /// What elements mean; those of a variable of times that can be written are such.
    ///
    /// # Errors
    /// With the reason, where they are neither numbers nor text.
    fn new(elements: &Elements, attributes: &Attributes, is_time: bool) -> Result<Self, String> {
        if let DataType::FixedString { length } = elements.data_type {
            let length = usize::try_from(length).unwrap_or(usize::MAX).max(1);
            let texts = elements.bytes.chunks(length).map(|bytes| {
                let text = str::from_utf8(bytes);
                text.map(|text| text.trim_end_matches('\0').to_owned())
            });
            let texts: Result<_, _> = texts.collect();
            return texts
                .map(Self::Texts)
                .map_err(|_| "text that is not UTF-8; .npy and .nc hold it".to_owned());
        }
        if elements.data_type == DataType::Bool {
            let bools = elements.bytes.iter().map(|byte| *byte != 0);
            return Ok(Self::Bools(bools.collect()));
        }
        if is_time && let Some(times) = cf::times(elements, attributes)? {
            return Ok(Self::Times(times));
        }
        if let Some(integers) = cf::integers(elements, attributes) {
            return Ok(Self::Integers(integers));
        }
        cf::numbers(elements, attributes)?
            .map(Self::Numbers)
            .ok_or_else(|| {
                format!(
                    "elements of the type {}, which are no cells; .npy holds them",
                    elements.data_type
                )
            })
    }

    fn write(&self, place: usize, out: &mut dyn io::Write) -> io::Result<()> {
        match self {
            Self::Numbers(numbers) => match numbers.values.get(place) {
                Some(value) if !value.is_nan() => {
                    if numbers.single {
                        #[expect(clippy::cast_possible_truncation, reason = "it is one")]
                        let single = *value as f32;
                        write!(out, "{single:?}")
                    } else {
                        write!(out, "{value:?}")
                    }
                }
                _ => Ok(()),
            },
            Self::Integers(integers) => match integers.get(place) {
                Some(Some(integer)) => write!(out, "{integer}"),
                _ => Ok(()),
            },
            Self::Times(times) => match times.get(place) {
                Some(time) if *time != cf::MISSING => match cf::iso(*time) {
                    Some(text) => out.write_all(text.as_bytes()),
                    None => Ok(()),
                },
                _ => Ok(()),
            },
            Self::Texts(texts) => {
                let text = texts.get(place).map(String::as_str).unwrap_or_default();
                out.write_all(quoted(text).as_bytes())
            }
            Self::Bools(bools) => match bools.get(place) {
                Some(value) => write!(out, "{value}"),
                None => Ok(()),
            },
        }
    }
}

/// A cell as the format has it.
fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

impl<'a> Table<'a> {
    /// A table of these variables.
    ///
    /// # Errors
    /// With the reason, where the array has no elements that can be cells.
    pub(crate) fn new(variables: &'a Variables) -> Result<Self, String> {
        let array = &variables.array;
        let shape: Vec<usize> = array
            .elements
            .shape
            .iter()
            .map(|length| usize::try_from(*length).unwrap_or(usize::MAX))
            .collect();
        let is_time = are_times(array);
        // Fails before anything is written.
        check(array, is_time)?;
        let mut columns = Vec::new();
        for (axis, (name, places)) in variables.places.iter().enumerate() {
            let is_of_it = |one: &Variable| one.is_of_dimension() && one.name == *name;
            if variables.coordinates.iter().chain([array]).any(is_of_it) {
                continue;
            }
            let places = places.iter().map(|place| Some(i128::from(*place)));
            columns.push(Column {
                name: name.clone(),
                cells: Arc::new(Cells::Integers(places.collect())),
                strides: strides(&[axis], &shape),
            });
        }
        for coordinate in &variables.coordinates {
            let is_time = are_times(coordinate);
            match Cells::new(&coordinate.elements, &coordinate.attributes, is_time) {
                Ok(cells) => {
                    let cells = Arc::new(cells);
                    let along = along(&coordinate.dimensions, &array.dimensions);
                    columns.extend(along.iter().map(|axes| Column {
                        name: coordinate.name.clone(),
                        cells: Arc::clone(&cells),
                        strides: strides(axes, &shape),
                    }));
                }
                Err(reason) => {
                    let text = format!("coordinate {}: {reason}", coordinate.name);
                    eprintln!("warning: {}", crate::failure::one_line(&text));
                }
            }
        }
        // Those of dimensions first, in the order of the axes.
        columns.sort_by_key(|column| {
            let is_of_dimension = array.dimensions.contains(&column.name);
            let axis = column.strides.iter().position(|stride| *stride > 0);
            axis.filter(|_| is_of_dimension).unwrap_or(usize::MAX)
        });
        name_apart(&mut columns, &array.name);
        let mask = variables.inside.as_ref().map(|inside| Mask {
            inside: &inside.mask,
            strides: along(&inside.dimensions, &array.dimensions)
                .first()
                .map(|axes| strides(axes, &shape))
                .unwrap_or_default(),
        });
        Ok(Self {
            array,
            shape,
            columns,
            mask,
            is_time,
        })
    }

    pub(crate) fn write(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let names = self.columns.iter().map(|column| quoted(&column.name));
        let names: Vec<_> = names.chain([quoted(&self.array.name)]).collect();
        writeln!(out, "{}", names.join(","))?;
        let count = self
            .shape
            .iter()
            .fold(1_usize, |all, length| all.saturating_mul(*length));
        let mut place = vec![0; self.shape.len()];
        let mut first = 0;
        while first < count {
            let length = BLOCK.min(count - first);
            let cells = cells_of(self.array, first, length, self.is_time);
            let cells = cells.map_err(io::Error::other)?;
            for number in 0..length {
                self.row(&place, number, &cells, out)?;
                next(&mut place, &self.shape);
            }
            first += length;
        }
        Ok(())
    }

    fn row(
        &self,
        place: &[usize],
        number: usize,
        cells: &Cells,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        if let Some(mask) = &self.mask
            && !mask
                .inside
                .get(at(place, &mask.strides))
                .copied()
                .unwrap_or(false)
        {
            return Ok(());
        }
        for column in &self.columns {
            column.cells.write(at(place, &column.strides), out)?;
            out.write_all(b",")?;
        }
        cells.write(number, out)?;
        out.write_all(b"\n")
    }
}

/// Whether all elements of a variable are times that can be written; says why not where it has times.
fn are_times(variable: &Variable) -> bool {
    if !cf::is_time(&variable.attributes) {
        return false;
    }
    let count = count(&variable.elements);
    let written = |first: usize| {
        let length = BLOCK.min(count.saturating_sub(first));
        let part = part(&variable.elements, first, length);
        let times = cf::times(&part, &variable.attributes)?.unwrap_or_default();
        let mut times = times.iter().filter(|time| **time != cf::MISSING);
        if times.any(|time| cf::iso(*time).is_none()) {
            return Err("a time too far from now to be written as a date".to_owned());
        }
        Ok(())
    };
    match (0..count.max(1)).step_by(BLOCK).try_for_each(written) {
        Ok(()) => true,
        Err(reason) => {
            let text = format!("{}: {reason}; all are written as numbers", variable.name);
            eprintln!("warning: {}", crate::failure::one_line(&text));
            false
        }
    }
}

/// Whether all elements of the array can be cells: of many types the first one tells.
fn check(array: &Variable, is_time: bool) -> Result<(), String> {
    cells_of(array, 0, 1, is_time)?;
    let data_type = &array.elements.data_type;
    let is_text = matches!(data_type, DataType::FixedString { .. });
    if data_type.size() != Some(8) && !is_text {
        return Ok(());
    }
    let count = count(&array.elements);
    (0..count).step_by(BLOCK).try_for_each(|first| {
        let length = BLOCK.min(count.saturating_sub(first));
        cells_of(array, first, length, is_time).map(|_| ())
    })
}

/// How many elements there are.
fn count(elements: &Elements) -> usize {
    elements.bytes.len() / size_of_one(elements)
}

fn size_of_one(elements: &Elements) -> usize {
    let size = elements.data_type.size().unwrap_or(1);
    usize::try_from(size).unwrap_or(usize::MAX).max(1)
}

/// Some elements.
fn part(elements: &Elements, first: usize, length: usize) -> Elements {
    let size = size_of_one(elements);
    let start = first.saturating_mul(size).min(elements.bytes.len());
    let end = start
        .saturating_add(length.saturating_mul(size))
        .min(elements.bytes.len());
    Elements {
        shape: vec![u64::try_from(length).unwrap_or(u64::MAX)],
        data_type: elements.data_type.clone(),
        bytes: elements.bytes.slice(start..end),
    }
}

/// Some elements of the array.
fn cells_of(array: &Variable, first: usize, length: usize, is_time: bool) -> Result<Cells, String> {
    let part = part(&array.elements, first, length);
    Cells::new(&part, &array.attributes, is_time)
}

/// The axes of an array along which a variable of these dimensions lies; where the array has one of
/// them more often than the variable, along each of its axes in turn.
fn along(dimensions: &[String], array: &[String]) -> Vec<Vec<usize>> {
    let axes = |turn: usize| -> Option<Vec<usize>> {
        let mut used = Vec::new();
        for name in dimensions {
            let all = array.iter().enumerate().filter(|(_, one)| *one == name);
            let all: Vec<usize> = all.map(|(axis, _)| axis).collect();
            let earlier = used.iter().filter(|axis| all.contains(axis)).count();
            let place = earlier.saturating_add(turn);
            used.push(*all.get(place).or(all.last().filter(|_| earlier == 0))?);
        }
        Some(used)
    };
    let mut found: Vec<Vec<usize>> = Vec::new();
    for axes in (0..array.len().max(1)).map_while(axes) {
        if !found.contains(&axes) {
            found.push(axes);
        }
    }
    found
}

/// Gives columns that are called as others, or as the array, a name of their own: `x_2`.
fn name_apart(columns: &mut [Column], array: &str) {
    let mut taken: BTreeSet<String> = columns.iter().map(|column| column.name.clone()).collect();
    taken.insert(array.to_owned());
    let mut seen = BTreeSet::from([array.to_owned()]);
    for column in columns {
        if !seen.insert(column.name.clone()) {
            let mut names = (2_u64..).map(|number| format!("{}_{number}", column.name));
            if let Some(name) = names.find(|name| !taken.contains(name)) {
                taken.insert(name.clone());
                column.name = name;
            }
        }
    }
}

/// How far apart the cells of a variable along these axes are, for each axis of the array.
fn strides(axes: &[usize], shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![0; shape.len()];
    let mut stride = 1_usize;
    for axis in axes.iter().rev() {
        if let (Some(own), Some(length)) = (strides.get_mut(*axis), shape.get(*axis)) {
            *own = stride;
            stride = stride.saturating_mul(*length);
        }
    }
    strides
}

fn at(place: &[usize], strides: &[usize]) -> usize {
    let steps = place.iter().zip(strides);
    steps.fold(0, |at, (place, stride)| {
        at.saturating_add(place.saturating_mul(*stride))
    })
}

fn next(place: &mut [usize], shape: &[usize]) {
    for (at, length) in place.iter_mut().zip(shape).rev() {
        *at += 1;
        if *at < *length {
            return;
        }
        *at = 0;
    }
}
