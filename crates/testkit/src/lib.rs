//! Test servers for chunkref: an HTTP range server with latency and a request log.
//!
//! [`RangeServer`] serves a folder or objects in memory over HTTP/1.1 on a loopback port, from
//! threads of its own, so tests, the demo and Python processes use it alike. It waits before each
//! answer, caps the bandwidth of each connection, goes wrong on a schedule, and writes down
//! every request. With the feature `tls` it serves HTTPS, and HTTP/2 where the client offers it.
//! With the feature `s3` there is a server of S3 over a folder, `S3Server`; with `cmr` one of NASA's
//! Common Metadata Repository, `CmrServer`; with `login` a login service like NASA's with an archive
//! behind it, `LoginServer`.
//!
//! ```
//! use chunkref_testkit::RangeServer;
//!
//! let server = RangeServer::builder()
//!     .object("/a.bin", vec![7; 1000])
//!     .start_blocking();
//! assert_eq!(server.url_of("/a.bin"), format!("{}/a.bin", server.url()));
//! assert_eq!(server.requests(), 0);
//! ```

#![forbid(unsafe_code)]

mod answer;
#[cfg(feature = "cmr")]
mod cmr;
mod connection;
mod content;
mod date;
mod fault;
#[cfg(feature = "tls")]
mod http2;
mod log;
#[cfg(feature = "login")]
mod login;
mod pattern;
mod request;
#[cfg(feature = "s3")]
mod s3;
mod schedule;
mod server;
mod serving;
#[cfg(feature = "tls")]
mod tls;

#[cfg(feature = "cmr")]
pub use cmr::{CmrCollection, CmrFault, CmrGranule, CmrRequest, CmrServer, CmrServerBuilder};
pub use fault::{Fault, When};
pub use log::Entry;
#[cfg(feature = "login")]
pub use login::{LoginPlace, LoginRefusal, LoginRequest, LoginServer, LoginServerBuilder};
pub use pattern::{content, part};
#[cfg(feature = "s3")]
pub use s3::{S3Fault, S3Request, S3Server, S3ServerBuilder, S3Trouble, TemporaryKeys};
pub use schedule::Schedule;
pub use server::{RangeServer, RangeServerBuilder};
