//! What CMR tells of granules that were deleted, and how it wants to be asked.

use std::time::{Duration, UNIX_EPOCH};

use chunkref_earthdata::{Cmr, Timestamp};
use chunkref_io::{Client, ClientOptions, Request};
use chunkref_testkit::{CmrCollection, CmrServer};

const DAY: Duration = Duration::from_hours(24);

fn client() -> Client {
    Client::new(ClientOptions::default().with_backoff(Duration::from_millis(2)))
}

/// So long ago, in milliseconds since 1970 and to the second.
fn ago(time: Duration) -> i64 {
    let then = UNIX_EPOCH.elapsed().unwrap().saturating_sub(time);
    i64::try_from(then.as_secs() * 1000).unwrap()
}

/// Thirty granules of one collection, of which some were deleted.
fn server(deleted: &[i64]) -> CmrServer {
    let mut daily = CmrCollection::daily(10, "DAILY", "2000-01-01", 24, 30);
    for when in deleted {
        let granule = daily.granules.remove(0);
        daily.deleted.push((granule, *when));
    }
    let other = CmrCollection::daily(100, "OTHER", "2000-01-01", 24, 3);
    CmrServer::builder()
        .collection(daily)
        .collection(other)
        .start()
}

#[tokio::test]
async fn granules_that_were_deleted_are_told_of() {
    // To the second, and with milliseconds: CMR writes them in two ways.
    let (one, other) = (ago(3 * DAY), ago(2 * DAY) + 7);
    let server = server(&[one, other, ago(400 * DAY)]);
    let cmr = Cmr::new(client()).with_url(&server.url());
    // CMR does not say what was before a year ago, and refuses to be asked.
    let long_ago = Timestamp::begin("2000").unwrap();
    let found = cmr.deleted("C10-TESTCLOUD", long_ago).await.unwrap();
    assert_eq!(found.hits, 2);
    let told: Vec<_> = found
        .granules
        .iter()
        .map(|one| {
            let when = one.deleted.unwrap().millis();
            (one.concept_id.as_str(), one.name.as_str(), when)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("G11-TESTCLOUD", "20000101-DAILY", one),
            ("G12-TESTCLOUD", "20000102-DAILY", other)
        ]
    );
    let since = Timestamp::from_millis(other);
    let found = cmr.deleted("C10-TESTCLOUD", since).await.unwrap();
    assert_eq!((found.hits, found.granules.len()), (1, 1));
    let found = cmr.deleted("C100-TESTCLOUD", long_ago).await.unwrap();
    assert_eq!((found.hits, found.granules.len()), (0, 0));
    for request in server.log() {
        assert_eq!((request.method.as_str(), request.status), ("GET", 200));
        assert_eq!(request.path, "/search/deleted-granules.json");
    }
}

#[tokio::test]
async fn of_many_some_come() {
    let server = server(&[ago(DAY); 25]);
    let cmr = Cmr::new(client()).with_url(&server.url());
    let since = Timestamp::from_millis(ago(2 * DAY));
    let found = cmr.deleted("C10-TESTCLOUD", since).await.unwrap();
    assert_eq!((found.hits, found.granules.len()), (25, 10));
}

/// That the test server is as strict as CMR.
#[tokio::test]
async fn this_search_is_unlike_all_others() {
    let server = server(&[]);
    let now = Timestamp::from_millis(ago(DAY)).to_string();
    let old = Timestamp::from_millis(ago(366 * DAY)).to_string();
    for (rest, status, words) in [
        (
            format!("deleted-granules.json?revision_date={now}"),
            200,
            "[]",
        ),
        (
            "deleted-granules.json".to_owned(),
            400,
            "One revision date is required",
        ),
        (
            format!("deleted-granules.json?revision_date={now},"),
            422,
            "not a valid datetime",
        ),
        (
            format!("deleted-granules.json?revision_date={old}"),
            400,
            "within one year",
        ),
        (
            format!("deleted-granules.json?revision_date={now}&page_size=100"),
            400,
            "Parameter [page_size] was not recognized.",
        ),
        (
            format!("deleted-granules.umm_json?revision_date={now}"),
            404,
            "",
        ),
        (
            format!("granules/deleted.json?revision_date={now}"),
            404,
            "",
        ),
    ] {
        let url = format!("{}/{rest}", server.url());
        let response = client().request(&Request::get(&url).unwrap()).await;
        let response = response.unwrap();
        let body = String::from_utf8_lossy(response.body());
        assert!(
            response.status() == status && body.contains(words),
            "{rest}: {} {body}",
            response.status()
        );
    }
}
