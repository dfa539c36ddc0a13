//! Searches that go wrong: each error is one line that says what to do.

use std::time::{Duration, Instant};

use chunkref_earthdata::{Cmr, Collections, Error, GranuleSearch, Granules, System};
use chunkref_io::{Client, ClientOptions};
use chunkref_testkit::{CmrCollection, CmrFault, CmrServer, Fault, RangeServer, When};

fn cmr(url: &str) -> Cmr {
    let options = ClientOptions::default()
        .with_backoff(Duration::from_millis(2))
        .with_retries(2);
    Cmr::new(Client::new(options)).with_url(url)
}

fn server() -> CmrServer {
    let daily = CmrCollection::daily(10, "DAILY", "2000-01-01", 24, 10);
    CmrServer::builder().collection(daily).start()
}

fn daily() -> GranuleSearch {
    Granules::search().short_name("DAILY")
}

/// The error of a search, which is one line and has these words in it.
async fn told(search: GranuleSearch, cmr: &Cmr, words: &[&str]) -> Error {
    let error = search.run(cmr).await.unwrap_err();
    let text = error.to_string();
    assert!(!text.contains('\n'), "{text}");
    for word in words {
        assert!(text.contains(word), "{word} is not in: {text}");
    }
    error
}

#[tokio::test]
async fn what_cmr_says_is_passed_on() {
    let server = server();
    let cmr = cmr(&server.url());
    // Its own words, of the real service and of this one.
    let sort = daily().sort_key("size");
    told(
        sort,
        &cmr,
        &["refused", "400", "sort key [size] is not a valid field"],
    )
    .await;
    for (status, body, words) in [
        (
            400,
            r#"{"errors":["Shapefile has no features"]}"#,
            &["(status 400): Shapefile has"][..],
        ),
        (
            401,
            r#"{"errors":["Token does not exist"]}"#,
            &["401", "Token does not", "get a new one"],
        ),
        (
            403,
            "<html>\nblocked</html>",
            &["403", "<html> blocked", "proxy"],
        ),
        (404, "", &["404", "without a word"]),
        (301, "", &["301", "redirects", "address"]),
        (500, "", &["500", "try again later"]),
        (503, "busy", &["503", "busy", "try again later"]),
        (
            200,
            "<html>Earthdata Login</html>",
            &["not an answer of CMR", "<html>Earthdata"],
        ),
        (
            200,
            r#"{"items":[]}"#,
            &["not an answer of CMR", "CMR-Hits"],
        ),
    ] {
        server.set_faults(vec![CmrFault::always(status, body)]);
        told(daily(), &cmr, words).await;
    }
}

#[tokio::test]
async fn a_busy_cmr_is_asked_again_when_it_says() {
    let server = server();
    let cmr = cmr(&server.url());
    let busy = CmrFault {
        path: "granules.umm_json".to_owned(),
        count: 1,
        retry_after: Some(1),
        ..CmrFault::always(429, "")
    };
    server.set_faults(vec![busy]);
    let started = Instant::now();
    let found = daily().page_size(4).run(&cmr).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(found.granules.len(), 10);
    assert_eq!(cmr.client().log().snapshot().retries, 1);
    // In the middle of a search.
    let out_of_order = CmrFault {
        path: "granules.umm_json".to_owned(),
        skip: 1,
        count: 2,
        ..CmrFault::always(502, "")
    };
    server.set_faults(vec![out_of_order]);
    let found = daily().page_size(4).run(&cmr).await.unwrap();
    assert_eq!(found.granules.len(), 10);
    // It asks for more patience than there is.
    let long = CmrFault {
        retry_after: Some(3600),
        ..CmrFault::always(429, "")
    };
    server.set_faults(vec![long]);
    told(daily(), &cmr, &["429", "3600 s of patience"]).await;
}

#[tokio::test]
async fn names_that_fit_nothing_are_told_with_some_that_may_be_meant() {
    let server = server();
    let cmr = cmr(&server.url());
    let words = [
        "no collection has short name DAI in CMR (prod)",
        "DAILY version 1 (C10-TESTCLOUD)",
    ];
    let error = told(Granules::search().short_name("DAI"), &cmr, &words).await;
    assert!(matches!(error, Error::UnknownCollection { .. }));
    let other = Granules::search()
        .short_name("ATL03")
        .version("006")
        .cloud_hosted(true);
    told(
        other,
        &cmr,
        &["ATL03, version 006, in the cloud", "check its spelling"],
    )
    .await;
    told(
        Granules::search().doi("10.1/2"),
        &cmr,
        &["no collection has the DOI 10.1/2"],
    )
    .await;
    // CMR finds what meets both.
    let both = daily().doi("10.1/2");
    told(both, &cmr, &["short name DAILY, DOI 10.1/2 in CMR"]).await;
    // One of two is not there.
    told(daily().short_name("ATL03"), &cmr, &["short name ATL03"]).await;
    // None of the granules is no error of the search.
    let none = daily().temporal("1999".parse().unwrap());
    assert!(none.run(&cmr).await.unwrap().granules.is_empty());
    assert_eq!(none.count(&cmr).await.unwrap(), 0);
}

#[tokio::test]
async fn a_search_that_is_not_right_asks_nothing() {
    let server = server();
    let cmr = cmr(&server.url());
    told(
        Granules::search(),
        &cmr,
        &["a short name, a DOI, a concept id or a provider"],
    )
    .await;
    told(daily().concept_id("C1-A"), &cmr, &["expected one of them"]).await;
    told(
        Granules::search().provider("A").version("1"),
        &cmr,
        &["without a collection"],
    )
    .await;
    told(daily().page_size(2001), &cmr, &["1 to 2000"]).await;
    told(daily().page_size(0), &cmr, &["1 to 2000"]).await;
    told(daily().short_name(""), &cmr, &["short_name"]).await;
    // CMR takes one value of these, and does not say so in so many words.
    let twice = daily().cloud_cover(0.0..=10.0).cloud_cover(0.0..=20.0);
    told(twice, &cmr, &["cloud_cover: expected one"]).await;
    let twice = daily().downloadable(true).downloadable(false);
    told(twice, &cmr, &["downloadable: expected one"]).await;
    assert!(server.log().is_empty());
}

#[tokio::test]
async fn a_cmr_that_is_not_there_is_told() {
    let address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    for url in [
        format!("http://{address}/search"),
        "http://cmr.invalid/search".to_owned(),
    ] {
        let words = [url.as_str(), "check the network", "HTTPS_PROXY"];
        let error = told(daily(), &cmr(&url), &words).await;
        assert!(matches!(error, Error::Unreachable { .. }));
    }
}

#[tokio::test]
async fn tokens_are_sent_and_never_shown() {
    let server = server();
    let cmr = cmr(&server.url()).with_token("s3cret");
    let shown = format!("{cmr:?} {:?}", cmr.clone());
    daily().run(&cmr).await.unwrap();
    for request in server.log() {
        assert_eq!(request.authorization.as_deref(), Some("Bearer s3cret"));
    }
    server.set_faults(vec![CmrFault::always(
        401,
        r#"{"errors":["Token is not valid"]}"#,
    )]);
    let error = daily().run(&cmr).await.unwrap_err();
    // Not to a host elsewhere without TLS.
    let plain = Cmr::of_system(Client::default(), System::Uat)
        .with_url("http://cmr.example.org/search")
        .with_token("s3cret");
    let refused = daily().run(&plain).await.unwrap_err();
    assert!(
        refused.to_string().contains("not sent over http"),
        "{refused}"
    );
    for text in [
        shown,
        format!("{error} {error:?}"),
        format!("{refused} {refused:?}"),
    ] {
        assert!(!text.contains("s3cret"), "{text}");
    }
}

/// A CMR that runs out of time answers with what it has found until then, as if it were all.
#[tokio::test]
async fn a_part_is_not_taken_for_all() {
    let server = server();
    let cmr = cmr(&server.url());
    server.time_out(Some(3));
    let search = || Granules::search().concept_id("C10-TESTCLOUD");
    let words = ["took CMR too long", "only a part", "a shorter time"];
    let error = told(search(), &cmr, &words).await;
    assert!(matches!(error, Error::TimedOut { .. }));
    // Also in the middle.
    server.time_out(None);
    let mut pages = search().page_size(4).pages(&cmr).await.unwrap();
    assert_eq!(pages.next().await.unwrap().unwrap().len(), 4);
    server.time_out(Some(1));
    assert!(matches!(
        pages.next().await.unwrap_err(),
        Error::TimedOut { .. }
    ));
}

/// An answer that has another page after it, always.
fn leads_on() -> Fault {
    Fault::Header("CMR-Search-After".into(), "[1]".into())
}

#[tokio::test]
async fn pages_of_collections_that_never_end_are_left() {
    let collection = r#"{"meta":{"concept-id":"C1-A"},"umm":{"ShortName":"A","Version":"1"}}"#;
    let full = format!(r#"{{"items":[{}]}}"#, vec![collection; 100].join(","));
    let hits = Fault::Header("CMR-Hits".into(), "1000".into());
    let server = RangeServer::builder()
        .object("/search/collections.umm_json", full)
        .fault(hits.clone(), When::Always)
        .fault(leads_on(), When::Always)
        .start()
        .await;
    let cmr = cmr(&server.url_of("search"));
    let search = Collections::search();
    let error = search.run(&cmr).await.unwrap_err().to_string();
    assert!(
        error.contains("all 100 collections of a page had come"),
        "{error}"
    );
    assert_eq!(server.requests(), 2);
    // What leads on is lost: that is not the end.
    server.set_fault(hits, When::Always);
    let error = search.run(&cmr).await.unwrap_err().to_string();
    assert!(error.contains("1 of 1000 collections came"), "{error}");
}

/// Some collections have thousands of variables.
#[tokio::test]
async fn one_record_may_be_long() {
    let abstract_ = "a".repeat(3 << 20);
    let umm = format!(r#"{{"ShortName":"A","Version":"1","Abstract":"{abstract_}"}}"#);
    let body = format!(r#"{{"items":[{{"meta":{{"concept-id":"C1-A"}},"umm":{umm}}}]}}"#);
    let server = RangeServer::builder()
        .object("/search/collections.umm_json", body)
        .fault(Fault::Header("CMR-Hits".into(), "1".into()), When::Always)
        .start()
        .await;
    let cmr = cmr(&server.url_of("search"));
    let found = Collections::search().limit(1).run(&cmr).await.unwrap();
    assert_eq!(found[0].short_name, "A");
}

#[tokio::test]
async fn a_server_that_never_ends_is_left() {
    let granule =
        r#"{"meta":{"concept-id":"G1-A","native-id":"a","revision-id":1,"provider-id":"A"}}"#;
    let body = format!(r#"{{"items":[{granule}]}}"#);
    let server = RangeServer::builder()
        .object("/search/granules.umm_json", body)
        .fault(
            Fault::Header("CMR-Hits".into(), "1000000".into()),
            When::Always,
        )
        .fault(leads_on(), When::Always)
        .start()
        .await;
    let cmr = cmr(&server.url_of("search"));
    let search = Granules::search().provider("A").page_size(1);
    told(
        search.clone(),
        &cmr,
        &["not an answer of CMR", "had come before"],
    )
    .await;
    assert_eq!(server.requests(), 2);
    // A page that is not full ends the search where nothing new is on it.
    let found = search.page_size(5).run(&cmr).await.unwrap();
    assert_eq!((found.granules.len(), found.missing), (1, 999_999));
    // More than was asked for.
    let two = format!(r#"{{"items":[{granule},{granule}]}}"#);
    server.put("/search/granules.umm_json", two);
    told(
        Granules::search().provider("A").page_size(1),
        &cmr,
        &["more than the 1 records"],
    )
    .await;
}
