//! What a join did.

use crate::error::Difference;

/// What a join did, and what its reader should know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CombineReport {
    /// Names of the granules, in the order they were joined.
    pub granules: Vec<String>,
    /// Paths of the arrays that were joined along the dimension.
    pub joined: Vec<String>,
    /// Paths of arrays without the dimension whose values all granules hold here, and are equal.
    pub equal: Vec<String>,
    /// Paths of arrays without the dimension whose values could not be compared: the first granule's stand.
    pub from_first: Vec<String>,
    /// Attributes that differ without changing what values mean: the first granule's stand.
    pub attributes: Vec<Difference>,
    /// Attributes of the root that tell of each granule by itself (`history`, `source_doi`), and that
    /// granules say differently: what granules said is left out.
    pub left_out: Vec<String>,
    /// Times that are counted in another unit than before, so that all count in one.
    pub units: Vec<Difference>,
    /// How many values of the joined coordinate each granule has, missing ones aside, in the order they
    /// were joined; empty where its values are not at hand.
    pub lengths: Vec<usize>,
    /// Whether the joined coordinate ascends strictly, without missing values; `None` where its values are not at hand.
    pub ascending: Option<bool>,
    /// Values of the joined coordinate that occur more than once.
    pub duplicates: Vec<Duplicate>,
}

/// A value of the joined coordinate that occurs more than once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The value, before any scaling.
    pub value: String,
    /// The granules that hold it; one that holds it twice is named twice.
    pub granules: Vec<String>,
}
