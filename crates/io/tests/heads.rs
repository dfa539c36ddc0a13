//! The first read of an object after those of others that are like it.

#![expect(
    clippy::single_range_in_vec_init,
    reason = "a wave of one range is meant"
)]

use chunkref_io::{Client, ClientOptions};
use chunkref_testkit::RangeServer;

#[tokio::test]
async fn the_first_read_asks_for_what_was_of_use_in_others() {
    let mut builder = RangeServer::builder();
    for name in ["a", "b", "c"] {
        builder = builder.object(name, vec![1; 1 << 20]);
    }
    let server = builder.start().await;
    let client = Client::new(ClientOptions::default().with_merge_gap(0));
    let read = async |name: &str, wants: &[std::ops::Range<u64>]| {
        server.reset();
        let object = client.open(&server.url_of(name)).await.unwrap();
        object.read(&[0..100]).await.unwrap();
        object.read(wants).await.unwrap();
        let ranges = server.log().into_iter().filter_map(|one| one.range);
        ranges.collect::<Vec<_>>()
    };
    let far = 900_000..900_100;
    assert_eq!(
        read("a", &[30_000..40_000, far.clone()]).await,
        [0..256 << 10, far.clone()]
    );
    // An eighth more than what was used, in pages; then what is missing, as ever.
    assert_eq!(
        read("b", &[30_000..40_000, far.clone()]).await,
        [0..45_056, far.clone()]
    );
    assert_eq!(
        read("c", &[44_000..60_000]).await,
        [0..45_056, 45_056..60_000]
    );
    assert_eq!(read("a", &[0..10]).await, [0..69_632]);
}
