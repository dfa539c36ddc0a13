//! What is sent to which host.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chunkref_io::{Authority, HeaderValue, Url};

use super::advice::{self, Advised};
use super::trust::{is_safe, is_signed};
use super::{Login, Trust};

/// So many applications of archives are remembered.
const APPLICATIONS: usize = 256;

/// Says to a [`Client`](chunkref_io::Client) who asks: with an Earthdata Login, to the hosts that are
/// trusted.
///
/// - Archives on the list of [`Trust`] are sent a bearer token, and their cookies are kept.
/// - User and password go to the login service alone, where archives send those that they do not know.
/// - A signed URL, a host that is not trusted, and one that is asked over http are sent nothing.
#[derive(Debug)]
pub struct EarthdataAuthority {
    login: Login,
    trust: Trust,
    known: Mutex<Known>,
}

/// What was found out of archives.
#[derive(Default)]
struct Known {
    /// Hosts that do not take tokens.
    tokenless: HashSet<String>,
    /// The applications of hosts, which their users have to approve.
    applications: HashMap<String, String>,
}

impl EarthdataAuthority {
    /// Says who asks to the hosts of the list.
    pub fn new(login: Login) -> Self {
        Self {
            login,
            trust: Trust::new(),
            known: Mutex::default(),
        }
    }

    /// Says who asks to these hosts.
    #[must_use]
    pub fn with_trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// Who asks.
    pub fn login(&self) -> &Login {
        &self.login
    }

    /// Whom it is told.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers which application an archive asks its users to approve.
    fn note_application(&self, url: &Url, back: &Url) {
        let id = parameter(url, "client_id").filter(|id| advice::is_client_id(id));
        let mut known = self.known();
        if let Some(id) = id
            && known.applications.len() < APPLICATIONS
        {
            known.applications.insert(place(back), id);
        }
    }
}

pub(super) fn parameter(url: &Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    let (_, value) = pairs.find(|(key, _)| key == name)?;
    Some(value.into_owned())
}

/// To which archive the login service sends back whoever logs in at this URL; `None` also where it says so
/// more than once, as the service may take the other.
pub(super) fn back(url: &Url) -> Option<Url> {
    let pairs = url.query_pairs();
    let mut said = pairs.filter(|(key, _)| key.to_ascii_lowercase().starts_with("redirect_uri"));
    let (key, back) = said.next()?;
    let is_clear = key == "redirect_uri" && said.next().is_none();
    is_clear.then(|| Url::parse(&back).ok()).flatten()
}

/// Host and port.
fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    format!("{host}:{}", url.port_or_known_default().unwrap_or(0))
}

#[async_trait]
impl Authority for EarthdataAuthority {
    async fn authorization(&self, url: &Url) -> Result<Option<HeaderValue>, String> {
        if self.login.is_at(url) {
            // Nothing else there has to be told.
            if url.path() != "/oauth/authorize" || !is_safe(url) || is_signed(url) {
                return Ok(None);
            }
            // Nobody logs in for a host that is not trusted, whoever has sent them.
            let Some(back) = back(url).filter(|back| self.trust.trusts(back)) else {
                return Ok(None);
            };
            self.note_application(url, &back);
            return self
                .login
                .for_service()
                .await
                .map_err(|error| error.to_string());
        }
        if !self.trust.trusts(url) || self.known().tokenless.contains(&place(url)) {
            return Ok(None);
        }
        self.login.token().await.map_err(|error| error.to_string())
    }

    async fn refused(&self, url: &Url, sent: &HeaderValue) -> bool {
        let is_basic = sent.to_str().is_ok_and(|sent| sent.starts_with("Basic "));
        if self.login.is_at(url) && is_basic {
            self.login.refused_by_service().await;
            return false;
        }
        match self.login.refused_by_archive(sent).await {
            Some(true) => true,
            Some(false) => {
                // The way through the login service is left.
                self.known().tokenless.insert(place(url));
                true
            }
            None => false,
        }
    }

    fn keeps_cookies(&self, url: &Url) -> bool {
        (self.login.is_at(url) && is_safe(url)) || self.trust.trusts(url)
    }

    fn is_login(&self, url: &Url) -> bool {
        self.login.is_at(url) && url.path() == "/oauth/authorize"
    }

    fn advice(&self, url: &Url, status: Option<u16>, body: &str) -> Option<String> {
        let application = self.known().applications.get(&place(url)).cloned();
        advice::advice(&Advised {
            login: &self.login,
            trust: &self.trust,
            application: application.as_deref(),
            url,
            status,
            body,
        })
    }
}

/// Without what it holds: hosts are those of whoever asks.
impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::back;

    #[test]
    fn nobody_is_sent_back_to_two_places() {
        let back = |query: &str| {
            let url = format!("https://urs.earthdata.nasa.gov/oauth/authorize?{query}");
            back(&url.parse().unwrap()).map(String::from)
        };
        let (one, other) = ("https%3A%2F%2Fa.example%2F", "https%3A%2F%2Fb.example%2F");
        assert_eq!(
            back(&format!("client_id=x&redirect_uri={one}")).unwrap(),
            "https://a.example/"
        );
        for query in [
            format!("redirect_uri={one}&redirect_uri={other}"),
            format!("redirect_uri%5B%5D={other}&redirect_uri={one}"),
            format!("redirect_uri={one}&redirect_uri[]={other}"),
            format!("redirect_uri={one}&REDIRECT_URI={other}"),
            "redirect_uri=a".to_owned(),
            "client_id=x".to_owned(),
        ] {
            assert_eq!(back(&query), None, "{query}");
        }
    }
}
