//! Where this machine is, as far as that can be known without waiting.

use std::time::Duration;

use crate::options::{ClientOptions, Credentials};
use crate::region::is_region;
use crate::transport::Net;

/// No longer is waited for the metadata service, which only tells which way to try first.
const PATIENCE: Duration = Duration::from_secs(1);
/// Of an answer so many bytes are read.
const LONGEST: usize = 1 << 10;
/// Where machines of AWS ask about themselves.
const METADATA: &str = "http://169.254.169.254";

/// The region of this machine: from the environment, else from the metadata service, if that may be
/// asked. (`IMDSv2`: a token first, then the question.)
pub(super) async fn region(net: &Net) -> Option<String> {
    let named = ["AWS_REGION", "AWS_DEFAULT_REGION"]
        .iter()
        .find_map(|name| std::env::var(name).ok());
    if let Some(region) = named.filter(|region| is_region(region)) {
        return Some(region);
    }
    if net.options.credentials != Credentials::Instance {
        return None;
    }
    let base = service(&net.options);
    let asked = tokio::time::timeout(PATIENCE, ask(net, &base)).await;
    asked.ok()?.filter(|region| is_region(region))
}

/// The service's URL, without a slash at the end.
fn service(options: &ClientOptions) -> String {
    let set = options.store_options.iter();
    let set = set.filter(|(key, _)| key.eq_ignore_ascii_case("aws_metadata_endpoint"));
    let set = set.map(|(_, value)| value.clone()).next_back();
    let set = set.or_else(|| std::env::var("AWS_METADATA_ENDPOINT").ok());
    let base = set.unwrap_or_else(|| METADATA.to_owned());
    base.trim_end_matches('/').to_owned()
}

async fn ask(net: &Net, base: &str) -> Option<String> {
    let token = net
        .http()
        .ok()?
        .put(format!("{base}/latest/api/token"))
        .header("x-aws-ec2-metadata-token-ttl-seconds", "60");
    let token = text(token).await?;
    let region = net
        .http()
        .ok()?
        .get(format!("{base}/latest/meta-data/placement/region"))
        .header("x-aws-ec2-metadata-token", token);
    text(region).await
}

async fn text(request: reqwest::RequestBuilder) -> Option<String> {
    let response = request.send().await.ok()?;
    if !response.status().is_success() {
        return None;
    }
    let mut body = bytes::BytesMut::new();
    let read = crate::transport::read_body(response, LONGEST, &mut body).await;
    read.ok()?;
    let text = std::str::from_utf8(&body).ok()?;
    Some(text.trim().to_owned())
}
