//! How one request is answered.

use std::io::Write as _;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;

use super::parameters::{Parameters, Refusal};
use super::{CmrRequest, Shared, deleted, search};
use crate::serving::{header, lock};

/// Status, headers and body of an answer.
type Answered = (StatusCode, Vec<(String, String)>, Vec<u8>);

impl Shared {
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, http::Error> {
        tokio::time::sleep(self.latency).await;
        let (parts, body) = request.into_parts();
        let text = |name: &str| header(&parts.headers, name);
        let query = if parts.method == Method::POST {
            let body = body
                .collect()
                .await
                .map(http_body_util::Collected::to_bytes);
            String::from_utf8_lossy(&body.unwrap_or_default()).into_owned()
        } else {
            parts.uri.query().unwrap_or_default().to_owned()
        };
        let path = parts.uri.path().to_owned();
        let after = text("cmr-search-after");
        let (status, headers, mut body) = self
            .faulty(&path)
            .unwrap_or_else(|| self.right(&parts.method, &path, &query, after.as_deref()));
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(name, value);
        }
        if self.gzip && text("accept-encoding").is_some_and(|accepted| accepted.contains("gzip")) {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&body).expect("bytes in memory");
            body = encoder.finish().expect("bytes in memory");
            response = response.header("content-encoding", "gzip");
        }
        lock(&self.log).push(CmrRequest {
            method: parts.method.clone(),
            path,
            query,
            search_after: after,
            client_id: text("client-id"),
            authorization: text("authorization"),
            status: status.as_u16(),
            bytes: body.len(),
        });
        response.body(Full::new(body.into()))
    }

    fn faulty(&self, path: &str) -> Option<Answered> {
        let mut faults = lock(&self.faults);
        let mut striking = faults
            .iter_mut()
            .filter_map(|fault| fault.strikes(path).then_some(fault));
        let fault = striking.next()?.clone();
        let wait = fault
            .retry_after
            .map(|wait| ("retry-after".to_owned(), wait.to_string()));
        let status = StatusCode::from_u16(fault.status).expect("a status");
        Some((status, wait.into_iter().collect(), fault.body.into_bytes()))
    }

    fn right(&self, method: &Method, path: &str, query: &str, after: Option<&str>) -> Answered {
        let parameters = Parameters::parse(query);
        let what = path.strip_prefix("/search/").unwrap_or_default();
        if let Some(recorded) = self.recorded(what, &parameters, after) {
            return recorded;
        }
        let answered = match what {
            "granules.umm_json" | "collections.umm_json" => self.search(what, &parameters, after),
            "deleted-granules.json" if method == Method::GET => {
                deleted::granules(&lock(&self.catalog), &parameters).map(|(hits, body)| {
                    let hits = ("cmr-hits".to_owned(), hits.to_string());
                    (StatusCode::OK, vec![hits], body.into_bytes())
                })
            }
            _ => Err((StatusCode::NOT_FOUND, format!("{path}: not found"))),
        };
        answered.unwrap_or_else(|(status, words)| {
            // CMR's words in its own form.
            let body = serde_json::json!({"errors": [words]}).to_string();
            (status, Vec::new(), body.into_bytes())
        })
    }

    /// A recorded answer, if there are some of this kind.
    fn recorded(
        &self,
        what: &str,
        parameters: &Parameters,
        after: Option<&str>,
    ) -> Option<Answered> {
        let size = parameters.page_size().to_string();
        let recorded = self.recorded.iter();
        let mut fitting = recorded.filter(|one| one.answers(what, &size, after));
        if let Some(one) = fitting.next() {
            let status = StatusCode::from_u16(one.status).expect("a status");
            let ours = |(name, _): &&(String, String)| name.starts_with("cmr-");
            let headers = one.headers.iter().filter(ours).cloned();
            return Some((status, headers.collect(), one.body.clone()));
        }
        let hits = self.recorded.iter().find_map(|one| one.hits(what))?;
        let headers = vec![("cmr-hits".to_owned(), hits)];
        let body = br#"{"hits":0,"took":1,"items":[]}"#;
        Some((StatusCode::OK, headers, body.to_vec()))
    }

    fn search(
        &self,
        what: &str,
        parameters: &Parameters,
        after: Option<&str>,
    ) -> Result<Answered, Refusal> {
        let catalog = lock(&self.catalog);
        let is_granules = what == "granules.umm_json";
        let mut answer = if is_granules {
            search::granules(&catalog, parameters, after)?
        } else {
            search::collections(&catalog, parameters, after)?
        };
        let mut headers = Vec::new();
        if let Some(cut) = lock(&self.cut).filter(|cut| *cut < answer.records.len()) {
            // What was found until the time was up, as if it were all.
            answer.records.truncate(cut);
            answer.hits = cut;
            headers.push(("cmr-timed-out".to_owned(), "true".to_owned()));
        }
        let withheld = if is_granules {
            self.withheld.load(Ordering::Relaxed)
        } else {
            0
        };
        let hits = u64::try_from(answer.hits).expect("a count") + withheld;
        headers.push(("cmr-hits".to_owned(), hits.to_string()));
        let after = answer.search_after;
        headers.extend(after.map(|key| ("cmr-search-after".to_owned(), key)));
        let records = answer.records.join(",");
        let body = format!(r#"{{"hits":{},"took":1,"items":[{records}]}}"#, answer.hits);
        Ok((StatusCode::OK, headers, body.into_bytes()))
    }
}
