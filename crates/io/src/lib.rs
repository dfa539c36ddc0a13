//! Byte ranges over object stores: merging, retrying, counting.
//!
//! A [`Client`] opens local files, `http(s)`, `s3`, `gs` and `az` URLs as [`Object`]s. An object
//! is read in *waves*: all ranges that are wanted at one time go into one [`Object::read`], which
//! merges those that lie close together, asks for the rest in parallel, and answers in the order
//! asked. The first ranged GET tells the size; there is no HEAD.
//!
//! To one object several URLs may lead, such as one of a bucket and one of https: [`Client::choose`]
//! takes the one that [`Access`] asks for, or that turns out to work.
//!
//! Buckets are written to as well: an [`Upload`] is one object, which appears whole or not at all; a
//! [`Folder`] is listed, filled and cleared.
//!
//! Services that are no stores, such as a search, are asked by [`Client::request`].
//!
//! Who asks is for an [`Authority`] to say, host by host; the cookies of hosts that it trusts are kept.
//!
//! All remote stores and services talk through one HTTP service of ours (`transport`), so that status,
//! retries, redirects, the cap per host, pins and counting are the same for all of them.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use chunkref_io::{Client, ClientOptions};
//!
//! let client = Client::new(ClientOptions::default());
//! let object = client.open("Cargo.toml").await?;
//! let parts = object.read(&[0..1, 1..9]).await?;
//! assert_eq!(parts[0], "[");
//! assert_eq!(parts[1], "package]");
//! assert_eq!(client.log().snapshot().waves, 1);
//! # Ok::<(), chunkref_io::Error>(())
//! # }).unwrap();
//! ```

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

mod access;
mod address;
mod authority;
mod cache;
mod client;
mod cost;
mod error;
mod flight;
mod folder;
mod head;
mod hint;
mod local;
mod log;
mod object;
mod options;
mod pieces;
mod pin;
mod plan;
mod region;
mod remote;
mod request;
mod store;
mod transport;
mod upload;
mod wave;
mod ways;

pub use access::{Access, BucketInfo, Notices};
pub use address::{file_path, printable};
pub use authority::{Authority, BucketKeys, basic_authorization};
pub use client::Client;
pub use error::{Error, Result};
pub use folder::{Folder, Listed};
pub use hint::Hint;
pub use http::HeaderValue;
pub use log::{RequestLog, RequestRecord, Stats, WaveRecord};
pub use object::Object;
pub use object_store::aws::AwsCredential;
pub use options::{ClientOptions, Credentials};
pub use pin::Pin;
pub use region::check_region;
pub use request::{Request, Response};
pub use upload::Upload;
pub use url::Url;
pub use wave::{Around, Ask, Piece, Wave};
