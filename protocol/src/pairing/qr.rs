//! The text of the QR code, the one way by which a device's secret reaches the phone.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::Device;

/// What recent clients put before the fields, so that any camera offers to open WhatsApp. Older ones leave it out.
pub const QR_PREFIX: &str = "https://wa.me/settings/linked_devices#";

/// What a QR code says. Its debug form does not show the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct QrCode {
    /// The server's reference, from one `<ref>` of its `<pair-device>`.
    pub reference: String,
    /// The device's static public key of the Noise handshake, which tells whose connection it is.
    pub noise: [u8; 32],
    /// The device's identity public key.
    pub identity: [u8; 32],
    /// The secret that authenticates the phone's answer.
    pub adv_secret: [u8; 32],
    /// The kind of client, where the code says it; `1` is Chrome.
    pub platform: Option<String>,
}

impl fmt::Debug for QrCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QrCode")
            .field("reference", &self.reference)
            .field("platform", &self.platform)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for QrCode {
    /// The text of the code, secret included: [`QR_PREFIX`], then reference, noise key, identity key, secret and platform
    /// with commas between.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [noise, identity, secret] =
            [self.noise, self.identity, self.adv_secret].map(|key| BASE64_STANDARD.encode(key));
        write!(
            f,
            "{QR_PREFIX}{},{noise},{identity},{secret}",
            self.reference
        )?;
        match &self.platform {
            Some(platform) => write!(f, ",{platform}"),
            None => Ok(()),
        }
    }
}

/// The text that `device` shows for the server's `reference`.
pub fn qr_text(device: &Device, reference: &str) -> String {
    QrCode {
        reference: reference.to_owned(),
        noise: device.noise.public(),
        identity: device.identity.public(),
        adv_secret: device.adv_secret,
        platform: Some(PLATFORM_CHROME.to_owned()),
    }
    .to_string()
}

/// Why a text is no QR code of a device. It does not repeat the text, which may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQr {
    /// Neither 4 nor 5 fields.
    #[error("a QR code of a device has 4 fields or 5 with commas between; this one has {0}")]
    Fields(usize),
    /// A key that is not 32 bytes in base64.
    #[error("the {0} is not 32 bytes in base64")]
    Key(&'static str),
}

/// Reads the text of a QR code, with or without [`QR_PREFIX`], of 4 fields or 5: every form that real clients show.
///
/// # Errors
/// [`InvalidQr`].
pub fn parse_qr(text: &str) -> Result<QrCode, InvalidQr> {
    let text = text.trim();
    let text = text.strip_prefix(QR_PREFIX).unwrap_or(text);
    let mut fields = text.split(',');
    let found = InvalidQr::Fields(fields.clone().count());
    let mut next = || fields.next().ok_or(found.clone());
    let (reference, noise, identity, secret) = (next()?, next()?, next()?, next()?);
    let platform = fields.next();
    if fields.next().is_some() {
        return Err(found);
    }
    Ok(QrCode {
        reference: reference.to_owned(),
        noise: key(noise, "noise key")?,
        identity: key(identity, "identity key")?,
        adv_secret: key(secret, "ADV secret")?,
        platform: platform.map(str::to_owned),
    })
}

fn key(text: &str, name: &'static str) -> Result<[u8; 32], InvalidQr> {
    let bytes = BASE64_STANDARD.decode(text).ok();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(InvalidQr::Key(name))
}

const PLATFORM_CHROME: &str = "1";
