//! Earthdata Login: who asks, and which hosts are told.
//!
//! A [`Login`] finds out who asks when that is first needed, and asks the login service for a token
//! once for all tasks. An [`EarthdataAuthority`] says to `chunkref-io` what is sent where.

mod advice;
mod asking;
mod authority;
mod check;
mod error;
mod netrc;
mod place;
mod secret;
mod service;
mod source;
mod token;
mod trust;

pub use authority::EarthdataAuthority;
pub use check::Checked;
pub use error::LoginError;
pub use place::LoginService;
pub use secret::Secret;
pub use service::Login;
pub use source::{LoginSources, Source};
pub use trust::{Trust, TrustedHost};
