//! Which login service is asked.

use std::fmt;
use std::str::FromStr;

use chunkref_io::Url;

use super::LoginError;
use super::trust::is_safe;
use crate::system::System;

/// A login service: that of a [`System`], or another one by its URL.
///
/// ```
/// use chunkref_earthdata::{LoginService, System};
///
/// let service: LoginService = "https://urs.earthdata.nasa.gov".parse()?;
/// assert_eq!(service, System::Prod.into());
/// assert!("http://urs.earthdata.nasa.gov".parse::<LoginService>().is_err());
/// # Ok::<(), chunkref_earthdata::LoginError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct LoginService {
    /// `scheme://host`, with the port if it is not the scheme's own.
    pub(super) base: String,
    pub(super) host: String,
}

impl From<System> for LoginService {
    fn from(system: System) -> Self {
        let host = system.login_host().to_owned();
        Self {
            base: format!("https://{host}"),
            host,
        }
    }
}

impl FromStr for LoginService {
    type Err = LoginError;

    /// # Errors
    ///
    /// If this is no URL of `https`, or of this machine.
    fn from_str(text: &str) -> Result<Self, LoginError> {
        let fail = || {
            // Without a user, a password and a query.
            let bare = text.split(['?', '#']).next();
            let bare = bare.and_then(|bare| bare.rsplit('@').next());
            let url = bare.unwrap_or_default().to_owned();
            LoginError::Address { url }
        };
        let url = Url::parse(text).map_err(|_| fail())?;
        let is_bare = url.path() == "/" && url.query().is_none() && url.username().is_empty();
        let host = url.host_str().ok_or_else(fail)?;
        if !is_safe(&url) || !is_bare || url.password().is_some() {
            return Err(fail());
        }
        Ok(Self {
            base: url.origin().ascii_serialization(),
            host: host.to_owned(),
        })
    }
}

impl fmt::Debug for LoginService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoginService({})", self.base)
    }
}
