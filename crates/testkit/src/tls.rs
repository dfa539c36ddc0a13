//! HTTPS, with a certificate made for the occasion.

use std::fmt;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

use crate::connection::{self, Wire};
use crate::http2;
use crate::server::Shared;

/// A certificate for `localhost` and `127.0.0.1`, and what is offered with it.
pub(crate) struct Tls {
    certificate: String,
    acceptor: TlsAcceptor,
}

impl Tls {
    /// # Panics
    ///
    /// If no certificate can be made.
    pub(crate) fn new(http2: bool) -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a certificate with its key");
        config.alpn_protocols = if http2 {
            vec![b"h2".to_vec(), b"http/1.1".to_vec()]
        } else {
            vec![b"http/1.1".to_vec()]
        };
        Self {
            certificate: made.cert.pem(),
            acceptor: TlsAcceptor::from(Arc::new(config)),
        }
    }

    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }

    pub(crate) async fn serve(
        &self,
        stream: TcpStream,
        shared: &Shared,
        number: u64,
    ) -> std::io::Result<()> {
        let stream = self.acceptor.accept(stream).await?;
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            return http2::serve(stream, shared, number).await;
        }
        connection::serve(stream, shared, number).await
    }
}

impl Wire for TlsStream<TcpStream> {
    fn reset_on_close(&self) -> std::io::Result<()> {
        self.get_ref().0.set_zero_linger()
    }
}

/// Without the key.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}
