//! NASA Earthdata: granules and collections found through the Common Metadata Repository (CMR), the login
//! that their data want, and the keys of the buckets that they lie in.
//!
//! A search is built, then run against a [`Cmr`]:
//!
//! ```no_run
//! # async fn example() -> chunkref_earthdata::Result<()> {
//! use chunkref_earthdata::{BoundingBox, Cmr, FileChoice, Granules, TimeRange};
//! use chunkref_io::Client;
//!
//! let cmr = Cmr::new(Client::default());
//! let found = Granules::search()
//!     .short_name("ATL03")
//!     .version("006")
//!     .temporal(TimeRange::new("2020-06-01", "2020-06-30")?)
//!     .bounding_box(BoundingBox::new(-51.0, 68.0, -48.0, 70.0)?)
//!     .run(&cmr)
//!     .await?;
//! for granule in &found.granules {
//!     let files = granule.choose(&FileChoice::default())?;
//!     println!("{}: {:?}", granule.native_id, files.first().and_then(|file| file.s3()));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! - [`Granules`] and [`Collections`] begin searches; [`Granule`] and [`Collection`] are what is found.
//! - What a search names is looked up among the collections first, so that a wrong name, or one that
//!   fits several collections, is an error and not an empty or a mixed result.
//! - [`Pages`] gives the granules of a search page by page, as CMR does.
//! - A granule's links are told apart by kind ([`LinkKind`]); those to data are [`DataFile`]s, where
//!   https and s3 are one file, of which a [`FileChoice`] takes those that can be read.
//! - A [`Login`] says who asks, an [`EarthdataAuthority`] which hosts are told.
//! - [`BucketAuthority`] has the temporary keys of the data centres' buckets, and renews them in time.
//!
//! Answers of CMR are bounded in length and may hold anything.

#![forbid(unsafe_code)]
#![deny(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used
)]
#![cfg_attr(
    test,
    allow(
        clippy::as_conversions,
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used,
        reason = "tests build their own data"
    )
)]

mod answer;
mod citation;
mod cmr;
mod collection;
mod collections;
mod deleted;
mod error;
mod files;
mod format;
mod granule;
mod granules;
mod grouping;
mod keys;
mod link;
mod login;
#[cfg(test)]
mod odd_answers;
mod pages;
mod paging;
mod query;
mod resolve;
mod season;
mod spatial;
mod system;
mod time;
mod umm;

pub use citation::Citation;
pub use cmr::Cmr;
pub use collection::{Collection, VirtualFormat, VirtualStore};
pub use collections::{CollectionSearch, Collections};
pub use deleted::{Deleted, DeletedGranules};
pub use error::{Error, Result};
pub use files::{Checksum, DataFile, FileChoice, Unfit};
pub use format::Format;
pub use granule::{DayNight, Granule};
pub use granules::{GranuleSearch, Granules};
pub use keys::BucketAuthority;
pub use link::{Link, LinkKind};
pub use login::{
    Checked, EarthdataAuthority, Login, LoginError, LoginService, LoginSources, Secret, Source,
    Trust, TrustedHost,
};
pub use pages::{Found, Pages, Progress};
pub use season::Season;
pub use spatial::{BoundingBox, Circle, Geometry, Point};
pub use system::System;
pub use time::{TimeRange, Timestamp};
