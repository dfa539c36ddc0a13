//! Which of Earthdata's systems is asked.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// One of Earthdata's systems: each has a CMR of its own, with records of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum System {
    /// The one for everybody.
    #[default]
    Prod,
    /// User acceptance testing.
    Uat,
}

impl System {
    /// Where its CMR is searched: a URL without a slash at the end.
    pub fn search_url(self) -> &'static str {
        match self {
            Self::Prod => "https://cmr.earthdata.nasa.gov/search",
            Self::Uat => "https://cmr.uat.earthdata.nasa.gov/search",
        }
    }

    /// The host of its login service, and of that service's entry in `.netrc`.
    pub fn login_host(self) -> &'static str {
        match self {
            Self::Prod => "urs.earthdata.nasa.gov",
            Self::Uat => "uat.urs.earthdata.nasa.gov",
        }
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prod => "prod",
            Self::Uat => "uat",
        })
    }
}

impl FromStr for System {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.to_ascii_lowercase().as_str() {
            "prod" => Ok(Self::Prod),
            "uat" => Ok(Self::Uat),
            _ => Err(Error::query(format!(
                "system {text:?}: expected prod or uat"
            ))),
        }
    }
}
