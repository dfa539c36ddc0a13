//! Searches answered with what CMR once answered; skipped where the recordings are not at hand.

use std::path::{Path, PathBuf};

use chunkref_earthdata::{
    Cmr, Collections, FileChoice, Format, Geometry, Granules, LinkKind, Unfit,
};
use chunkref_io::Client;
use chunkref_testkit::CmrServer;

fn recordings() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/cmr");
    folder.is_dir().then_some(folder)
}

fn recorded(start: &str) -> Option<(CmrServer, Cmr)> {
    let server = CmrServer::builder().recorded(&recordings()?, start).start();
    let cmr = Cmr::new(Client::default()).with_url(&server.url());
    Some((server, cmr))
}

#[tokio::test]
async fn ten_pages_of_hdf4() {
    let Some((server, cmr)) = recorded("granules-ummjson-searchafter-MOD02QKM") else {
        return;
    };
    let search = Granules::search()
        .concept_id("C1378579425-LAADS")
        .page_size(2);
    assert_eq!(search.limit(u64::MAX).count(&cmr).await.unwrap(), 1_404_440);
    let search = Granules::search()
        .concept_id("C1378579425-LAADS")
        .page_size(2);
    let found = search.run(&cmr).await.unwrap();
    // Ten pages were recorded, and an empty one ends the search, which CMR would not have sent.
    assert_eq!(found.granules.len(), 20);
    assert_eq!((found.progress.hits, found.missing), (1_404_440, 1_404_420));
    assert_eq!(server.log().len(), 12);
    for granule in &found.granules {
        assert_eq!(granule.provider, "LAADS");
        assert_eq!(granule.collection.as_ref().unwrap().0, "MOD02QKM");
        assert!(matches!(granule.spatial.as_slice(), [Geometry::Polygon(_)]));
        assert_eq!(granule.links_of(LinkKind::Browse).count(), 1);
        let unfit = granule.choose(&FileChoice::default()).unwrap_err();
        assert!(
            matches!(
                unfit,
                Unfit::Format {
                    format: Format::Hdf4,
                    ..
                }
            ),
            "{unfit}"
        );
        // Whoever insists may have it.
        let files = granule
            .choose(&FileChoice::matching("*.hdf").unwrap())
            .unwrap();
        assert_eq!(files.len(), 1);
        assert!(files[0].s3().is_some() && files[0].https().is_some());
        assert_eq!(files[0].size, granule.size);
    }
}

#[tokio::test]
async fn one_file_of_three_is_netcdf() {
    let Some((_server, cmr)) = recorded("granules-ummjson-all-TELLUS-02") else {
        return;
    };
    let found = Granules::search()
        .concept_id("C2077042612-POCLOUD")
        .run(&cmr)
        .await
        .unwrap();
    assert_eq!((found.granules.len(), found.missing), (163, 0));
    for granule in &found.granules {
        assert_eq!(granule.data_files().len(), 3);
        let files = granule.choose(&FileChoice::default()).unwrap();
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].format, Some(Format::NetCdf4));
        assert_eq!(files[0].name, format!("{}.nc", granule.native_id));
        assert!(
            files[0]
                .size
                .is_some_and(|size| size < granule.size.unwrap())
        );
        let https = files[0].https().unwrap();
        assert!(https.contains("/podaac-ops-cumulus-protected/"));
    }
}

#[tokio::test]
async fn a_granule_of_sea_surface_heights() {
    let Some((_server, cmr)) = recorded("granules-ummjson-SSH-L4-02") else {
        return;
    };
    let search = Granules::search()
        .concept_id("C2270392799-POCLOUD")
        .limit(1)
        .page_size(1);
    let found = search.run(&cmr).await.unwrap();
    let granule = &found.granules[0];
    assert_eq!(granule.concept_id, "G2546526969-POCLOUD");
    assert_eq!((granule.revision, granule.size), (2, Some(9_695_672)));
    assert_eq!(granule.spatial.len(), 2);
    assert_eq!(granule.day_night.unwrap().to_string(), "unspecified");
    let taken = granule.temporal.unwrap().to_string();
    assert_eq!(taken, "2020-01-02T00:00:00Z,2020-01-02T00:00:00Z");
    assert_eq!(
        granule.revision_date.unwrap().to_string(),
        "2023-01-11T00:16:28.862Z"
    );
    let files = granule.choose(&FileChoice::default()).unwrap();
    assert_eq!((files.len(), files[0].size), (1, Some(9_695_609)));
    let checksum = files[0].checksum.as_ref().unwrap();
    assert_eq!(checksum.value, "9002febf17632e5921eba5b8f62237e6");
    let endpoint = granule.s3_credentials();
    assert_eq!(
        endpoint,
        Some("https://archive.podaac.earthdata.nasa.gov/s3credentials")
    );
}

#[tokio::test]
async fn collections_with_what_is_needed_to_read_them() {
    let Some((_server, cmr)) = recorded("collections-ummjson-MUR-02") else {
        return;
    };
    let search = Collections::search()
        .short_name("MUR-JPL-L4-GLOB-v4.1")
        .limit(1);
    let found = search.run(&cmr).await.unwrap();
    let mur = &found[0];
    assert_eq!(
        mur.to_string(),
        "MUR-JPL-L4-GLOB-v4.1 version 4.1 of POCLOUD (C1996881146-POCLOUD)"
    );
    assert_eq!(mur.doi.as_deref(), Some("10.5067/GHGMR-4FJ04"));
    assert_eq!(mur.data_center.as_deref(), Some("NASA/JPL/PODAAC"));
    let cited = &mur.citation;
    assert_eq!(cited.creator, None);
    assert_eq!(
        cited.title.as_deref(),
        Some("GHRSST Level 4 MUR Global Foundation Sea Surface Temperature Analysis")
    );
    assert_eq!(cited.release_date.as_deref(), Some("2015-03-11"));
    assert_eq!(cited.publisher.as_deref(), Some("JPL NASA"));
    assert_eq!(mur.region.as_deref(), Some("us-west-2"));
    assert_eq!(mur.s3_prefixes.len(), 2);
    assert_eq!(mur.temporal.unwrap().to_string(), "2002-05-31T21:00:00Z,");
    assert!(mur.is_cloud_hosted() && mur.virtual_stores().is_empty());

    let Some((_server, cmr)) = recorded("collections-ummjson-POCLOUD") else {
        return;
    };
    let search = Collections::search().provider("POCLOUD").limit(20);
    let found = search.run(&cmr).await.unwrap();
    assert_eq!(found.len(), 20);
    assert!(
        found
            .iter()
            .all(chunkref_earthdata::Collection::is_cloud_hosted)
    );
}
