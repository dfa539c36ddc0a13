//! What can go wrong with a login, and what to do next.

use super::Source;

/// Why there is no login. Each message is one line that says what to do; none holds a token, a password
/// or a path.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// Nothing says who asks.
    #[error(
        "no login for {host} was found{}: run `chunkref login`, or set EARTHDATA_TOKEN, or \
         EARTHDATA_USERNAME and EARTHDATA_PASSWORD", in_brackets(.remark.as_deref())
    )]
    Missing {
        /// The host of the login service.
        host: String,
        /// What is wrong with what was found.
        remark: Option<String>,
    },
    /// The service does not know this user with this password.
    #[error(
        "Earthdata Login ({host}) did not accept the user and password from {source_}: correct \
         them, or run `chunkref login`"
    )]
    Refused {
        /// The host of the login service.
        host: String,
        /// Where they are from.
        source_: Source,
    },
    /// A token is not one, or not accepted.
    #[error("the token from {source_} {reason}: get a new one at {page}, or run `chunkref login`")]
    Token {
        /// Where it is from.
        source_: Source,
        /// What is wrong with it.
        reason: String,
        /// Where tokens are made.
        page: String,
    },
    /// The service could not be reached.
    #[error(
        "{what} can't be reached: {reason}; check the network, the name of the host, and HTTPS_PROXY \
         if there is a proxy"
    )]
    Unreachable {
        /// Earthdata Login or CMR.
        what: &'static str,
        /// How the last attempt failed.
        reason: String,
    },
    /// The service answered in another way than it should.
    #[error("Earthdata Login ({host}) gave no token (status {status}): {words}; try again later")]
    Service {
        /// The host of the login service.
        host: String,
        /// The status.
        status: u16,
        /// The service's own words.
        words: String,
    },
    /// The address of a login service is not right.
    #[error("{url}: expected the URL of a login service, with https")]
    Address {
        /// The address.
        url: String,
    },
    /// This is no host to trust.
    #[error("{host:?}: {reason}")]
    Host {
        /// What was given.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// User and password could not be stored.
    #[error("{file}: {reason}")]
    Store {
        /// The file, as its user knows it.
        file: String,
        /// What is wrong.
        reason: String,
    },
}

fn in_brackets(remark: Option<&str>) -> String {
    match remark {
        Some(remark) => format!(" ({remark})"),
        None => String::new(),
    }
}
