//! What somebody is to do whom an archive refuses.

use chunkref_io::Url;

use super::authority::{back, parameter};
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
    match refusal.lacks() {
        Some(Lack::Approval) => {
            return Some(format!(
                "the archive's application, or a licence (EULA) of it, is to be approved first: log in at {}, \
                 approve it, and try again",
                refusal.page()
            ));
        }
        Some(Lack::Profile) => {
            return Some(format!(
                "the archive wants to know more of its users: log in at {}, complete the profile (such as \
                 the study area), and try again",
                login.page("profile")
            ));
        }
        None => {}
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

/// What a user lacks who is known.
enum Lack {
    /// To have approved the archive's application, which is also how licences are accepted.
    Approval,
    /// Something in the profile that the application wants.
    Profile,
}

impl Advised<'_> {
    /// What the login service says, directly or through the archive.
    ///
    /// To a token it says `{"error_description": "EULA Acceptance Failure", "resolution_url": ...}`, which
    /// archives pass on with status 403. Who comes with user and password it sends back to the archive with
    /// `error=access_denied` and an `error_msg`, or answers with 401, though it has taken both before.
    fn lacks(&self) -> Option<Lack> {
        let said = |name: &str| parameter(self.url, name).unwrap_or_default();
        let is_denied = said("error") == "access_denied";
        let words = self.body.to_ascii_lowercase();
        let words_have = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
        if is_denied && said("error_msg").to_ascii_lowercase().contains("profile") {
            return Some(Lack::Profile);
        }
        let in_vain = self.login.is_at(self.url)
            && self.status == Some(401)
            && self.login.has_password()
            && self.login.is_accepted();
        let is_unapproved = is_denied
            || in_vain
            || words_have(&[
                "eula",
                "license agreement",
                "approve_app",
                "pre authorization required",
                "authorize application",
            ]);
        is_unapproved.then_some(Lack::Approval)
    }

    /// Where the user can accept what is missing.
    fn page(&self) -> String {
        let asked_for = || {
            let id = parameter(self.url, "client_id").filter(|_| self.login.is_at(self.url));
            id.filter(|id| is_client_id(id))
        };
        let id = self.named_application().or_else(asked_for);
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
