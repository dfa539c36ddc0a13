//! What references refer to, as values.

use chunkref_hdf5::{Hyperslab, Referent, ReferentPart, Selection};
use chunkref_manifest::Value;

use crate::data_type::Refusal;
use crate::value::Decoder;

/// What a number of a selection takes as a value, in bytes.
const NUMBER_SIZE: u64 = 32;

impl Decoder<'_> {
    /// The path of the object; where it is one of another file, or a part of it, these too.
    pub(crate) fn referent(&self, referent: &Referent) -> Result<Value, Refusal> {
        // The links of another file were not read; the address is all there is.
        let path = match &referent.file {
            None => self.path(referent.object)?,
            Some(_) => Value::Null,
        };
        let mut fields = vec![("path".to_owned(), path)];
        if let Some(file) = &referent.file {
            self.spend(file.len().try_into().unwrap_or(u64::MAX))?;
            fields.push(("file".to_owned(), Value::Text(file.clone())));
            fields.push(("address".to_owned(), Value::UInt(referent.object.0)));
        }
        match (&referent.part, fields.as_slice()) {
            (ReferentPart::Whole, [(_, path)]) => return Ok(path.clone()),
            (ReferentPart::Whole, _) => {}
            (ReferentPart::Region(selection), _) => {
                fields.push(("selection".to_owned(), self.selection(selection)?));
            }
            (ReferentPart::Attribute(name), _) => {
                self.spend(name.len().try_into().unwrap_or(u64::MAX))?;
                fields.push(("attribute".to_owned(), Value::Text(name.clone())));
            }
        }
        Ok(Value::Record(fields))
    }

    fn selection(&self, selection: &Selection) -> Result<Value, Refusal> {
        let named = |name: &str, value| Value::Record(vec![(name.to_owned(), value)]);
        Ok(match selection {
            Selection::None => Value::Text("none".to_owned()),
            Selection::All => Value::Text("all".to_owned()),
            Selection::Points { rank, coordinates } => {
                named("points", self.tuples(coordinates, *rank)?)
            }
            Selection::Irregular { rank, corners } => {
                self.spend_numbers(corners.len())?;
                let blocks = corners.chunks_exact(rank.saturating_mul(2).max(1));
                let blocks = blocks.map(|block| tuples(block, *rank));
                named("blocks", Value::List(blocks.collect()))
            }
            Selection::Regular(axes) => {
                self.spend_numbers(axes.len().saturating_mul(4))?;
                let list = |number: fn(&Hyperslab) -> Option<u64>| {
                    let numbers = axes.iter().map(number);
                    Value::List(
                        numbers
                            .map(|one| one.map_or(Value::Null, Value::UInt))
                            .collect(),
                    )
                };
                Value::Record(vec![
                    ("start".to_owned(), list(|axis| Some(axis.start))),
                    ("stride".to_owned(), list(|axis| Some(axis.stride))),
                    ("count".to_owned(), list(|axis| axis.count)),
                    ("block".to_owned(), list(|axis| axis.block)),
                ])
            }
        })
    }

    fn tuples(&self, numbers: &[u64], rank: usize) -> Result<Value, Refusal> {
        self.spend_numbers(numbers.len())?;
        Ok(tuples(numbers, rank))
    }

    fn spend_numbers(&self, count: usize) -> Result<(), Refusal> {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.spend(count.saturating_mul(NUMBER_SIZE))
    }
}

/// Lists of `rank` numbers each.
fn tuples(numbers: &[u64], rank: usize) -> Value {
    let tuples = numbers.chunks_exact(rank.max(1));
    let list = |tuple: &[u64]| Value::List(tuple.iter().copied().map(Value::UInt).collect());
    Value::List(tuples.map(list).collect())
}
