//! TLS over plain sockets.

use std::future::Future;
use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::{Connector, Tcp};
use crate::machine::Dial;

/// Dials one host over TLS, and trusts the roots that it was given and nobody else.
#[derive(Clone)]
pub struct Wss {
    tcp: Tcp,
    name: ServerName<'static>,
    tls: TlsConnector,
}

/// Why nothing can be trusted.
#[derive(Debug, thiserror::Error)]
pub enum Untrusted {
    /// No certificate can be read.
    #[error("the root certificate is no PEM: {0}")]
    Pem(#[from] pem::Error),
    /// What was read is no certificate.
    #[error("the root certificate cannot be trusted: {0}")]
    Certificate(#[from] rustls::Error),
    /// No certificate can be for such a host.
    #[error("no certificate can be for this host: {0}")]
    Host(#[from] InvalidDnsNameError),
}

impl Wss {
    /// To this host, trusting the certificates of this PEM.
    ///
    /// # Errors
    /// See [`Untrusted`].
    pub fn new(tcp: Tcp, roots: &[u8]) -> Result<Self, Untrusted> {
        let mut trusted = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(roots) {
            trusted.add(certificate?)?;
        }
        let provider = Arc::new(ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(trusted)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = ServerName::try_from(tcp.host().to_owned())?;
        Ok(Self {
            tcp,
            name,
            tls: TlsConnector::from(Arc::new(config)),
        })
    }

    /// Opens a connection and proves who is at its other end.
    ///
    /// # Errors
    /// What the system says, or what is wrong with the certificate.
    pub fn open(&self) -> impl Future<Output = io::Result<TlsStream<TcpStream>>> + Send + 'static {
        let Self { tcp, name, tls } = self.clone();
        async move { tls.connect(name, tcp.open().await?).await }
    }
}

impl Connector for Wss {
    type Stream = TlsStream<TcpStream>;

    fn connect(
        &self,
        _: &Dial,
    ) -> impl Future<Output = io::Result<TlsStream<TcpStream>>> + Send + 'static {
        self.open()
    }
}

impl std::fmt::Debug for Wss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wss")
            .field("tcp", &self.tcp)
            .finish_non_exhaustive()
    }
}
