//! What an answer says, and whether it is the one that was asked for.

use http::header::{CONTENT_ENCODING, CONTENT_RANGE, LOCATION};
use http::{HeaderMap, StatusCode};
use object_store::client::HttpResponse;
use url::Url;

use super::attempt::{Exchange, Failure, Seen};
use super::page::{is_html, looks_like_html, page, page_in_place};
use super::part::{Part, Whole, content_range, pin, text};
use super::refusal::{BUCKET_REGION, past_end, refused, unsatisfiable};
use crate::error::Error;

/// An answer that leads on.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The bytes asked for: 206, with what `object_store` needs to see, and no more.
    Bytes(HttpResponse),
    /// A redirect to this `Location`.
    Redirect(String),
}

/// Reads an answer. What came of its body is in `seen` also if that fails.
pub(crate) async fn read(
    exchange: &Exchange<'_>,
    url: &Url,
    response: reqwest::Response,
    seen: &mut Seen,
) -> Result<Answer, Failure> {
    let status = response.status();
    match status {
        StatusCode::PARTIAL_CONTENT => partial(exchange, url, response, seen).await,
        StatusCode::OK => whole(exchange, url, response, seen).await,
        StatusCode::RANGE_NOT_SATISFIABLE => Err(unsatisfiable(exchange, &response).into()),
        _ if leads_on(exchange, &response) => {
            let location = text(response.headers(), &LOCATION);
            let location = location.ok_or_else(|| {
                exchange.response_error("redirect to a location that is not ASCII")
            })?;
            Ok(Answer::Redirect(location))
        }
        _ => Err(refused(exchange, url, response, seen).await),
    }
}

/// Whether an answer is a redirect to follow. Where a bucket's region is another, the request must
/// be signed anew.
fn leads_on(exchange: &Exchange<'_>, response: &reqwest::Response) -> bool {
    let headers = response.headers();
    let other_region = exchange.ticket.target.in_bucket && headers.contains_key(&BUCKET_REGION);
    response.status().is_redirection() && headers.contains_key(LOCATION) && !other_region
}

/// Refuses encodings: the bytes of ranges would be those of the encoded object.
fn check_encoding(exchange: &Exchange<'_>, headers: &HeaderMap) -> Result<(), Error> {
    let encoding = text(headers, &CONTENT_ENCODING).unwrap_or_default();
    if encoding.is_empty() || encoding.eq_ignore_ascii_case("identity") {
        return Ok(());
    }
    Err(exchange.response_error(format!(
        "answered with Content-Encoding {encoding}, expected none"
    )))
}

async fn partial(
    exchange: &Exchange<'_>,
    url: &Url,
    response: reqwest::Response,
    seen: &mut Seen,
) -> Result<Answer, Failure> {
    let headers = response.headers().clone();
    let asked = &exchange.ticket.range;
    let value = text(&headers, &CONTENT_RANGE).unwrap_or_default();
    let Some((range, size)) = content_range(&value) else {
        return Err(exchange
            .response_error(format!(
                "answered with Content-Range {value:?}, expected \"bytes first-last/size\""
            ))
            .into());
    };
    check_encoding(exchange, &headers)?;
    // Nothing is learnt from what may be a page.
    let may_be_page = range.start == 0 && is_html(&headers);
    let now = pin(&headers, size);
    if !may_be_page {
        exchange.ticket.target.agree(now.clone())?;
    }
    if range.start != asked.start || range.end != asked.end.min(size) {
        return Err(exchange
            .response_error(format!("answered with another range: {value}"))
            .into());
    }
    let length = range.end.saturating_sub(range.start);
    let limit = usize::try_from(length)
        .map_err(|_| exchange.response_error("longer than this machine can address"))?;
    let part = Part {
        headers,
        range,
        size,
    };
    seen.set_part(&part);
    let read = seen.read(response, limit).await;
    if may_be_page && looks_like_html(seen.body()) {
        return Err(page_in_place(exchange, url, seen.body()));
    }
    if may_be_page {
        exchange.ticket.target.agree(now)?;
    }
    match read {
        Ok(()) if seen.length() == limit => Ok(Answer::Bytes(part.response(seen.take(), None))),
        Ok(()) => Err(Failure::transient(format!(
            "body broke off after {} of {limit} bytes",
            seen.length()
        ))),
        Err(failure) if failure.too_long => Err(exchange.response_error(failure.reason()).into()),
        Err(failure) => Err(Failure::transient(failure.reason())),
    }
}

/// Takes the whole object for an answer, if it is small.
async fn whole(
    exchange: &Exchange<'_>,
    url: &Url,
    response: reqwest::Response,
    seen: &mut Seen,
) -> Result<Answer, Failure> {
    let headers = response.headers().clone();
    let target = &exchange.ticket.target;
    let is_html = is_html(&headers);
    if is_html && url.origin() != exchange.url.origin() {
        return Err(page(exchange, url, response, seen).await);
    }
    check_encoding(exchange, &headers)?;
    let limit = exchange.net.options.whole_object;
    let ignored = |length: &str| {
        exchange.response_error(format!(
            "the server ignores Range: it answered with the whole object ({length} bytes), \
             of which up to {limit} would be read (--whole-object)"
        ))
    };
    if let Some(length) = response.content_length()
        && length > limit
    {
        return Err(ignored(&length.to_string()).into());
    }
    let stop = usize::try_from(limit).unwrap_or(usize::MAX);
    match seen.read(response, stop).await {
        Ok(()) => {}
        Err(failure) if failure.too_long => {
            return Err(ignored(&format!("more than {limit}")).into());
        }
        Err(failure) => return Err(Failure::transient(failure.reason())),
    }
    if is_html && looks_like_html(seen.body()) {
        return Err(page_in_place(exchange, url, seen.body()));
    }
    let body = seen.take();
    let size = crate::pieces::end(0, &body);
    target.agree(pin(&headers, size))?;
    target.set_ignores_range();
    let asked = &exchange.ticket.range;
    if asked.start >= size {
        return Err(past_end(exchange, size).into());
    }
    let range = asked.start..asked.end.min(size);
    let slice = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let bytes = body.slice(slice(range.start)..slice(range.end));
    let part = Part {
        headers,
        range,
        size,
    };
    Ok(Answer::Bytes(part.response(bytes, Some(Whole(body)))))
}
