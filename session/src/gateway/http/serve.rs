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
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Serves until `end` is ready; then finishes what is under way, for at most [`FINISH`].
pub async fn serve(listener: TcpListener, app: Router, end: impl Future<Output = ()>) {
    let mut end = pin!(end);
    let connections = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
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
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app.clone()));
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            // How a connection ends is its client's affair.
            let _ = connection.await;
            drop(place);
        });
    }
    let finished = pin!(connections.shutdown());
    let late = pin!(tokio::time::sleep(FINISH));
    select(finished, late).await;
}

/// As many at a time; more wait.
const CONNECTIONS: usize = 1_024;
/// For a request's head, and between two requests.
const HEADERS: Duration = Duration::from_secs(10);
/// After an accept that failed.
const PAUSE: Duration = Duration::from_millis(50);
/// For answers that are under way at the end.
const FINISH: Duration = Duration::from_secs(5);
