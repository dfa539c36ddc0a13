//! Data files of granules whose records have several links of one name.

use chunkref_earthdata::{Cmr, FileChoice, Granule, Granules, Unfit};
use chunkref_io::Client;
use chunkref_testkit::{CmrCollection, CmrServer};

/// The only granule of a collection whose files these are.
async fn granule(files: &[&str], s3: Option<&str>) -> Granule {
    let mut collection =
        CmrCollection::daily(10, "DAILY", "2000-01-01", 24, 1).with_links("https://h.example", s3);
    collection.granules[0].files = files.iter().map(|name| (*name).to_owned()).collect();
    let server = CmrServer::builder().collection(collection).start();
    let cmr = Cmr::new(Client::default()).with_url(&server.url());
    let found = Granules::search().short_name("DAILY").run(&cmr).await;
    found.unwrap().granules.remove(0)
}

#[tokio::test]
async fn several_links_of_one_name_are_several_files() {
    let one = granule(&["0.nc"], Some("s3://b")).await;
    let files = one.choose(&FileChoice::default()).unwrap();
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].urls, ["https://h.example/0.nc", "s3://b/0.nc"]);
    assert!(files[0].size.is_some() && files[0].checksum.is_some());

    let folders = granule(&["x/0.nc", "y/0.nc"], Some("s3://b")).await;
    let unfit = folders.choose(&FileChoice::default()).unwrap_err();
    assert!(matches!(unfit, Unfit::Several { .. }), "{unfit}");
    let text = unfit.to_string();
    assert!(
        text.contains("(https://h.example/x/0.nc, https://h.example/y/0.nc)"),
        "{text}"
    );
    let all = FileChoice::default().with_all_files(true);
    let urls: Vec<_> = folders
        .choose(&all)
        .unwrap()
        .into_iter()
        .map(|file| file.urls)
        .collect();
    assert_eq!(
        urls,
        [
            ["https://h.example/x/0.nc", "s3://b/x/0.nc"],
            ["https://h.example/y/0.nc", "s3://b/y/0.nc"],
        ]
    );
    // A glob with a slash tells them apart.
    let second = FileChoice::matching("*/y/0.nc").unwrap();
    let files = folders.choose(&second).unwrap();
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].https(), Some("https://h.example/y/0.nc"));

    let queries = granule(&["get?file=0.nc", "get?file=1.nc"], None).await;
    let files = queries.choose(&all).unwrap();
    assert_eq!(files.len(), 2);
    assert_eq!(files[1].urls, ["https://h.example/get?file=1.nc"]);
}
