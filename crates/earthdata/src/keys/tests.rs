//! The keys of an endpoint that is made up, by a clock that is set.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::DateTime;
use chunkref_io::{Authority, AwsCredential, BucketInfo, BucketKeys as _, HeaderValue, Url};

use super::BucketAuthority;
use super::answer::Answer;
use super::endpoint::{Ask, EndpointKeys};

const ENDPOINT: &str = "https://data.example/s3credentials";
const SECRET: &str = "s3cr3t";

/// An endpoint.
#[derive(Debug)]
struct Endpoint {
    start: Instant,
    /// Milliseconds since.
    clock: AtomicU64,
    /// Seconds that keys are good for.
    lifetime: i64,
    /// Whether the answer has a `Date`.
    tells_time: bool,
    /// How far the server's clock is ahead of this machine's, in seconds.
    ahead: i64,
    answers: AtomicU64,
    fails: Mutex<Option<String>>,
}

impl Endpoint {
    fn new(lifetime: i64) -> Self {
        Self {
            start: Instant::now(),
            clock: AtomicU64::new(0),
            lifetime,
            tells_time: true,
            ahead: 0,
            answers: AtomicU64::new(0),
            fails: Mutex::default(),
        }
    }

    fn keys(self) -> (Arc<Self>, Arc<EndpointKeys>) {
        let endpoint = Arc::new(self);
        let asker: Arc<dyn Ask> = Arc::<Self>::clone(&endpoint);
        let keys = EndpointKeys::new(Url::parse(ENDPOINT).unwrap(), asker);
        (endpoint, Arc::new(keys))
    }

    fn wait(&self, seconds: f64) {
        let wait = Duration::from_secs_f64(seconds).as_millis();
        let wait = u64::try_from(wait).unwrap();
        self.clock.fetch_add(wait, Ordering::SeqCst);
    }

    fn asked(&self) -> u64 {
        self.answers.load(Ordering::SeqCst)
    }

    fn fail(&self, reason: Option<&str>) {
        *self.fails.lock().unwrap() = reason.map(str::to_owned);
    }
}

#[async_trait]
impl Ask for Endpoint {
    async fn ask(&self, _: &Url) -> Result<Answer, String> {
        let number = self.answers.fetch_add(1, Ordering::SeqCst) + 1;
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        if let Some(reason) = self.fails.lock().unwrap().clone() {
            return Err(reason);
        }
        let millis = i64::try_from(self.clock.load(Ordering::SeqCst)).unwrap();
        let local = DateTime::from(std::time::SystemTime::now());
        let date = local + chrono::TimeDelta::milliseconds(millis + self.ahead * 1000);
        Ok(Answer {
            keys: AwsCredential {
                key_id: format!("id{number}"),
                secret_key: SECRET.to_owned(),
                token: Some(SECRET.to_owned()),
            },
            expiration: Some(date + chrono::TimeDelta::seconds(self.lifetime)),
            date: self.tells_time.then_some(date),
        })
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.clock.load(Ordering::SeqCst))
    }
}

async fn id(keys: &EndpointKeys) -> String {
    keys.get().await.unwrap().key_id.clone()
}

#[tokio::test]
async fn keys_are_renewed_once_before_they_end() {
    let (endpoint, keys) = Endpoint::new(3600).keys();
    assert_eq!(id(&keys).await, "id1");
    endpoint.wait(3200.0);
    assert_eq!(id(&keys).await, "id1");
    // Five minutes before the end, or up to a quarter of that more.
    endpoint.wait(101.0);
    assert_eq!(id(&keys).await, "id2");
    assert_eq!(id(&keys).await, "id2");
    assert_eq!(endpoint.asked(), 2);
    assert_eq!(keys.renewals(), 2);
}

#[tokio::test]
async fn many_tasks_at_once_make_one_renewal() {
    let (endpoint, keys) = Endpoint::new(5).keys();
    for round in 1..=12 {
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let keys = Arc::clone(&keys);
                tokio::spawn(async move { keys.get().await.unwrap() })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(endpoint.asked(), round);
        // Once past the end, once just before it.
        endpoint.wait(if round % 2 == 0 { 6.0 } else { 4.5 });
    }
}

#[tokio::test]
async fn who_can_go_on_does_not_wait_for_the_renewal() {
    let (endpoint, keys) = Endpoint::new(100).keys();
    assert_eq!(id(&keys).await, "id1");
    endpoint.wait(90.0);
    let (renewed, held) = tokio::join!(id(&keys), id(&keys));
    assert_eq!((renewed.as_str(), held.as_str()), ("id2", "id1"));
}

#[tokio::test]
async fn where_the_renewal_fails_keys_are_used_to_their_end() {
    let (endpoint, keys) = Endpoint::new(100).keys();
    assert_eq!(id(&keys).await, "id1");
    endpoint.fail(Some("status 500"));
    endpoint.wait(90.0);
    for _ in 0..10 {
        assert_eq!(id(&keys).await, "id1");
    }
    assert_eq!(endpoint.asked(), 2);
    endpoint.wait(20.0);
    let error = keys.get().await.unwrap_err();
    assert!(
        error.contains(ENDPOINT) && error.contains("status 500"),
        "{error}"
    );
    // Many that ask then are not many requests.
    for _ in 0..10 {
        assert!(keys.get().await.is_err());
    }
    assert!(endpoint.asked() <= 3);
    endpoint.fail(None);
    endpoint.wait(11.0);
    keys.get().await.unwrap();
}

#[tokio::test]
async fn refused_keys_are_renewed_once_for_all() {
    let (endpoint, keys) = Endpoint::new(3600).keys();
    let used = keys.get().await.unwrap();
    endpoint.wait(1900.0);
    for _ in 0..10 {
        assert!(keys.refused(&used).await);
    }
    assert_eq!(endpoint.asked(), 2);
    assert_eq!(id(&keys).await, "id2");
}

#[tokio::test]
async fn keys_that_are_never_good_are_not_asked_for_again_and_again() {
    let (endpoint, keys) = Endpoint::new(3600).keys();
    let mut again = 0;
    for _ in 0..100 {
        let used = keys.get().await.unwrap();
        again += u32::from(keys.refused(&used).await);
    }
    assert_eq!((again, endpoint.asked()), (1, 2));
    // Later it is tried again, each time later.
    for _ in 0..600 {
        endpoint.wait(1.0);
        let used = keys.get().await.unwrap();
        keys.refused(&used).await;
    }
    assert!((5..20).contains(&endpoint.asked()), "{}", endpoint.asked());
}

#[tokio::test]
async fn a_wrong_clock_neither_loops_nor_uses_dead_keys() {
    for ahead in [-86_400, -4000, 4000, 86_400] {
        // The server tells its time: nothing depends on ours.
        let endpoint = Endpoint {
            ahead,
            ..Endpoint::new(3600)
        };
        let (endpoint, keys) = endpoint.keys();
        for _ in 0..36 {
            keys.get().await.unwrap();
            endpoint.wait(100.0);
        }
        assert_eq!(endpoint.asked(), 2, "{ahead}");
        // It does not: what ends is found out, and then known.
        let endpoint = Endpoint {
            ahead,
            tells_time: false,
            ..Endpoint::new(60)
        };
        let (endpoint, keys) = endpoint.keys();
        let mut refused = 0;
        let mut got = (0, String::new());
        for second in 0..600 {
            let used = keys.get().await.unwrap();
            if used.key_id != got.1 {
                got = (second, used.key_id.clone());
            }
            if second - got.0 >= 60 {
                assert!(keys.refused(&used).await, "{ahead}");
                refused += 1;
            }
            endpoint.wait(1.0);
        }
        assert!(refused <= 2, "{ahead}: {refused}");
        assert!(endpoint.asked() <= 15, "{ahead}: {}", endpoint.asked());
    }
}

/// Nobody.
#[derive(Debug)]
struct Nobody;

#[async_trait]
impl Authority for Nobody {
    async fn authorization(&self, _: &Url) -> Result<Option<HeaderValue>, String> {
        Ok(None)
    }
}

#[tokio::test]
async fn only_trusted_endpoints_are_asked_and_nothing_is_printed() {
    let endpoint = Arc::new(Endpoint::new(3600));
    let asker: Arc<dyn Ask> = Arc::<Endpoint>::clone(&endpoint);
    let trusts = |url: &Url| url.host_str() == Some("data.example");
    let authority = BucketAuthority::with_asker(Arc::new(Nobody), asker, trusts);
    for (prefix, named) in [
        ("s3://evil/", "https://evil.example/s3credentials"),
        ("s3://plain/", "http://data.example/s3credentials"),
        ("s3://user/", "https://a:b@data.example/s3credentials"),
        ("s3://good/", "https://evil.example/s3credentials"),
        ("s3://good/", ENDPOINT),
        ("s3://good/b", "https://evil.example/s3credentials"),
    ] {
        authority.learn(&BucketInfo::new(prefix).with_credentials_endpoint(named));
    }
    for bucket in ["evil", "plain", "user", "goo", "goods"] {
        assert!(authority.keys(bucket, "a.h5").is_none(), "{bucket}");
    }
    let keys = authority.keys("good", "b/a.h5").unwrap();
    let same = authority.keys("good", "c.h5").unwrap();
    assert!(Arc::ptr_eq(&keys, &same));
    keys.get().await.unwrap();
    assert_eq!((endpoint.asked(), authority.renewals()), (1, 1));
    let shown = format!("{keys:?} {authority:?}");
    assert!(!shown.contains(SECRET) && !shown.contains("id1"), "{shown}");
    assert!(shown.contains(ENDPOINT), "{shown}");
}

#[test]
fn answers_are_taken_apart() {
    let body = |expiration: &str| {
        format!(
            r#"{{"accessKeyId":"ASIA1","secretAccessKey":"a/b+c","sessionToken":"t==","expiration":"{expiration}"}}"#
        )
    };
    let date = Some("Fri, 27 Nov 2026 00:00:00 GMT");
    for expiration in [
        "2026-11-27 01:00:00+00:00",
        "2026-11-27T01:00:00Z",
        "2026-11-27T02:00:00.000+01:00",
        "2026-11-27 01:00:00",
    ] {
        let answer = Answer::parse(body(expiration).as_bytes(), date).unwrap();
        let left = answer.expiration.unwrap() - answer.date.unwrap();
        assert_eq!(left.num_seconds(), 3600, "{expiration}");
        assert_eq!(answer.keys.key_id, "ASIA1");
    }
    let odd = Answer::parse(body("soon").as_bytes(), Some("today")).unwrap();
    assert_eq!((odd.expiration, odd.date), (None, None));
    for bad in [
        "",
        "[]",
        "{}",
        r#"{"accessKeyId":"a","secretAccessKey":"s3cr3t"}"#,
        r#"{"accessKeyId":"a","secretAccessKey":"s3cr3t","sessionToken":"a\nb"}"#,
        r#"{"accessKeyId":1,"secretAccessKey":"s3cr3t","sessionToken":"a"}"#,
    ] {
        let error = Answer::parse(bad.as_bytes(), None).err().unwrap();
        assert!(!error.contains(SECRET), "{error}");
    }
}
