//! One picture: what a policy costs against how long it takes to find silence, with the front of what costs least for
//! what it finds.
//!
//! An SVG by hand rather than by a library of charts: a few dozen elements, whose colours follow the reader's light or
//! dark theme, and which a page can take in as they are.

use std::fmt::Write;

use squall_protocol::Millis;

use super::scale::Scale;
use super::{bytes, seconds};
use crate::keep_alive::policy::Silence;
use crate::keep_alive::{Broken, Row, Study};

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 560.0;
const LEFT: f64 = 74.0;
const RIGHT: f64 = 836.0;
const TOP: f64 = 84.0;
const BOTTOM: f64 = 492.0;

/// The picture, as an SVG document that stands alone.
pub fn svg(study: &Study) -> String {
    drawn(study, &format!("<style>{STYLE}</style>\n"))
}

/// The same as an element of a page that has [`STYLE`].
pub(super) fn inside_a_page(study: &Study) -> String {
    drawn(study, "")
}

fn drawn(study: &Study, style: &str) -> String {
    let seen: Vec<(&Row, f64)> = study
        .rows
        .iter()
        .filter_map(|row| Some((row, p99(row)?)))
        .collect();
    let x = Scale::fitting(seen.iter().map(|(row, _)| row.costs.ip), LEFT, RIGHT);
    let y = Scale::fitting(seen.iter().map(|(_, found)| *found), BOTTOM, TOP);
    let mut out = String::new();
    head(&mut out, style);
    axes(&mut out, &x, &y);
    families(&mut out, &seen, (&x, &y));
    front(&mut out, study, (&x, &y));
    for (row, found) in &seen {
        dot(&mut out, row, (x.at(row.costs.ip), y.at(*found)));
    }
    labels(&mut out, &seen, (&x, &y));
    out.push_str("</svg>\n");
    out
}

fn p99(row: &Row) -> Option<f64> {
    let found = row.dead(Broken::Silence, 990)?;
    Some(found.to_duration().as_secs_f64())
}

fn head(out: &mut String, style: &str) {
    let _ = write!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="keep-alive-title keep-alive-text" class="keep-alive">
<title id="keep-alive-title">What a keep-alive costs against how soon it finds silence</title>
<desc id="keep-alive-text">Each dot is a policy: further left it costs fewer bytes an hour, further down it finds silence sooner. A hollow dot gives up good connections over a slow link or loses its connection to a NAT. The thick line is the front of what costs least for what it finds.</desc>
{style}<rect class="ground" width="{WIDTH}" height="{HEIGHT}" rx="8"/>
<text class="title" x="{LEFT}" y="32">Cost of a session-hour against the time until silence is found</text>
<text class="note" x="{LEFT}" y="52">Hollow: gives up good connections over the slow link, or loses its connection to the NAT.</text>
<text class="note" x="{LEFT}" y="68">Thick line: nothing that is safe costs less and finds silence sooner.</text>
"#
    );
}

fn axes(out: &mut String, x: &Scale, y: &Scale) {
    for value in x.ticks(&KILOBYTES) {
        let at = x.at(value);
        let _ = writeln!(
            out,
            r#"<line class="grid" x1="{at:.1}" y1="{TOP}" x2="{at:.1}" y2="{BOTTOM}"/><text class="tick" x="{at:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            BOTTOM + 18.0,
            whole(value / 1_000.0)
        );
    }
    for value in y.ticks(&SECONDS) {
        let at = y.at(value);
        let _ = writeln!(
            out,
            r#"<line class="grid" x1="{LEFT}" y1="{at:.1}" x2="{RIGHT}" y2="{at:.1}"/><text class="tick" x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
            LEFT - 8.0,
            at + 4.0,
            whole(value)
        );
    }
    let (middle, low) = ((LEFT + RIGHT) / 2.0, BOTTOM + 44.0);
    let side = (TOP + BOTTOM) / 2.0;
    let _ = writeln!(
        out,
        r#"<text class="axis" x="{middle}" y="{low}" text-anchor="middle">kB an hour, with TLS, TCP and IP (logarithmic)</text><text class="axis" transform="translate(22 {side}) rotate(-90)" text-anchor="middle">seconds until silence is found, p99 (logarithmic)</text>"#
    );
}

/// A thin line through the policies of the sweep that differ in the interval alone.
fn families(out: &mut String, seen: &[(&Row, f64)], (x, y): (&Scale, &Scale)) {
    let mut families: Vec<(Silence, Vec<String>)> = Vec::new();
    for (row, found) in seen.iter().filter(|(row, _)| row.swept) {
        let Some(silence) = row.policy.silence else {
            continue;
        };
        let point = format!("{:.1},{:.1}", x.at(row.costs.ip), y.at(*found));
        match families.iter_mut().find(|(of, _)| *of == silence) {
            Some((_, points)) => points.push(point),
            None => families.push((silence, vec![point])),
        }
    }
    for (_, points) in families {
        let _ = writeln!(
            out,
            r#"<polyline class="family" points="{}"/>"#,
            points.join(" ")
        );
    }
}

fn front(out: &mut String, study: &Study, (x, y): (&Scale, &Scale)) {
    let rows = study.front().into_iter().map(|place| &study.rows[place]);
    let points: Vec<String> = rows
        .filter_map(|row| Some(format!("{:.1},{:.1}", x.at(row.costs.ip), y.at(p99(row)?))))
        .collect();
    let _ = writeln!(
        out,
        r#"<polyline class="front" points="{}"/>"#,
        points.join(" ")
    );
}

fn dot(out: &mut String, row: &Row, (x, y): (f64, f64)) {
    let kind = if row.swept { "swept" } else { "client" };
    let hollow = if row.is_safe() { "" } else { " hollow" };
    let radius = if row.swept { 4.0 } else { 6.5 };
    let _ = writeln!(
        out,
        r#"<circle class="{kind}{hollow}" cx="{x:.1}" cy="{y:.1}" r="{radius}"><title>{}: {} an hour, silence found within {} (p99), {:.1} false alarms a day</title></circle>"#,
        escaped(&row.policy.name),
        bytes(row.costs.ip),
        seconds(row.dead(Broken::Silence, 990)),
        row.false_alarms_per_day
    );
}

/// Names beside the clients, and the intervals along each family of the sweep, where there is room.
fn labels(out: &mut String, seen: &[(&Row, f64)], scales: (&Scale, &Scale)) {
    let (swept, clients): (Vec<_>, Vec<_>) = seen.iter().partition(|(row, _)| row.swept);
    let mut taken = names(out, &clients, scales);
    intervals(out, &swept, scales, &mut taken);
    patience(out, &swept, scales);
}

/// Writes the clients' names, and says where each is.
fn names(out: &mut String, clients: &[&(&Row, f64)], (x, y): (&Scale, &Scale)) -> Vec<(f64, f64)> {
    let mut taken: Vec<(f64, f64)> = Vec::new();
    for (row, found) in clients {
        let (x, mut y) = (x.at(row.costs.ip) + 11.0, y.at(*found) + 4.0);
        while is_taken(&taken, (x, y), (90.0, 14.0)) {
            y += 15.0;
        }
        taken.push((x, y));
        let name = escaped(&row.policy.name);
        let _ = writeln!(
            out,
            r#"<text class="name" x="{x:.1}" y="{y:.1}">{name}</text>"#
        );
    }
    taken
}

fn intervals(
    out: &mut String,
    swept: &[&(&Row, f64)],
    (x, y): (&Scale, &Scale),
    taken: &mut Vec<(f64, f64)>,
) {
    let longest = swept.iter().map(|(row, _)| after(row)).max();
    for (row, found) in swept {
        // The family with the longest patience is above the others.
        let aside = match Some(after(row)) == longest {
            true => -9.0,
            false => 17.0,
        };
        let place = (x.at(row.costs.ip), y.at(*found) + aside);
        // A name begins at its place and goes on to the right; an interval is around its own.
        let beside = (place.0 - 34.0, place.1);
        if is_taken(taken, beside, (60.0, 12.0)) || is_taken(taken, place, (24.0, 10.0)) {
            continue;
        }
        taken.push(place);
        let _ = writeln!(
            out,
            r#"<text class="interval" x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            place.0, place.1, row.policy.ping.every.0
        );
    }
}

/// Beside the rarest pings of each family, its patience.
fn patience(out: &mut String, swept: &[&(&Row, f64)], (x, y): (&Scale, &Scale)) {
    let mut told: Vec<Millis> = Vec::new();
    for (row, found) in swept {
        let rarest = swept
            .iter()
            .all(|(other, _)| other.costs.ip >= row.costs.ip);
        let patience = after(row);
        if !rarest || told.contains(&patience) {
            continue;
        }
        let aside = if told.is_empty() { -2.0 } else { 24.0 };
        told.push(patience);
        let (x, y) = (x.at(row.costs.ip) + 12.0, y.at(*found) + aside);
        let _ = writeln!(
            out,
            r#"<text class="interval" x="{x:.1}" y="{y:.1}">dead {patience} after a ping</text>"#
        );
    }
}

/// After so long a silence a policy of the sweep gives up.
fn after(row: &Row) -> Millis {
    match row.policy.silence {
        Some(Silence::AfterPing(after)) => after,
        _ => Millis::ZERO,
    }
}

/// Whether something is within so much of this place, across and along.
fn is_taken(taken: &[(f64, f64)], (x, y): (f64, f64), (across, along): (f64, f64)) -> bool {
    taken
        .iter()
        .any(|(other_x, other_y)| (x - other_x).abs() < across && (y - other_y).abs() < along)
}

fn whole(value: f64) -> String {
    match value < 1.0 {
        true => format!("{value:.1}"),
        false => format!("{value:.0}"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Ticks of the cost, in bytes.
const KILOBYTES: [f64; 12] = [
    100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0, 20_000.0, 50_000.0, 100_000.0,
    200_000.0, 500_000.0,
];
/// Ticks of the time, in seconds.
const SECONDS: [f64; 11] = [
    5.0, 10.0, 20.0, 30.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 1_200.0,
];

/// How it looks, by day and by night.
pub(in crate::report) const STYLE: &str = "
.keep-alive { --ink: #1c2430; --faint: #5b6675; --rule: #dfe4ea; --paper: #ffffff; --safe: #0b6e6e; --client: #b3420f; font: 12px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { .keep-alive { --ink: #e8edf3; --faint: #a3afbd; --rule: #313a46; --paper: #14191f; --safe: #4fd0c7; --client: #ff9b66; } }
.keep-alive .ground { fill: var(--paper); }
.keep-alive text { fill: var(--ink); }
.keep-alive .title { font-size: 16px; font-weight: 600; }
.keep-alive .note, .keep-alive .tick, .keep-alive .axis, .keep-alive .interval { fill: var(--faint); }
.keep-alive .interval { font-size: 10px; }
.keep-alive .name { font-weight: 600; fill: var(--client); }
.keep-alive .grid { stroke: var(--rule); stroke-width: 1; }
.keep-alive .family { fill: none; stroke: var(--faint); stroke-width: 1; stroke-dasharray: 3 3; }
.keep-alive .front { fill: none; stroke: var(--safe); stroke-width: 3; stroke-linejoin: round; }
.keep-alive .swept { fill: var(--safe); stroke: var(--safe); stroke-width: 1.5; }
.keep-alive .client { fill: var(--client); stroke: var(--client); stroke-width: 2; }
.keep-alive .hollow { fill: var(--paper); }
";
