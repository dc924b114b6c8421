//! Metrics for Prometheus: counters and latencies recorded as they happen, and gauges counted at each scrape.
//!
//! Gauges are written straight into the answer rather than recorded: a state that no volume has any more then disappears
//! instead of keeping its last value.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use miosa_control::Gauges;

/// Upper bounds in seconds: calls that touch only the database, calls that wait for a host, and the 15 s after which an answer
/// no longer waits.
const LATENCY_BUCKETS: [f64; 13] =
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0];

/// Samples wait in memory until they are folded into buckets; this bounds how many can wait between two scrapes.
const UPKEEP_EVERY: Duration = Duration::from_secs(10);

/// The recorder of this process, made at the first call.
pub(crate) fn recorder() -> PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(install).clone()
}

fn install() -> PrometheusHandle {
    let recorder = PrometheusBuilder::new()
        .set_buckets(&LATENCY_BUCKETS)
        .expect("refused only when there are no buckets")
        .build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("metrics are recorded elsewhere: /metrics shows gauges only");
    }
    metrics::describe_counter!("miosa_http_requests_total", "Answered requests.");
    metrics::describe_histogram!(
        "miosa_http_request_seconds",
        "Time from a request's header to its answer's header."
    );
    metrics::describe_histogram!("miosa_effect_seconds", "Time from intent to outcome.");
    metrics::describe_counter!("miosa_snapshots_total", "Snapshots taken and failed.");
    metrics::describe_histogram!(
        "miosa_snapshot_stall_seconds",
        "Time that a volume's writers waited for a snapshot."
    );
    handle
}

/// Folds waiting samples, for ever.
pub(crate) async fn upkeep(recorder: PrometheusHandle) {
    let mut tick = tokio::time::interval(UPKEEP_EVERY);
    loop {
        tick.tick().await;
        recorder.run_upkeep();
    }
}

/// Counts one answered request. `route` is a template of the route table, so the number of series is bounded.
pub(crate) fn request_answered(method: &'static str, route: &'static str, status: u16, took: Duration) {
    metrics::counter!("miosa_http_requests_total", "method" => method, "route" => route, "status" => status.to_string())
        .increment(1);
    metrics::histogram!("miosa_http_request_seconds", "method" => method, "route" => route)
        .record(took.as_secs_f64());
}

/// The whole answer to a scrape, in the text format 0.0.4.
pub(crate) fn render(recorder: &PrometheusHandle, gauges: Option<&Gauges>) -> String {
    let mut text = recorder.render();
    if let Some(gauges) = gauges {
        labelled(&mut text, "miosa_volumes", "Volumes by state.", "state", &gauges.volumes);
        labelled(&mut text, "miosa_computers", "Computers by status.", "status", &gauges.computers);
        labelled(&mut text, "miosa_attachments", "Attachments by state.", "state", &gauges.attachments);
        labelled(&mut text, "miosa_snapshots", "Snapshots by state.", "state", &gauges.snapshots);
        labelled(
            &mut text,
            "miosa_snapshot_schedules",
            "Snapshot schedules by state.",
            "state",
            &gauges.snapshot_schedules,
        );
        single(
            &mut text,
            "miosa_pool_capacity_bytes",
            "Bytes that the pools can hold.",
            gauges.pool_capacity_bytes,
        );
        single(
            &mut text,
            "miosa_pool_used_bytes",
            "Bytes of the pools really written.",
            gauges.pool_used_bytes,
        );
        single(&mut text, "miosa_agent_sessions", "Connected agents.", gauges.agent_sessions);
    }
    text
}

fn labelled(text: &mut String, name: &str, help: &str, label: &str, values: &BTreeMap<String, u64>) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
    for (value, count) in values {
        let _ = writeln!(text, "{name}{{{label}=\"{value}\"}} {count}");
    }
}

fn single(text: &mut String, name: &str, help: &str, value: u64) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A scrape shows what was counted, by route template, and the gauges of the moment.
    #[test]
    fn a_scrape_shows_requests_and_gauges() {
        let recorder = recorder();
        request_answered("GET", "/volumes/{id}/telemetry-test", 200, Duration::from_millis(3));
        let gauges = Gauges {
            volumes: BTreeMap::from([("available".into(), 2)]),
            agent_sessions: 1,
            ..Gauges::default()
        };
        let text = render(&recorder, Some(&gauges));
        for line in [
            "miosa_http_requests_total{method=\"GET\",route=\"/volumes/{id}/telemetry-test\",status=\"200\"} 1",
            "miosa_http_request_seconds_bucket{method=\"GET\",route=\"/volumes/{id}/telemetry-test\",le=\"0.005\"} 1",
            "miosa_volumes{state=\"available\"} 2",
            "miosa_agent_sessions 1",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
    }
}
