//! The app on a real socket: so many connections, none of which may keep others waiting.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::future::{Either, select};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::prompt::Prompt;

/// Serves so many connections at a time, while more wait, until `end` is ready; then finishes what is under way, for at
/// most [`FINISH`].
pub async fn serve(
    listener: TcpListener,
    app: Router,
    places: usize,
    end: impl Future<Output = ()>,
) {
    let mut end = pin!(end);
    let connections = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(places));
    loop {
        let accepted = pin!(async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        });
        let (place, accepted) = match select(end.as_mut(), accepted).await {
            Either::Left(_) => break,
            Either::Right((accepted, _)) => accepted,
        };
        // A connection that was gone before it was taken, or no file left for it: the next one may do better.
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let connection = connections.watch(connection(stream, app.clone()));
        tokio::spawn(async move {
            // How a connection ends is its client's affair.
            let _ = connection.await;
            drop(place);
        });
    }
    // Whoever comes from now on is refused, and does not wait for nothing.
    drop(listener);
    let finished = pin!(connections.shutdown());
    let late = pin!(tokio::time::sleep(FINISH));
    select(finished, late).await;
}

/// One connection, none of whose requests and answers takes for ever.
pub(super) fn connection<I>(
    stream: I,
    app: Router,
) -> http1::Connection<TokioIo<Prompt<I>>, TowerToHyperService<Router>>
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .serve_connection(
            TokioIo::new(Prompt::new(stream)),
            TowerToHyperService::new(app),
        )
}

/// For a request's head, and between two requests.
const HEADERS: Duration = Duration::from_secs(10);
/// After an accept that failed.
const PAUSE: Duration = Duration::from_millis(50);
/// For answers that are under way at the end.
const FINISH: Duration = Duration::from_secs(5);
