//! `/metrics`, for Prometheus, in the text format of OpenMetrics 1.0.

use std::fmt;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use squall_protocol::Millis;

use super::Api;
use super::problem::Problem;
use crate::gateway::{Measures, OfOrganization};
use crate::session::{Answered, Delays};
use crate::state::State as Stands;

/// Tells what was counted since the process began: `squall_session_state`, `squall_attempts_total`,
/// `squall_starts_denied_total`, `squall_disconnects_total`, `squall_pings_total`, `squall_pong_delay_seconds`,
/// `squall_seconds_since_last_activity` and `squall_store_failing`.
#[utoipa::path(
    get, path = "/metrics",
    responses(
        (status = 200, body = String, content_type = "application/openmetrics-text"),
        Problem
    )
)]
pub(super) async fn metrics(State(api): State<Api>) -> Response {
    let mut registry = Registry::with_prefix("squall");
    registry.register_collector(Box::new(Told(api.operator.measures())));
    let mut text = String::new();
    text::encode(&mut text, &registry).expect("a text takes everything");
    ([(CONTENT_TYPE, MEDIA_TYPE)], text).into_response()
}

const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug)]
struct Told(Measures);

impl Collector for Told {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let all = &self.0.organizations;
        let mut states = encoder.encode_descriptor(
            "session_state",
            "1 for the state in which the organization's session stands, 0 for the others",
            None,
            MetricType::Gauge,
        )?;
        for of in all {
            for state in Stands::ALL {
                let labels = [("organization", of.org.as_str()), ("state", state.name())];
                let stands = i64::from(of.state == state);
                states.encode_family(&labels)?.encode_gauge(&stands)?;
            }
        }
        let mut attempts = encoder.encode_descriptor(
            "attempts",
            "Starts that were admitted",
            None,
            MetricType::Counter,
        )?;
        for of in all {
            count(&mut attempts, &[organization(of)], of.attempts)?;
        }
        let mut denied = encoder.encode_descriptor(
            "starts_denied",
            "Starts that were refused, by the rule that refused first",
            None,
            MetricType::Counter,
        )?;
        for (cause, denials) in &self.0.denials {
            count(&mut denied, &[("cause", cause.name())], *denials)?;
        }
        let mut disconnects = encoder.encode_descriptor(
            "disconnects",
            "Connections, or attempts before them, that ended",
            None,
            MetricType::Counter,
        )?;
        for of in all {
            for (cause, ends) in &of.disconnects {
                count(
                    &mut disconnects,
                    &[organization(of), ("cause", *cause)],
                    *ends,
                )?;
            }
        }
        pings(&mut encoder, all)?;
        silence(&mut encoder, all)?;
        let mut store = encoder.encode_descriptor(
            "store_failing",
            "1 while the store cannot be used, and what happens is kept in memory alone",
            None,
            MetricType::Gauge,
        )?;
        store.encode_gauge(&i64::from(self.0.store_fails))
    }
}

fn pings(encoder: &mut DescriptorEncoder<'_>, all: &[OfOrganization]) -> fmt::Result {
    let mut sent =
        encoder.encode_descriptor("pings", "Pings that went out", None, MetricType::Counter)?;
    for of in all {
        for (kind, pings) in kinds(of) {
            count(&mut sent, &[organization(of), ("kind", kind)], pings.sent)?;
        }
    }
    let mut delays = encoder.encode_descriptor(
        "pong_delay",
        "How soon pings were answered; the count is that of the answers",
        Some(&Unit::Seconds),
        MetricType::Histogram,
    )?;
    for of in all {
        for (kind, pings) in kinds(of) {
            let labels = [organization(of), ("kind", kind)];
            let mut family = delays.encode_family(&labels)?;
            let Answered { delays, .. } = pings;
            let buckets = buckets(delays);
            family.encode_histogram::<NoLabelSet>(
                seconds(delays.sum()),
                delays.total(),
                &buckets,
                None,
            )?;
        }
    }
    Ok(())
}

fn silence(encoder: &mut DescriptorEncoder<'_>, all: &[OfOrganization]) -> fmt::Result {
    let mut silent = encoder.encode_descriptor(
        "seconds_since_last_activity",
        "Seconds since any frame was last received",
        None,
        MetricType::Gauge,
    )?;
    for of in all {
        if let Some(seconds) = of.silent_for {
            let labels = [organization(of)];
            silent.encode_family(&labels)?.encode_gauge(&seconds)?;
        }
    }
    Ok(())
}

fn organization(of: &OfOrganization) -> (&'static str, &str) {
    ("organization", of.org.as_str())
}

fn kinds(of: &OfOrganization) -> [(&'static str, &Answered); 2] {
    [("iq", &of.pings.iq), ("web_socket", &of.pings.web_socket)]
}

fn count(metric: &mut MetricEncoder<'_>, labels: &impl EncodeLabelSet, number: u64) -> fmt::Result {
    let mut family = metric.encode_family(labels)?;
    family.encode_counter::<NoLabelSet, _, u64>(&number, None)
}

fn buckets(delays: &Delays) -> Vec<(f64, u64)> {
    let bound = |bound: Option<Millis>| bound.map_or(f64::INFINITY, seconds);
    delays
        .buckets()
        .map(|(upper, count)| (bound(upper), count))
        .collect()
}

fn seconds(length: Millis) -> f64 {
    length.to_duration().as_secs_f64()
}
