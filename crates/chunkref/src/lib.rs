//! Virtual Zarr datasets over HDF5 and NetCDF-4 archives, without copying them.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! # let folder = tempfile::tempdir().unwrap();
//! # let out = folder.path().join("out.json");
//! use chunkref::{Client, ClientOptions, ScanOptions, scan, write};
//!
//! let client = Client::new(ClientOptions::default());
//! let granule = "../../fixtures/granules/mur_like_20200601.nc";
//! let scanned = scan(&client, granule, &ScanOptions::default()).await?;
//! for refused in scanned.report.refused() {
//!     eprintln!("{}: {:?}", refused.path, refused.reason);
//! }
//! write(&scanned.manifest, &out)?;
//! # assert!(std::fs::read_to_string(&out).unwrap().contains("analysed_sst/.zarray"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! - [`scan`] reads the metadata of one file and says where its chunks lie; [`scan_many`] that of
//!   many files at once.
//! - [`combine`] joins the manifests of many files.
//! - [`write`](fn@write) writes a manifest as Kerchunk JSON or Parquet.
//! - [`read_set`](fn@read_set) reads such a set back, or one that others wrote; [`LazySet`] reads of a large
//!   one only what is asked for.
//! - [`write_to`] writes it into a bucket as well.
//! - [`convert`](fn@convert) makes one set of others; [`relocate`](mod@relocate) changes where their sources lie.
//! - [`summary`] says what a reader should know of a dataset.
//! - [`verify`](mod@verify) proves that a set is true.
//! - [`export`](mod@export) copies a part of one into a real Zarr store.
//! - [`open`](fn@open) opens a set or a bare file as a [`Store`], which reads arrays and serves them as
//!   Zarr ([`store`]); of what is large only what is asked for is read.
//! - [`earthdata`] finds granules in NASA's archives.
//! - [`cite`](mod@cite) says how the collection that a set is of wants to be cited.
//! - [`earthdata`] finds granules in NASA's archives; a [`GranuleFile`] is one of their files, with all the
//!   ways that lead to it; [`build`](mod@build) makes one set of them, which goes on where it was when it
//!   was killed, and takes in what is new when run again.
//! - [`manifest`] is the model that all of them share, [`io`] how they read.

#![forbid(unsafe_code)]

pub mod build;
pub mod cite;
mod convert;
mod counter;
pub mod export;
mod format;
mod granule_file;
mod lazy;
mod many;
mod open;
mod parquet;
mod plot;
mod provenance;
mod reach;
mod read_set;
pub mod relocate;
mod stream;
pub mod summary;
mod text;
pub mod verify;
mod versioned;
mod write;

pub use chunkref_io::{Access, Client, ClientOptions, Credentials, Stats, WaveRecord};
pub use chunkref_manifest::Manifest;
pub use chunkref_scan::{
    DatasetReport, Error as ScanError, Granule, LinkReport, Outcome, RefusedAttribute, Report,
    ScanOptions, Scanned,
};
pub use combine::concat;
pub use convert::{ConvertError, ConvertOptions, Converted, convert, left_out, narrow};
pub use counter::Counter;
pub use export::export;
pub use format::{SetFormat, is_set};
pub use granule_file::GranuleFile;
pub use lazy::{ChunkPlace, LazySet};
pub use many::{Finished, ManyOptions, scan_many};
pub use open::{OpenOptions, open, open_with};
pub use parquet::WriteOptions;
pub use plot::plot;
pub use provenance::{collection_record, granule_record, read_description};
pub use read_set::{OpenError, read_set};
pub use relocate::{relocate, repin};
pub use store::Store;
pub use text::told;
pub use verify::verify;
pub use versioned::scan;
pub use write::{
    WriteError, check_output, write, write_file, write_in_place, write_to, write_with,
};

pub mod combine {
    //! Many manifests joined into one.
    //!
    //! ```
    //! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    //! use chunkref::combine::{ConcatOptions, concat};
    //! use chunkref::{Client, ClientOptions, ScanOptions, scan};
    //!
    //! let client = Client::new(ClientOptions::default());
    //! let mut days = Vec::new();
    //! for day in ["20200601", "20200602"] {
    //!     let granule = format!("../../fixtures/granules/mur_like_{day}.nc");
    //!     days.push(scan(&client, &granule, &ScanOptions::default()).await?.manifest);
    //! }
    //! let (joined, report) = concat(days, "time", &ConcatOptions::new())?;
    //! assert_eq!(joined.root.arrays["analysed_sst"].shape[0], 2);
    //! assert_eq!(report.ascending, Some(true));
    //! # Ok::<(), Box<dyn std::error::Error>>(())
    //! # }).unwrap();
    //! ```
    pub use chunkref_combine::*;
}

pub mod earthdata {
    //! Granules and collections of NASA Earthdata.
    pub use chunkref_earthdata::*;
}

pub mod io {
    //! Byte ranges over files, HTTP and object stores.
    pub use chunkref_io::*;
}

pub mod manifest {
    //! The model of a virtual dataset, and the formats it is written in.
    pub use chunkref_manifest::*;
}

pub mod store {
    //! A manifest served as Zarr.
    pub use chunkref_store::*;
}
