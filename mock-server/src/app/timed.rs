//! The app by the machine's clock, where whoever begins a request has to end it: axum's own way to serve gives hyper no
//! timer, and without one no head of a request is ever late.

use axum::Router;
use axum::extract::ConnectInfo;
use axum::serve::Listener;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use squall_protocol::Millis;
use tower::ServiceExt;

use super::{MockServer, Watching};
use crate::id::Peer;

impl MockServer {
    /// Serves the app on this listener, for ever, in a runtime with a timer. A connection on which a request is awaited
    /// and its head has not come whole after `patience` is ended.
    pub async fn serve_timed<L>(self, listener: L, patience: Millis)
    where
        L: Listener<Addr = Peer>,
    {
        let app = self.router::<L::Io>();
        timed(Watching::new(listener, self), app, patience).await;
    }

    /// Serves the [pages](Self::pages) so.
    pub async fn serve_pages_timed<L>(self, listener: L, patience: Millis)
    where
        L: Listener<Addr = Peer>,
    {
        let pages = self.pages();
        timed(Watching::new(listener, self), pages, patience).await;
    }
}

async fn timed<L>(mut listener: Watching<L>, app: Router, patience: Millis)
where
    L: Listener<Addr = Peer>,
{
    // What finds out by itself which version a client speaks waits without end for its first byte.
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(patience.to_duration());
    loop {
        let (stream, peer) = listener.accept().await;
        let app = app.clone();
        let service = app.map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer.clone()));
            request
        });
        let service = TowerToHyperService::new(service);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            // Whatever goes wrong with a connection is its own affair.
            let _ = connection.with_upgrades().await;
        });
    }
}
