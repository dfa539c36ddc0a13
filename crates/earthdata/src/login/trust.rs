//! Which hosts are told who asks.

use std::str::FromStr;

use chunkref_io::Url;
use url::Host;

use super::LoginError;

/// Archives of NASA's are under these domains.
const DOMAINS: [&str; 3] = [
    "earthdata.nasa.gov",
    "earthdatacloud.nasa.gov",
    "asf.alaska.edu",
];

/// Parameters of a query that sign a URL: whoever has it may read, and needs to say no more.
const SIGNATURES: [&str; 8] = [
    "x-amz-signature",
    "x-amz-credential",
    "x-amz-security-token",
    "x-goog-signature",
    "awsaccesskeyid",
    "key-pair-id",
    "signature",
    "sig",
];

/// The hosts to which tokens and cookies are sent: those of a list, and those that the user adds.
///
/// On the list are hosts under `earthdata.nasa.gov`, `earthdatacloud.nasa.gov` and `asf.alaska.edu`.
/// All are trusted over `https` and on its own port only; a host that is added may have another, and
/// one that is this machine itself may do without TLS. A URL that is signed is sent nothing, wherever
/// it leads.
///
/// ```
/// use chunkref_earthdata::Trust;
///
/// let trust = Trust::new().with_host("data.example.org")?;
/// let trusts = |url: &str| trust.trusts(&url.parse().unwrap());
/// assert!(trusts("https://data.nsidc.earthdatacloud.nasa.gov/a.h5"));
/// assert!(trusts("https://data.example.org/a.h5"));
/// assert!(!trusts("http://data.example.org/a.h5"));
/// assert!(!trusts("https://evil-earthdata.nasa.gov.example/a.h5"));
/// # Ok::<(), chunkref_earthdata::LoginError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    added: Vec<TrustedHost>,
}

impl Trust {
    /// The hosts of the list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a host.
    ///
    /// # Errors
    ///
    /// As [`TrustedHost::from_str`].
    pub fn with_host(mut self, host: &str) -> Result<Self, LoginError> {
        self.add(host.parse()?);
        Ok(self)
    }

    /// Adds a host that was parsed before.
    pub fn add(&mut self, host: TrustedHost) {
        self.added.push(host);
    }

    /// Whether whoever answers at this URL is told who asks.
    pub fn trusts(&self, url: &Url) -> bool {
        is_safe(url) && !is_signed(url) && (is_listed(url) || self.is_added(url))
    }

    fn is_added(&self, url: &Url) -> bool {
        self.added.iter().any(|host| host.is(url))
    }
}

fn is_listed(url: &Url) -> bool {
    let Some(Host::Domain(name)) = url.host() else {
        return false;
    };
    let own_port = url.scheme() == "https" && url.port().is_none();
    own_port && DOMAINS.iter().any(|domain| is_below(name, domain))
}

/// Whether a host is a domain, or below it.
fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether nobody on the way hears what is sent: it goes over TLS, or to this machine itself.
pub(crate) fn is_safe(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_this_machine(url))
}

/// Whether a URL leads to the machine that this runs on.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Whether a URL is signed.
pub(crate) fn is_signed(url: &Url) -> bool {
    url.query_pairs()
        .any(|(name, _)| SIGNATURES.contains(&name.to_ascii_lowercase().as_str()))
}

/// A host that a user trusts: `host`, `host:port`, or `*.domain` for all hosts below a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedHost {
    host: Host<String>,
    port: Option<u16>,
    /// Hosts below it, in its place.
    below: bool,
}

impl TrustedHost {
    fn is(&self, url: &Url) -> bool {
        let host = match (url.host(), &self.host) {
            (Some(Host::Domain(name)), Host::Domain(own)) if self.below => {
                name != own.as_str() && is_below(name, own)
            }
            (Some(host), own) => host.to_owned() == *own,
            (None, _) => false,
        };
        let own_port = match self.port {
            Some(port) => url.port_or_known_default() == Some(port),
            None => url.port().is_none(),
        };
        host && own_port
    }
}

impl FromStr for TrustedHost {
    type Err = LoginError;

    /// # Errors
    ///
    /// If this is no host, or one that stands for too many: `*.org`.
    fn from_str(text: &str) -> Result<Self, LoginError> {
        let fail = |reason: &str| {
            Err(LoginError::Host {
                host: text.to_owned(),
                reason: reason.to_owned(),
            })
        };
        if text.contains("://") {
            return fail("a URL: expected its host alone, such as data.example.org");
        }
        let (below, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let Ok(url) = Url::parse(&format!("https://{rest}")) else {
            return fail("expected a host, such as data.example.org, HOST:PORT or *.example.org");
        };
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let plain = !rest.contains(['/', '?', '#', '@', '\\']);
        let (true, true, Some(host)) = (bare, plain, url.host()) else {
            return fail("more than a host: expected one such as data.example.org or HOST:PORT");
        };
        let host = host.to_owned();
        if let Host::Domain(name) = &host {
            if name.contains('*') || name.ends_with('.') {
                return fail("expected a host, such as data.example.org, or *.example.org");
            }
            if below && !name.contains('.') {
                return fail("stands for too many hosts: expected two names after *.");
            }
        } else if below {
            return fail("an address has no hosts below it");
        }
        // The port of https itself is left out by the parser.
        Ok(Self {
            host,
            port: url.port(),
            below,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Trust, TrustedHost, is_signed};

    fn url(text: &str) -> url::Url {
        text.parse().unwrap()
    }

    #[test]
    fn the_list_ends_where_names_do() {
        let trust = Trust::new();
        for good in [
            "https://urs.earthdata.nasa.gov/oauth/authorize",
            "https://earthdata.nasa.gov/",
            "https://data.nsidc.earthdatacloud.nasa.gov/a.h5",
            "https://DATA.Asf.Alaska.Edu:443/a.h5",
            "https://user@sentinel1.asf.alaska.edu/a.h5",
        ] {
            assert!(trust.trusts(&url(good)), "{good}");
        }
        for bad in [
            "http://urs.earthdata.nasa.gov/",
            "https://urs.earthdata.nasa.gov:8443/",
            "https://urs.earthdata.nasa.gov./",
            "https://evil-earthdata.nasa.gov/",
            "https://evil-earthdata.nasa.gov.example/",
            "https://earthdata.nasa.gov.example/",
            "https://earthdata.nasa.gov@evil.example/",
            "https://evil.example/earthdata.nasa.gov",
            "https://evil.example?.earthdata.nasa.gov",
            "https://evil.example\\.earthdata.nasa.gov/",
            "https://nasa.gov/",
            "https://alaska.edu/",
            // Cyrillic letters in place of Latin ones.
            "https://urs.\u{435}arthdata.nasa.gov/",
            "https://xn--arthdata-n1h.nasa.gov/",
            "https://127.0.0.1/",
            "ftp://earthdata.nasa.gov/",
        ] {
            assert!(!trust.trusts(&url(bad)), "{bad}");
        }
    }

    #[test]
    fn signed_urls_are_sent_nothing() {
        let trust = Trust::new();
        for signed in [
            "X-Amz-Signature=1",
            "x-amz-signature=1",
            "a=b&Signature=1",
            "sig=1",
            "Key-Pair-Id=1",
            "%53ig=1",
        ] {
            let url = url(&format!("https://data.earthdatacloud.nasa.gov/a?{signed}"));
            assert!(is_signed(&url) && !trust.trusts(&url), "{url}");
        }
        assert!(!is_signed(&url("https://a.example/a?design=1&x=sig")));
    }

    #[test]
    fn hosts_are_added_as_they_are_meant() {
        for (host, good, bad) in [
            ("a.example", "https://a.example/", "http://a.example/"),
            ("A.Example", "https://a.example/", "https://b.a.example/"),
            (
                "a.example:8443",
                "https://a.example:8443/",
                "https://a.example/",
            ),
            (
                "a.example:443",
                "https://a.example/",
                "https://a.example:8443/",
            ),
            ("*.a.example", "https://b.a.example/", "https://a.example/"),
            (
                "*.a.example",
                "https://c.b.a.example/",
                "https://ba.example/",
            ),
            ("127.0.0.1:80", "http://127.0.0.1/", "http://127.0.0.1:81/"),
            ("127.0.0.1", "http://127.0.0.1/", "http://127.0.0.1:81/"),
            ("[::1]:81", "http://[::1]:81/", "http://[::2]:81/"),
            (
                "localhost:81",
                "http://localhost:81/",
                "http://localhost.example:81/",
            ),
            ("10.0.0.1", "https://10.0.0.1/", "http://10.0.0.1/"),
        ] {
            let trust = Trust::new().with_host(host).unwrap();
            assert!(trust.trusts(&url(good)), "{host}: {good}");
            assert!(!trust.trusts(&url(bad)), "{host}: {bad}");
        }
        for bad in [
            "",
            "https://a.example",
            "a.example/path",
            "u@a.example",
            "*.example",
            "*",
            "*.*.a",
            "a b",
            "a.example?",
            "a.example.",
            "*.127.0.0.1",
            "a.example:99999",
        ] {
            let error = bad.parse::<TrustedHost>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{bad:?}: ")), "{error}");
        }
    }
}
