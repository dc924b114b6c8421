//! What to type next, after the server's message has said what is wrong. The server speaks of its API; this is the same in the
//! words of the command line.

use miosa_api::error::ErrorEnvelope;

pub(crate) fn for_refusal(envelope: &ErrorEnvelope) -> Option<String> {
    let detail = |name: &str| envelope.error.details.get(name).and_then(|value| value.as_str());
    // What the server does not tell is left for the person to fill in.
    let attachment = detail("attachment_id").unwrap_or("<attachment-id>");
    let volume = detail("volume_id").unwrap_or("<volume>");
    let computer = detail("computer_id").unwrap_or("<computer>");
    // A snapshot that failed is there as a whole.
    let failed = |name: &str| envelope.error.details.get("snapshot")?.get(name)?.as_str();
    let snapshot = detail("snapshot_id").or_else(|| failed("id")).unwrap_or("<snapshot>");
    let its_volume = failed("volume_id").unwrap_or(volume);
    Some(match envelope.code.as_str() {
        "invalid_token" => "check MIOSA_API_KEY, --api-key and ~/.miosa/config.toml".into(),
        "insufficient_scope" => "use a key that may do this".into(),
        "NOT_FOUND" if detail("deleted_at").is_some() && envelope.message.starts_with("volume") => {
            "`miosa volumes list --deleted` shows the trash, `miosa volumes undelete` brings back".into()
        }
        "NOT_FOUND" => {
            "`miosa volumes list`, `miosa snapshots list`, `miosa computers list` and `miosa services list` \
                        show what there is"
                .into()
        }
        "VOLUME_IN_USE" if envelope.error.details.contains_key("holders") => {
            "stop them, or detach with --force, which ends them".into()
        }
        "VOLUME_IN_USE" | "VOLUME_ATTACHED" if envelope.error.details.contains_key("service_id") => {
            let service = detail("service_id").unwrap_or("<service>");
            format!("`miosa services unmount {service} {volume}` first")
        }
        "STALE_SERVICE" => {
            "somebody else changed it in the same moment: look at it, and repeat the command".into()
        }
        "VOLUME_IN_USE" | "VOLUME_ATTACHED" => format!("`miosa volumes detach {attachment}` first"),
        "MOUNT_PATH_IN_USE" => "choose another path with --mount".into(),
        "VOLUME_NOT_READY" if detail("state") == Some("deleted") => {
            format!("`miosa volumes undelete {volume}` first")
        }
        "VOLUME_NOT_READY" => format!("`miosa volumes show {volume}` tells how it goes on"),
        "VOLUME_LIMIT_REACHED" => {
            "`miosa volumes list`, then `miosa volumes destroy` what is not needed".into()
        }
        "PROTECTED" if detail("snapshot_id").is_some() => {
            format!("`miosa snapshots unprotect {snapshot}` first")
        }
        "SNAPSHOT_NOT_READY" => format!("`miosa snapshots show {snapshot}` tells how it goes on"),
        "SNAPSHOT_IN_USE" => {
            "a volume is being made from it or restored to it: delete it when that is done".into()
        }
        "NO_SNAPSHOT_AVAILABLE" => format!("`miosa snapshots create {volume}` takes one"),
        "STALL_BUDGET" => {
            format!("--now takes it all the same; or `miosa volumes compact {its_volume}` first")
        }
        "HOOK_FAILED" => {
            format!("mend the command, or `miosa volumes update {its_volume} --before-snapshot ''` clears it")
        }
        "SNAPSHOT_FAILED" | "WRITE_BACK_TIMEOUT" => {
            format!("`miosa snapshots show {snapshot}` keeps the reason for a day")
        }
        "PROTECTED" => format!("`miosa volumes update {volume} --delete-protection off` first"),
        "RESOURCE_STATE" if detail("status") == Some("stopped") => {
            format!("`miosa computers start {computer}` first")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(code: &str, details: serde_json::Value) -> ErrorEnvelope {
        let inner = serde_json::json!({"code": code, "message": "", "request_id": "", "details": details,
            "retryable": false});
        let outer = serde_json::json!({"error": inner, "message": "", "code": code, "request_id": ""});
        serde_json::from_value(outer).unwrap()
    }

    #[test]
    fn a_hint_can_be_typed_as_it_stands_where_the_server_says_enough() {
        use serde_json::json;
        for (code, details, hint) in [
            ("VOLUME_ATTACHED", json!({"attachment_id": "a1"}), "`miosa volumes detach a1` first"),
            ("VOLUME_ATTACHED", json!({}), "`miosa volumes detach <attachment-id>` first"),
            ("VOLUME_IN_USE", json!({"attachment_id": "a1"}), "`miosa volumes detach a1` first"),
            (
                "VOLUME_IN_USE",
                json!({"service_id": "s1", "volume_id": "v1"}),
                "`miosa services unmount s1 v1` first",
            ),
            ("VOLUME_IN_USE", json!({"holders": []}), "stop them, or detach with --force, which ends them"),
            (
                "PROTECTED",
                json!({"volume_id": "v1"}),
                "`miosa volumes update v1 --delete-protection off` first",
            ),
            ("PROTECTED", json!({"snapshot_id": "s1"}), "`miosa snapshots unprotect s1` first"),
            (
                "STALL_BUDGET",
                json!({"snapshot": {"id": "s1", "volume_id": "v1"}}),
                "--now takes it all the same; or `miosa volumes compact v1` first",
            ),
            (
                "WRITE_BACK_TIMEOUT",
                json!({"snapshot": {"id": "s1"}}),
                "`miosa snapshots show s1` keeps the reason for a day",
            ),
            (
                "VOLUME_NOT_READY",
                json!({"volume_id": "v1", "state": "deleted"}),
                "`miosa volumes undelete v1` first",
            ),
            (
                "RESOURCE_STATE",
                json!({"computer_id": "c1", "status": "stopped"}),
                "`miosa computers start c1` first",
            ),
        ] {
            assert_eq!(for_refusal(&envelope(code, details)).as_deref(), Some(hint), "{code}");
        }
        assert_eq!(for_refusal(&envelope("INTERNAL_ERROR", json!({}))), None);
    }
}
