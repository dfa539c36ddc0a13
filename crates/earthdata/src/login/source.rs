//! Where a login comes from.

use std::fmt;
use std::path::PathBuf;

use super::{Secret, netrc};

/// Where a login was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The variable `EARTHDATA_TOKEN`.
    TokenVariable,
    /// The variables `EARTHDATA_USERNAME` and `EARTHDATA_PASSWORD`.
    UserVariables,
    /// The file `.netrc`.
    Netrc,
    /// Whoever uses this library.
    Given,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TokenVariable => "EARTHDATA_TOKEN",
            Self::UserVariables => "EARTHDATA_USERNAME and EARTHDATA_PASSWORD",
            Self::Netrc => NETRC,
            Self::Given => "the command line or program",
        })
    }
}

/// The file's name as it is printed: without the folder, which names its user.
pub(crate) const NETRC: &str = ".netrc";

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) enum Credentials {
    Token(Secret),
    User { name: String, password: Secret },
}

/// Where a login is looked for, in this order: a token, a user with a password, the entry of the login
/// service's host in `.netrc`. The first that is there is the one.
#[derive(Clone, Debug, Default)]
pub struct LoginSources {
    token: Option<(Secret, Source)>,
    user: Option<(String, Secret, Source)>,
    netrc: Option<PathBuf>,
    remark: Option<&'static str>,
}

impl LoginSources {
    /// Nowhere.
    pub fn none() -> Self {
        Self::default()
    }

    /// In the environment: `EARTHDATA_TOKEN`; `EARTHDATA_USERNAME` and `EARTHDATA_PASSWORD`; the file
    /// that `NETRC` names, or `.netrc` (Windows: `_netrc`) in the user's home.
    pub fn environment() -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let name = variable("EARTHDATA_USERNAME");
        let password = variable("EARTHDATA_PASSWORD").map(Secret::new);
        let remark = match (&name, &password) {
            (Some(_), None) => Some("EARTHDATA_USERNAME is set without EARTHDATA_PASSWORD"),
            (None, Some(_)) => Some("EARTHDATA_PASSWORD is set without EARTHDATA_USERNAME"),
            _ => None,
        };
        Self {
            token: variable("EARTHDATA_TOKEN")
                .map(|token| (Secret::new(token), Source::TokenVariable)),
            user: name
                .zip(password)
                .map(|(name, password)| (name, password, Source::UserVariables)),
            netrc: netrc::default_path(),
            remark,
        }
    }

    /// With this token.
    #[must_use]
    pub fn with_token(mut self, token: Secret) -> Self {
        self.token = Some((token, Source::Given));
        self
    }

    /// With this user and password and no other login; `.netrc` stays where one can be stored.
    #[must_use]
    pub fn with_only_user(mut self, name: &str, password: Secret) -> Self {
        self.token = None;
        self.with_user(name, password)
    }

    /// What is there that goes before `.netrc`.
    pub fn goes_before_netrc(&self) -> Option<Source> {
        let token = self.token.as_ref().map(|(_, source)| *source);
        token.or_else(|| self.user.as_ref().map(|(_, _, source)| *source))
    }

    /// With this user and password.
    #[must_use]
    pub fn with_user(mut self, name: &str, password: Secret) -> Self {
        self.user = Some((name.to_owned(), password, Source::Given));
        self
    }

    /// In this file.
    #[must_use]
    pub fn with_netrc(mut self, path: impl Into<PathBuf>) -> Self {
        self.netrc = Some(path.into());
        self
    }

    /// The file in which users and passwords are looked for.
    pub fn netrc(&self) -> Option<&std::path::Path> {
        self.netrc.as_deref()
    }

    /// What is there for a host, or what is wrong with what is.
    pub(crate) fn find(&self, host: &str) -> Result<(Credentials, Source), Option<String>> {
        if let Some((token, source)) = &self.token {
            return Ok((Credentials::Token(token.clone()), *source));
        }
        if let Some((name, password, source)) = &self.user {
            let (name, password) = (name.clone(), password.clone());
            return Ok((Credentials::User { name, password }, *source));
        }
        let remark = self.remark.map(str::to_owned);
        let Some(path) = &self.netrc else {
            return Err(remark);
        };
        match netrc::find(path, host) {
            Ok(Some((name, password))) => Ok((Credentials::User { name, password }, Source::Netrc)),
            Ok(None) => Err(remark),
            Err(reason) => Err(Some(format!("{NETRC}: {reason}"))),
        }
    }
}
