//! Who asks: what the authority gives for a URL, and the cookies of its host.

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE, HeaderValue};
use url::Url;

use super::Net;

impl Net {
    /// Adds to the headers of a request to `url` what says who asks, and gives it back; or a reason not
    /// to ask.
    pub(super) async fn identify(
        &self,
        url: &Url,
        headers: &mut HeaderMap,
    ) -> Result<Option<HeaderValue>, String> {
        let Some(authority) = &self.options.authority else {
            return Ok(None);
        };
        let sent = authority.authorization(url).await?;
        if let Some(value) = &sent {
            let mut value = value.clone();
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        if let Some(cookies) = self.cookies_for(url) {
            headers.insert(COOKIE, cookies);
        }
        Ok(sent)
    }

    /// The cookies that are sent to a URL.
    pub(super) fn cookies_for(&self, url: &Url) -> Option<HeaderValue> {
        let authority = self.options.authority.as_ref()?;
        if !authority.keeps_cookies(url) {
            return None;
        }
        self.cookies.header(url)
    }

    /// Keeps the cookies that an answer sets, if its host's are kept.
    pub(super) fn take_cookies(&self, url: &Url, headers: &HeaderMap) {
        let authority = self.options.authority.as_ref();
        if authority.is_some_and(|authority| authority.keeps_cookies(url)) {
            self.cookies.take(url, headers);
        }
    }

    /// Tells the authority that a server did not accept what was sent. Whether to ask once more.
    pub(super) async fn refused(&self, url: &Url, sent: &HeaderValue) -> bool {
        match &self.options.authority {
            Some(authority) => authority.refused(url, sent).await,
            None => false,
        }
    }

    /// Whether a redirect leads to where one logs in.
    pub(super) fn is_login(&self, url: &Url) -> bool {
        let authority = self.options.authority.as_ref();
        authority.is_some_and(|authority| authority.is_login(url))
    }

    /// A reason why a request was refused, with what is to be done, if the authority knows.
    pub(super) fn advised(
        &self,
        reason: String,
        url: &Url,
        status: Option<u16>,
        body: &[u8],
    ) -> String {
        let authority = self.options.authority.as_ref();
        let body = String::from_utf8_lossy(body);
        match authority.and_then(|authority| authority.advice(url, status, &body)) {
            Some(advice) => format!("{reason}; {advice}"),
            None => reason,
        }
    }
}
