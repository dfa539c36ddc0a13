//! Test servers for chunkref: an HTTP range server with latency and a request log.
//!
//! [`RangeServer`] serves a folder or objects in memory over HTTP/1.1 on a loopback port, from
//! threads of its own, so tests, the demo and Python processes use it alike. It waits before each
//! answer, caps the bandwidth of each connection, goes wrong on a schedule, and writes down
//! every request.
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

mod connection;
mod content;
mod date;
mod fault;
mod log;
mod request;
mod server;

pub use fault::{Fault, When};
pub use log::Entry;
pub use server::{RangeServer, RangeServerBuilder};
