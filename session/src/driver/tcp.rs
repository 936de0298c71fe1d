//! Plain sockets.

use std::future::Future;
use std::io;

use tokio::net::TcpStream;

use super::Connector;
use crate::machine::Dial;

/// Dials one host over TCP, each address of it in turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    host: String,
    port: u16,
}

impl Tcp {
    /// To this host, a name or an address.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
        }
    }

    /// The host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Opens a connection. Each message goes at once: what is small is not kept back for more (`TCP_NODELAY`).
    ///
    /// # Errors
    /// What the system says of the last address.
    pub fn open(&self) -> impl Future<Output = io::Result<TcpStream>> + Send + 'static {
        let Self { host, port } = self.clone();
        async move {
            let stream = TcpStream::connect((host, port)).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        }
    }
}

impl Connector for Tcp {
    type Stream = TcpStream;

    fn connect(&self, _: &Dial) -> impl Future<Output = io::Result<TcpStream>> + Send + 'static {
        self.open()
    }
}
