//! The phone of a server that is not ours: it holds the QR code to that server's control API.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::engine::conductor::{Class, Conductor};
use crate::engine::live::network::Way;
use crate::plan;
use crate::trace::OrgName;

/// See the module's text.
pub(super) struct Phone {
    conductor: Arc<Conductor>,
    way: Way,
    authority: String,
    habit: plan::Phone,
    /// What each organization shows that its phone will scan.
    shown: Mutex<BTreeMap<OrgName, String>>,
}

impl Phone {
    /// A phone with this habit, for the server that this way leads to.
    pub(super) fn new(
        conductor: &Arc<Conductor>,
        way: &Way,
        authority: &str,
        habit: plan::Phone,
    ) -> Arc<Self> {
        Arc::new(Self {
            conductor: Arc::clone(conductor),
            way: way.clone(),
            authority: authority.to_owned(),
            habit,
            shown: Mutex::default(),
        })
    }

    /// It sees this code, and scans later what it sees then.
    pub(super) fn sees(self: &Arc<Self>, org: &OrgName, qr: &str) {
        let plan::Phone::ScansAfter(after) = self.habit else {
            return;
        };
        if self.lock().insert(org.clone(), qr.to_owned()).is_some() {
            return;
        }
        let (phone, org) = (Arc::clone(self), org.clone());
        tokio::spawn(async move {
            let at = phone.conductor.now() + after;
            phone.conductor.sleep_until(at, Class::Timer).await;
            let qr = phone.lock().remove(&org);
            if let Some(qr) = qr {
                // A server that cannot be asked pairs nobody, which the run shows.
                let _ = phone.hold(Some(&org), &qr).await;
            }
        });
    }

    /// It scans this code at once.
    pub(super) fn scans(self: &Arc<Self>, qr: &str) {
        let (phone, qr) = (Arc::clone(self), qr.to_owned());
        tokio::spawn(async move {
            let _ = phone.hold(None, &qr).await;
        });
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<OrgName, String>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn hold(&self, org: Option<&OrgName>, qr: &str) -> io::Result<()> {
        let account = org.map(|org| format!("?account={}", quoted(org)));
        let mut socket = self.way.clone().open().await?;
        let request = format!(
            "POST /admin/mock-phone/scan-qr{} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/plain\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{qr}",
            account.unwrap_or_default(),
            self.authority,
            qr.len(),
        );
        socket.write_all(request.as_bytes()).await?;
        socket.flush().await?;
        socket.read_to_end(&mut Vec::new()).await?;
        Ok(())
    }
}

/// As a query takes it (RFC 3986, 2.1).
fn quoted(text: &str) -> String {
    let byte = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
