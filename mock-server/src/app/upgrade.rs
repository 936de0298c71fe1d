//! The HTTP upgrade, by hand: axum's own would hide the stream, and faults need it.

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use http::header::{
    CONNECTION, RETRY_AFTER, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::connection::Driver;
use super::{MockServer, Watched};
use crate::fault;
use crate::id::{ConnectionId, Peer};
use crate::server::{Closed, Input};

/// Answers a request for `/ws/chat`.
pub(super) async fn on_request<Io>(
    State(server): State<MockServer>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    mut request: Request,
) -> Response
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let id = peer.connection;
    let verdict = server.with(None, |server, now| server.on_upgrade(now, peer));
    match &verdict {
        fault::Upgrade::Stall => std::future::pending().await,
        fault::Upgrade::Refuse {
            status,
            retry_after,
        } => {
            let mut response = answer(status.get());
            let header = retry_after
                .as_ref()
                .and_then(|text| HeaderValue::try_from(text.as_str()).ok());
            if let Some(header) = header {
                response.headers_mut().insert(RETRY_AFTER, header);
            }
            response
        }
        fault::Upgrade::Switch | fault::Upgrade::BadAccept => {
            let Some(mut accept) = accept_key(request.method(), request.headers()) else {
                return answer(StatusCode::BAD_REQUEST.as_u16());
            };
            if verdict == fault::Upgrade::BadAccept {
                accept = accept_of_another(&accept);
            }
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(drive::<Io>(server.clone(), id, upgrade));
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            let headers = response.headers_mut();
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
            response
        }
    }
}

/// Runs a connection from its upgrade to its end.
async fn drive<Io>(server: MockServer, id: ConnectionId, upgrade: OnUpgrade)
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let inbox = server.route(id);
    let how = match upgrade.await {
        Ok(upgraded) => {
            server.input(Input::Upgraded(id));
            match stream::<Io>(upgraded) {
                Ok((stream, read)) => {
                    Driver::new(server.clone(), id, stream, &read, inbox)
                        .await
                        .run()
                        .await
                }
                Err(upgraded) => whole(server.clone(), id, upgraded, inbox).await,
            }
        }
        // The client left before the answer was written.
        Err(_) => Closed::Eof,
    };
    server.closed(id, how);
}

/// The stream below, and what was read of it already, whether axum serves it or hyper itself.
fn stream<Io>(upgraded: Upgraded) -> Result<(Io, Bytes), Upgraded>
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let inner = |io: TokioIo<Watched<Io>>| io.into_inner().into_inner();
    match downcast::<TokioIo<Watched<Io>>>(upgraded) {
        Ok(parts) => Ok((inner(parts.io), parts.read_buf)),
        Err(upgraded) => {
            let parts = upgraded.downcast::<TokioIo<Watched<Io>>>()?;
            Ok((inner(parts.io), parts.read_buf))
        }
    }
}

/// The same over a stream whose type is not known.
async fn whole(
    server: MockServer,
    id: ConnectionId,
    upgraded: Upgraded,
    inbox: super::UnboundedReceiver<super::Wire>,
) -> Closed {
    Driver::new(server, id, TokioIo::new(upgraded), &[], inbox)
        .await
        .run()
        .await
}

/// The Sec-WebSocket-Accept for this request, if it asks for a WebSocket (RFC 6455, 4.2.1).
fn accept_key(method: &Method, headers: &HeaderMap) -> Option<HeaderValue> {
    let asks = method == Method::GET
        && has_token(headers, &CONNECTION, "upgrade")
        && has_token(headers, &UPGRADE, "websocket")
        && has_token(headers, &SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|_| asks)?;
    HeaderValue::try_from(derive_accept_key(key.as_bytes())).ok()
}

/// A Sec-WebSocket-Accept that is well formed and answers another key: that of the right one taken for a key.
fn accept_of_another(right: &HeaderValue) -> HeaderValue {
    HeaderValue::try_from(derive_accept_key(right.as_bytes())).expect("base64 is visible ASCII")
}

/// Whether a comma-separated header has this token, in any case.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}

/// An answer without a body, after which the connection ends.
fn answer(status: u16) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() =
        StatusCode::from_u16(status).expect("a refusal's status is 200 to 599");
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(changes: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let honest = [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        for (name, value) in honest.iter().chain(changes) {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn the_accept_key_is_that_of_the_rfc() {
        // RFC 6455, 1.3.
        let accept = accept_key(&Method::GET, &request(&[])).unwrap();
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_request_for_something_else_is_no_upgrade() {
        for change in [
            ("connection", "close"),
            ("upgrade", "h2c"),
            ("sec-websocket-version", "8"),
        ] {
            assert_eq!(
                accept_key(&Method::GET, &request(&[change])),
                None,
                "{change:?}"
            );
        }
        assert_eq!(accept_key(&Method::POST, &request(&[])), None);
    }
}
