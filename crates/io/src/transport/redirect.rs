//! Where a redirect leads.

use url::Url;

use super::on_link;

/// The URL that a `Location` leads to, or why it is not followed.
pub(crate) fn next(from: &Url, location: &str) -> Result<Url, String> {
    let place = from.host_str().unwrap_or_default();
    let mut next = from
        .join(location)
        .map_err(|error| format!("{place} redirects to what is no URL: {error}"))?;
    match (from.scheme(), next.scheme()) {
        (_, "https") | ("http", "http") => {}
        (from, scheme) => {
            return Err(format!(
                "{place} redirects from {from} to {scheme}, which is not followed"
            ));
        }
    }
    if on_link(&next) && !on_link(from) {
        return Err(format!(
            "{place} redirects to an address of this machine's own link, which is not followed"
        ));
    }
    // A login in a redirect is not ours to send.
    let _ = next.set_username("");
    let _ = next.set_password(None);
    next.set_fragment(None);
    Ok(next)
}
