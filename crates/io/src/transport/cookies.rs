//! The cookies that hosts set, as far as a login has use for them (RFC 6265).

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, FixedOffset};
use http::HeaderMap;
use http::header::{DATE, HeaderValue, SET_COOKIE};
use url::{Host, Url};

use super::part::text;

/// A longer one is not kept.
const LONGEST: usize = 4096;
/// So many are kept of one domain; then the oldest go.
const OF_DOMAIN: usize = 16;
/// So many are kept in all.
const IN_ALL: usize = 256;

/// The cookies of one client. Whose are kept, and where they are sent, its user asks the authority.
#[derive(Default)]
pub(crate) struct Cookies(Mutex<Vec<Cookie>>);

struct Cookie {
    name: String,
    value: String,
    /// The host, or the domain that the host named.
    domain: String,
    port: Option<u16>,
    /// Whether hosts below the domain are sent it too.
    below: bool,
    path: String,
    secure: bool,
    ends: Option<Instant>,
}

impl Cookies {
    /// What is sent to this URL.
    pub(crate) fn header(&self, url: &Url) -> Option<HeaderValue> {
        let host = url.host_str()?;
        let now = Instant::now();
        let mut kept = self.kept();
        kept.retain(|cookie| cookie.ends.is_none_or(|ends| ends > now));
        let mut fitting: Vec<_> = kept
            .iter()
            .filter(|cookie| cookie.fits(host, url))
            .collect();
        fitting.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<_> = fitting
            .iter()
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        if pairs.is_empty() {
            return None;
        }
        let mut header = HeaderValue::from_str(&pairs.join("; ")).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    /// Keeps what an answer of this URL sets.
    pub(crate) fn take(&self, url: &Url, headers: &HeaderMap) {
        let date = text(headers, &DATE).and_then(|date| DateTime::parse_from_rfc2822(&date).ok());
        for line in headers.get_all(SET_COOKIE).iter().take(OF_DOMAIN) {
            let Some(cookie) = line.to_str().ok().and_then(|line| parse(url, line, date)) else {
                continue;
            };
            let mut kept = self.kept();
            kept.retain(|other| !other.is_same(&cookie));
            if cookie.ends.is_some_and(|ends| ends <= Instant::now()) {
                continue;
            }
            let of_domain = kept
                .iter()
                .filter(|other| other.domain == cookie.domain)
                .count();
            if of_domain >= OF_DOMAIN
                && let Some(oldest) = kept.iter().position(|other| other.domain == cookie.domain)
            {
                kept.remove(oldest);
            }
            if kept.len() >= IN_ALL {
                kept.remove(0);
            }
            kept.push(cookie);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Cookie>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cookie {
    fn is_same(&self, other: &Self) -> bool {
        let place = |cookie: &Self| (cookie.domain.clone(), cookie.port, cookie.path.clone());
        self.name == other.name && place(self) == place(other)
    }

    fn fits(&self, host: &str, url: &Url) -> bool {
        let of_host = if self.below {
            is_below(host, &self.domain)
        } else {
            host == self.domain
        };
        let path = url.path();
        let of_path = path.strip_prefix(&self.path).is_some_and(|rest| {
            self.path.ends_with('/') || rest.is_empty() || rest.starts_with('/')
        });
        let safe = !self.secure || url.scheme() == "https" || crate::request::is_this_machine(url);
        // Other than RFC 6265 has it: on one machine each port may be somebody else's.
        let of_port = self.port == url.port_or_known_default();
        of_host && of_port && of_path && safe
    }
}

/// Whether a host is a domain, or below it.
fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// A `Set-Cookie` line of an answer of this URL.
fn parse(url: &Url, line: &str, date: Option<DateTime<FixedOffset>>) -> Option<Cookie> {
    if line.len() > LONGEST {
        return None;
    }
    let host = url.host_str()?;
    let mut parts = line.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() {
        return None;
    }
    let mut cookie = Cookie {
        name: name.to_owned(),
        value: value.to_owned(),
        domain: host.to_owned(),
        port: url.port_or_known_default(),
        below: false,
        path: default_path(url),
        secure: false,
        ends: None,
    };
    let mut max_age = None;
    for part in parts {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        match name.as_str() {
            "domain" if !value.is_empty() => {
                let domain = value.trim_start_matches('.').to_ascii_lowercase();
                let is_name = matches!(url.host(), Some(Host::Domain(_)));
                // A domain of one label is nobody's.
                if domain != host && !(is_name && domain.contains('.') && is_below(host, &domain)) {
                    return None;
                }
                cookie.below = is_name;
                cookie.domain = domain;
            }
            "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
            "secure" => cookie.secure = true,
            "max-age" => max_age = value.parse::<i64>().ok(),
            "expires" => cookie.ends = ends(value, date),
            _ => {}
        }
    }
    if let Some(seconds) = max_age {
        let lifetime = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        cookie.ends = Instant::now().checked_add(lifetime);
    }
    Some(cookie)
}

/// When a cookie ends, by the server's own clock where it tells the time.
fn ends(value: &str, date: Option<DateTime<FixedOffset>>) -> Option<Instant> {
    let ends = DateTime::parse_from_rfc2822(&value.replace('-', " ")).ok()?;
    let now = date.map_or_else(chrono::Utc::now, |date| date.to_utc());
    let lifetime = ends.to_utc().signed_duration_since(now).to_std();
    Instant::now().checked_add(lifetime.unwrap_or_default())
}

/// The folder of the URL's path.
fn default_path(url: &Url) -> String {
    match url.path().rsplit_once('/') {
        Some((folder, _)) if !folder.is_empty() => folder.to_owned(),
        _ => "/".to_owned(),
    }
}

/// Without the cookies.
impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cookies").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Cookies;
    use http::HeaderMap;
    use http::header::{DATE, SET_COOKIE};
    use url::Url;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn take(cookies: &Cookies, from: &str, line: &str) {
        let mut headers = HeaderMap::new();
        headers.insert(DATE, "Fri, 06 Nov 2099 08:00:00 GMT".parse().unwrap());
        headers.append(SET_COOKIE, line.parse().unwrap());
        cookies.take(&url(from), &headers);
    }

    fn sent(cookies: &Cookies, to: &str) -> String {
        let header = cookies.header(&url(to));
        header.map_or_else(String::new, |header| header.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_cookie_goes_back_where_it_belongs() {
        let from = "https://data.a.example/login?code=1";
        for (line, to, expected) in [
            ("s=1", "https://data.a.example/x", "s=1"),
            ("s=1", "https://other.a.example/x", ""),
            ("s=1", "https://a.example/x", ""),
            ("s=1; Path=/x", "https://data.a.example/x/y", "s=1"),
            ("s=1; Path=/x", "https://data.a.example/xy", ""),
            ("s=1; Domain=.a.example", "https://other.a.example/x", "s=1"),
            ("s=1; domain=A.example", "https://a.example/", "s=1"),
            ("s=1; Domain=a.example", "https://evila.example/x", ""),
            ("s=1; Domain=b.example", "https://b.example/x", ""),
            ("s=1; Domain=b.example", "https://data.a.example/x", ""),
            ("s=1; Domain=example", "https://data.a.example/x", ""),
            ("s=1; Secure; HttpOnly", "http://data.a.example:443/x", ""),
            ("s=1; Max-Age=60", "https://data.a.example/x", "s=1"),
            ("s=1; Max-Age=0", "https://data.a.example/x", ""),
            // By the server's clock, whatever this machine's says.
            (
                "s=1; Expires=Fri, 06-Nov-2099 09:00:00 GMT",
                "https://data.a.example/x",
                "s=1",
            ),
            (
                "s=1; Expires=Fri, 06 Nov 2099 07:00:00 GMT",
                "https://data.a.example/x",
                "",
            ),
            ("=1", "https://data.a.example/x", ""),
            ("nothing", "https://data.a.example/x", ""),
        ] {
            let cookies = Cookies::default();
            take(&cookies, from, line);
            assert_eq!(sent(&cookies, to), expected, "{line} to {to}");
        }
    }

    #[test]
    fn cookies_are_replaced_removed_and_bounded() {
        let cookies = Cookies::default();
        let host = "https://a.example/";
        take(&cookies, host, "s=1");
        take(&cookies, host, "s=2");
        assert_eq!(sent(&cookies, host), "s=2");
        take(&cookies, host, "s=; Max-Age=0");
        assert_eq!(sent(&cookies, host), "");
        for number in 0..100 {
            take(&cookies, host, &format!("s{number}=1"));
        }
        assert_eq!(sent(&cookies, host).split("; ").count(), 16);
        assert!(sent(&cookies, host).ends_with("s99=1"));
        for number in 0..1000 {
            take(&cookies, &format!("https://h{number}.example/"), "s=1");
        }
        assert_eq!(cookies.kept().len(), super::IN_ALL);
        take(&cookies, "https://long.example/", &"s=".repeat(3000));
        assert_eq!(sent(&cookies, "https://long.example/"), "");
        assert!(!format!("{cookies:?}").contains("s99"));
    }

    #[test]
    fn addresses_have_no_domains() {
        let cookies = Cookies::default();
        take(&cookies, "http://127.0.0.1:8080/a/b", "s=1; Domain=0.0.1");
        assert_eq!(sent(&cookies, "http://127.0.0.1:8080/a/b"), "");
        take(
            &cookies,
            "http://127.0.0.1:8080/a/b",
            "s=1; Domain=127.0.0.1; Secure",
        );
        assert_eq!(sent(&cookies, "http://127.0.0.1:8080/a/c"), "s=1");
        assert_eq!(sent(&cookies, "http://127.0.0.1:8080/c"), "");
        assert_eq!(sent(&cookies, "http://127.0.0.1:8081/a/c"), "");
    }
}
