//! The way from the client's process to the server, and to the phone that looks at its screen.

use std::future::Future;
use std::io;

use squall_mock_server::Peer;
use squall_protocol::certificate::TrustedRoot;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::trace::OrgName;

/// What a client's process dials over.
pub(crate) trait Network: Send + Sync + 'static {
    /// What carries a connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The root public key that the server's certificates lead to.
    fn root(&self) -> TrustedRoot;

    /// Whom the client asks for: host and port, or a name alone.
    fn authority(&self) -> String;

    /// Opens a connection that has its number already.
    fn dial(&self, peer: Peer) -> impl Future<Output = io::Result<Self::Stream>> + Send + 'static;

    /// This organization shows a QR code where its phone sees it.
    fn phone_sees_qr(&self, org: &OrgName, qr: &str);

    /// A phone scans this QR code at once.
    fn scan_qr(&self, qr: &str);
}
