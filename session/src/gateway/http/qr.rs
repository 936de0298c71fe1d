//! The QR code that a phone scans: as an image, for a terminal, or as its own text.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use qrcode::render::{svg, unicode};
use qrcode::{Color, QrCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::body::{Asks, InPath};
use super::problem::{Kind, Problem};

/// In which form.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct As {
    /// `png` where it is left out.
    #[serde(default)]
    #[param(inline)]
    format: Form,
}

/// A form of the code.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Form {
    /// An image.
    #[default]
    Png,
    /// An image without a size of its own.
    Svg,
    /// For a terminal.
    Text,
    /// What the code says, for a phone that is a program.
    Json,
}

/// What the code says.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Says {
    /// It holds the device's secret: whoever has it can pair as this device.
    qr: String,
}

/// Shows the code that is to be scanned now. It holds the device's secret.
#[utoipa::path(
    get, path = "/api/qr/{organization_id}",
    params(("organization_id" = String, Path, description = "The organization's name"), As),
    responses(
        (status = 200, content(
            (Vec<u8> = "image/png"), (String = "image/svg+xml"), (String = "text/plain"), (Says = "application/json")
        )),
        Problem
    )
)]
pub(super) async fn show(
    State(api): State<Api>,
    InPath(org): InPath,
    Asks(As { format }): Asks<As>,
) -> Result<Response, Problem> {
    let text = api.operator.qr(&org)?;
    let mut response = drawn(&text, format)?;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    Ok(response)
}

fn drawn(text: &str, format: Form) -> Result<Response, Problem> {
    if let Form::Json = format {
        let qr = text.to_owned();
        return Ok(axum::Json(Says { qr }).into_response());
    }
    // The longest code that a server can ask for has 2,953 bytes in it; what does not fit was no reference of a server's.
    let code = QrCode::new(text)
        .map_err(|_| Problem::new(Kind::NoQr, "the server's reference is too long for a code"))?;
    let typed = |kind, body: Vec<u8>| ([(CONTENT_TYPE, kind)], body).into_response();
    Ok(match format {
        Form::Svg => typed(
            "image/svg+xml",
            code.render::<svg::Color<'_>>().build().into_bytes(),
        ),
        Form::Text => typed(
            "text/plain; charset=utf-8",
            (terminal(&code) + "\n").into_bytes(),
        ),
        Form::Png | Form::Json => typed("image/png", png(&code)),
    })
}

/// The code for a terminal that writes light on dark: what is drawn is the white of it.
fn terminal(code: &QrCode) -> String {
    let mut renderer = code.render::<unicode::Dense1x2>();
    renderer
        .dark_color(unicode::Dense1x2::Light)
        .light_color(unicode::Dense1x2::Dark);
    renderer.build()
}

/// The code in black on white, with the white border that a scanner needs.
fn png(code: &QrCode) -> Vec<u8> {
    let modules = code.to_colors();
    let width = code.width();
    let side = (width + 2 * QUIET) * PIXELS;
    let mut pixels = vec![u8::MAX; side * side];
    for (place, _) in (0..)
        .zip(&modules)
        .filter(|(_, color)| **color == Color::Dark)
    {
        let place: usize = place;
        let (row, column) = (place / width + QUIET, place % width + QUIET);
        for line in row * PIXELS..(row + 1) * PIXELS {
            pixels[line * side + column * PIXELS..][..PIXELS].fill(0);
        }
    }
    let mut bytes = Vec::new();
    let side = u32::try_from(side).expect("a code has at most 177 modules a side");
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(&pixels));
    written.expect("a vector takes everything");
    bytes
}

/// Pixels a module: a code of a session is then some 500 a side.
const PIXELS: usize = 8;
/// Modules of white on each side, as ISO/IEC 18004 asks.
const QUIET: usize = 4;
