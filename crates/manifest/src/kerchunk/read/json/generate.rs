//! The member `gen` of Kerchunk's JSON: references that templates make, one for each combination of
//! the values of dimensions.

use std::borrow::Cow;

use serde_json::{Map, Value as Json};

use crate::error::{Error, Result};
use crate::kerchunk::read::document::malformed;
use crate::kerchunk::read::gathered::Target;
use crate::kerchunk::read::rows::Place;
use crate::kerchunk::read::template::{Templates, Value};
use crate::kerchunk::read::tree::Tree;
use crate::zarr::read::brief;

/// The most references that `gen` makes.
const MAX_GENERATED: u64 = 1_000_000;

/// The most dimensions of one entry of `gen`.
const MAX_DIMENSIONS: usize = 32;

/// The references that the entries of `gen` make.
pub(super) fn generate(
    entries: Option<Json>,
    tree: &mut Tree,
    templates: &mut Templates,
) -> Result<()> {
    let entries = match entries {
        None | Some(Json::Null) => return Ok(()),
        Some(Json::Array(entries)) => entries,
        Some(other) => {
            let found = brief(&other);
            return Err(malformed("gen", format!("{found}, expected a list")));
        }
    };
    let mut left = MAX_GENERATED;
    for (number, entry) in entries.iter().enumerate() {
        let named = format!("gen[{number}]");
        Generator::new(entry, &mut left)
            .and_then(|generator| generator.run(tree, templates))
            .map_err(|error| match error {
                Failed::Here(reason) => malformed(&named, reason),
                Failed::At(error) => error,
            })?;
    }
    Ok(())
}

/// Why an entry of `gen` makes no references.
enum Failed {
    Here(String),
    At(Error),
}

impl From<String> for Failed {
    fn from(reason: String) -> Self {
        Self::Here(reason)
    }
}

/// An entry of `gen`.
struct Generator<'a> {
    key: &'a str,
    url: &'a str,
    range: Option<(Cow<'a, str>, Cow<'a, str>)>,
    dimensions: Vec<(&'a str, Dimension<'a>)>,
    /// How many references it makes.
    count: u64,
}

/// The values of a dimension.
enum Dimension<'a> {
    List(&'a [Json]),
    Range { start: i64, step: i64, count: u64 },
}

impl<'a> Generator<'a> {
    fn new(entry: &'a Json, left: &mut u64) -> Result<Self, Failed> {
        let text = |name: &str| {
            let member = entry.get(name).and_then(Json::as_str);
            member.ok_or_else(|| format!("{name}: expected a text"))
        };
        let number = |name: &str| match entry.get(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(Cow::Borrowed(text.as_str()))),
            Some(Json::Number(number)) => Ok(Some(Cow::Owned(number.to_string()))),
            Some(other) => Err(format!("{name}: {}, expected a text", brief(other))),
        };
        let range = match (number("offset")?, number("length")?) {
            (Some(offset), Some(length)) => Some((offset, length)),
            (None, None) => None,
            _ => {
                return Err("only one of offset and length, expected both or none"
                    .to_owned()
                    .into());
            }
        };
        let members = entry.get("dimensions").and_then(Json::as_object);
        let members: &Map<_, _> =
            members.ok_or_else(|| "dimensions: expected an object".to_owned())?;
        if members.len() > MAX_DIMENSIONS {
            return Err(format!(
                "{} dimensions, expected at most {MAX_DIMENSIONS}",
                members.len()
            )
            .into());
        }
        let mut dimensions = Vec::new();
        let mut count = 1_u64;
        for (name, values) in members {
            let dimension = Dimension::new(values).map_err(|reason| format!("{name}: {reason}"))?;
            count = count.saturating_mul(dimension.count());
            dimensions.push((name.as_str(), dimension));
        }
        *left = left
            .checked_sub(count)
            .ok_or_else(|| format!("more than {MAX_GENERATED} generated references in a set"))?;
        Ok(Self {
            key: text("key")?,
            url: text("url")?,
            range,
            dimensions,
            count,
        })
    }

    fn run(&self, tree: &mut Tree, templates: &mut Templates) -> Result<(), Failed> {
        let mut places = vec![0_u64; self.dimensions.len()];
        for _ in 0..self.count {
            let mut names = Vec::with_capacity(places.len());
            for (place, (name, dimension)) in places.iter().zip(&self.dimensions) {
                templates.charge(name.len().saturating_add(dimension.size(*place)))?;
                names.push(((*name).to_owned(), dimension.value(*place)?));
            }
            let key = templates.render(self.key, &names)?;
            let url = templates.render(self.url, &names)?;
            let mut number = |text: &str| -> Result<u64, Failed> {
                let made = templates.render(text, &names)?;
                let parsed = made.trim().parse();
                let shown: String = made.chars().take(40).collect();
                Ok(parsed
                    .map_err(|_| format!("{shown:?} for {key:?}, expected a number from 0 on"))?)
            };
            let range = match &self.range {
                Some((offset, length)) => Some((number(offset)?, number(length)?)),
                None => None,
            };
            match tree.gathered.target(&key) {
                Target::Chunk { array, index } => {
                    let location = tree.gathered.location(&key, &url).map_err(Failed::At)?;
                    let place = match range {
                        None => Place::Whole(location),
                        Some((offset, length)) if offset.checked_add(length).is_some() => {
                            Place::Range {
                                location,
                                offset,
                                length,
                            }
                        }
                        Some(_) => return Err(format!("{key:?} ends past 2^64 - 1").into()),
                    };
                    tree.gathered
                        .push(array, index, place)
                        .map_err(Failed::At)?;
                }
                Target::Refused => {}
                Target::Nothing(why) => {
                    tree.report.remark(|| {
                        let shown: String = key.chars().take(200).collect();
                        format!("generated key {shown:?} {why}")
                    });
                }
            }
            self.step(&mut places);
        }
        Ok(())
    }

    fn step(&self, places: &mut [u64]) {
        for (place, (_, dimension)) in places.iter_mut().zip(&self.dimensions).rev() {
            *place = place.saturating_add(1);
            if *place < dimension.count() {
                return;
            }
            *place = 0;
        }
    }
}

impl<'a> Dimension<'a> {
    fn new(values: &'a Json) -> Result<Self, String> {
        let members = match values {
            Json::Array(list) => return Ok(Self::List(list)),
            Json::Object(members) => members,
            other => return Err(format!("{}, expected a range or a list", brief(other))),
        };
        let number = |name: &str, default: Option<i64>| match members.get(name) {
            None => default.ok_or_else(|| format!("no {name}")),
            Some(value) => value
                .as_i64()
                .ok_or_else(|| format!("{name} {}, expected an integer", brief(value))),
        };
        let start = number("start", Some(0))?;
        let stop = number("stop", None)?;
        let stride = number("step", Some(1))?;
        let span = if stride >= 0 {
            i128::from(stop).saturating_sub(i128::from(start))
        } else {
            i128::from(start).saturating_sub(i128::from(stop))
        };
        let span = u64::try_from(span).unwrap_or(0);
        if stride == 0 {
            return Err("step 0".to_owned());
        }
        let count = span.div_ceil(stride.unsigned_abs());
        Ok(Self::Range {
            start,
            step: stride,
            count,
        })
    }

    fn count(&self) -> u64 {
        match self {
            Self::List(list) => u64::try_from(list.len()).unwrap_or(u64::MAX),
            Self::Range { count, .. } => *count,
        }
    }

    /// The length of a text, which is copied; 0 for a number.
    fn size(&self, place: u64) -> usize {
        match self {
            Self::List(list) => {
                let value = usize::try_from(place).ok().and_then(|at| list.get(at));
                value.and_then(Json::as_str).map_or(0, str::len)
            }
            Self::Range { .. } => 0,
        }
    }

    fn value(&self, place: u64) -> Result<Value, String> {
        match self {
            Self::List(list) => {
                let value = usize::try_from(place)
                    .ok()
                    .and_then(|place| list.get(place));
                match value {
                    Some(Json::String(text)) => Ok(Value::Text(text.clone())),
                    Some(value) => value
                        .as_i64()
                        .map(Value::Int)
                        .ok_or_else(|| format!("{} in a dimension", brief(value))),
                    None => Err("a dimension without this value".to_owned()),
                }
            }
            Self::Range { start, step, .. } => i64::try_from(place)
                .ok()
                .and_then(|place| step.checked_mul(place))
                .and_then(|distance| start.checked_add(distance))
                .map(Value::Int)
                .ok_or_else(|| "a dimension beyond 64 bits".to_owned()),
        }
    }
}
