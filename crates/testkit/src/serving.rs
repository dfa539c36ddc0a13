//! What all servers have in common: a port, threads of their own, connections handed over.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// Listens on this port of the loopback interface; 0 is any free one.
pub(crate) fn listen(port: u16) -> (TcpListener, SocketAddr) {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("a port of the loopback interface");
    listener
        .set_nonblocking(true)
        .expect("a socket that does not block");
    let address = listener.local_addr().expect("the port that was bound");
    (listener, address)
}

/// The threads of a server; they end when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Serves on threads of this name.
    pub(crate) fn start<F: Future<Output = ()>>(
        name: &'static str,
        serve: impl FnOnce() -> F + Send + 'static,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .thread_name(name)
                .enable_all()
                .build()
                .expect("a tokio runtime");
            runtime.block_on(async {
                tokio::select! {
                    () = serve() => {}
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        });
        Self {
            stop: Some(stop),
            thread: Some(thread),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Starts a server from async code.
pub(crate) async fn from_async<S: Send + 'static>(start: impl FnOnce() -> S + Send + 'static) -> S {
    match tokio::task::spawn_blocking(start).await {
        Ok(server) => server,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Hands over all connections, without end.
pub(crate) async fn accept<F: Future<Output = ()> + Send + 'static>(
    listener: TcpListener,
    serve: impl Fn(TcpStream) -> F,
) {
    let listener =
        tokio::net::TcpListener::from_std(listener).expect("a listener that does not block");
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            tokio::spawn(serve(stream));
        }
    }
}

/// A panic elsewhere must not hide the log from the test that reads it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(any(feature = "cmr", feature = "login", feature = "s3"))]
pub(crate) use requests::{answer, header};

/// Servers that `hyper` speaks for.
#[cfg(any(feature = "cmr", feature = "login", feature = "s3"))]
mod requests {
    use std::error::Error;
    use std::future::Future;
    use std::net::TcpListener;

    use http::{HeaderMap, Request, Response};
    use hyper::body::{Body, Incoming};
    use hyper::service::service_fn;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use hyper_util::server::conn::auto::Builder as Connections;

    /// Answers the requests of all connections, without end.
    pub(crate) async fn answer<F, B, E>(
        listener: TcpListener,
        answer: impl Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    ) where
        F: Future<Output = Result<Response<B>, E>> + Send + 'static,
        B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        super::accept(listener, move |stream| {
            let service = service_fn(answer.clone());
            async move {
                // A client that went away is no fault of the server.
                let _ = Connections::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            }
        })
        .await;
    }

    /// A header that is text.
    pub(crate) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
        let value = headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    }
}
