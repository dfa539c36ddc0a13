//! What somebody is to do whom an archive refuses.

use chunkref_io::Url;

use super::authority::back;
use super::trust::is_signed;
use super::{Login, Trust};

/// A refusal, and what is known of it.
pub(crate) struct Advised<'a> {
    pub(crate) login: &'a Login,
    pub(crate) trust: &'a Trust,
    /// The host's application, if it has sent somebody to log in.
    pub(crate) application: Option<&'a str>,
    pub(crate) url: &'a Url,
    /// `None` for a page of HTML in place of data.
    pub(crate) status: Option<u16>,
    /// Its beginning. Nothing of it is repeated but the address of a page of the login service.
    pub(crate) body: &'a str,
}

/// Whether this may be the name of an application.
pub(crate) fn is_client_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=64).contains(&id.len()) && id.bytes().all(plain)
}

pub(crate) fn advice(refusal: &Advised<'_>) -> Option<String> {
    let Advised {
        login,
        trust,
        url,
        status,
        body,
        ..
    } = refusal;
    let at_login = login.is_at(url);
    if is_signed(url) {
        return Some("the signed address has ended or is not valid: try again".to_owned());
    }
    let archive = if at_login {
        back(url)
    } else {
        Some((*url).clone())
    };
    if let Some(archive) = archive.filter(|archive| !trust.trusts(archive)) {
        // Not everybody who refuses wants this login.
        let wants = at_login || (login.is_found() && (*status == Some(401) || status.is_none()));
        let host = archive.host_str().unwrap_or_default();
        return wants.then(|| {
            format!(
                "the Earthdata Login is not sent to {host} (if it may be: --trust-host {})",
                trusted(&archive)
            )
        });
    }
    if !login.is_found() {
        return Some(login.missing().to_string());
    }
    let words = body.to_ascii_lowercase();
    if words.contains("eula") || words.contains("license agreement") {
        return Some(format!(
            "a licence is to be accepted first: log in at {}, accept it, and try again",
            refusal.page()
        ));
    }
    let query = url.query().unwrap_or_default();
    let is_unapproved = query.contains("error=access_denied")
        || words.contains("approve_app")
        || words.contains("not authorized application")
        || words.contains("authorize application");
    if is_unapproved {
        return Some(format!(
            "the archive's application is to be approved first: log in at {}, approve it, and try \
             again",
            refusal.page()
        ));
    }
    match status {
        Some(401) if at_login && login.has_password() => {
            let source = login.source().map(|source| source.to_string());
            Some(format!(
                "Earthdata Login did not accept the user and password from {}: correct them, or run \
                 `chunkref login`",
                source.unwrap_or_default()
            ))
        }
        Some(401) => Some(match login.refused_token() {
            Some(refused) => refused.to_string(),
            None => "the login was not accepted: run `chunkref login --check`".to_owned(),
        }),
        Some(_) => Some(format!(
            "log in at {} and see whether licences or applications are to be accepted there; the data \
             may also be for some users only",
            refusal.page()
        )),
        None if at_login => Some(
            "the archive wants a login and did not get one: run `chunkref login --check`"
                .to_owned(),
        ),
        None => Some(format!(
            "it may want terms to be accepted: open the address in a browser, log in as the same user, \
             and accept what is asked (or see {})",
            refusal.page()
        )),
    }
}

/// The host as `--trust-host` takes it.
fn trusted(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

impl Advised<'_> {
    /// Where the user can accept what is missing.
    fn page(&self) -> String {
        let id = self.named_application();
        match id.as_deref().or(self.application) {
            Some(id) => self.login.page(&format!("approve_app?client_id={id}")),
            None => self.login.page("profile"),
        }
    }

    /// The application whose page the answer names, if that is one of the login service: others are not
    /// to be sent there by us.
    fn named_application(&self) -> Option<String> {
        let value: serde_json::Value = serde_json::from_str(self.body).ok()?;
        let page = Url::parse(value.get("resolution_url")?.as_str()?).ok()?;
        if page.host_str() != Some(self.login.host()) {
            return None;
        }
        let mut pairs = page.query_pairs();
        let (_, id) = pairs.find(|(name, _)| name == "client_id")?;
        is_client_id(&id).then(|| id.into_owned())
    }
}
