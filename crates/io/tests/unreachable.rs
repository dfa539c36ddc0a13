//! What is said where no connection comes about: no host, no network, a clock that is wrong.

use std::sync::Arc;
use std::time::Duration;

use chunkref_io::{Client, ClientOptions, Error};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

fn options() -> ClientOptions {
    ClientOptions::default()
        .with_backoff(Duration::from_millis(2))
        .with_retries(1)
}

async fn failure(options: ClientOptions, url: &str) -> String {
    let object = Client::new(options).open(url).await.unwrap();
    let error = object.size().await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    let text = error.to_string();
    assert!(!text.contains('\n'), "{text}");
    text
}

#[tokio::test]
async fn a_host_that_is_not_found_is_to_be_checked() {
    let address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    for url in [
        format!("http://{address}/a.h5"),
        "http://no-such-host.invalid/a.h5".to_owned(),
    ] {
        let text = failure(options().with_retries(5), &url).await;
        let advice = "check the network, the name of the host, and HTTPS_PROXY if there is a proxy";
        assert!(text.contains(advice), "{text}");
    }
}

/// To a clock that is wrong by years a good certificate looks like one of these.
#[tokio::test]
async fn a_certificate_of_another_time_raises_the_question_of_the_clock() {
    for (first, last) in [(2001, 2002), (2998, 2999)] {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_before = date_time_ymd(first, 1, 1);
        params.not_after = date_time_ymd(last, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // The client does not go on.
                let _ = acceptor.accept(stream).await;
            }
        });
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), certificate.pem()).unwrap();
        let options = options().with_ca_bundle(Some(file.path().to_owned()));
        let text = failure(options, &format!("https://localhost:{port}/a.h5")).await;
        assert!(text.contains("is this machine's clock right?"), "{text}");
        serving.abort();
    }
}
