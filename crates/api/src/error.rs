//! The error envelope. One shape for every refusal; each published client reads another part of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// ```json
/// {"error":{"code":"NOT_FOUND","message":"volume not found","request_id":"req_..","details":{},"retryable":false},
///  "message":"volume not found","code":"NOT_FOUND","request_id":"req_..","errors":{"size_gb":["must be 1..500"]}}
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ErrorEnvelope {
    pub error: ErrorBody,
    pub message: String,
    pub code: String,
    pub request_id: String,
    /// Texts per field; absent when no field is at fault.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, Vec<String>>,
    /// Whole seconds after which the call may be repeated; the same as the `Retry-After` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ErrorBody {
    /// Stable; see the list in docs/reference/errors.md.
    pub code: String,
    pub message: String,
    pub request_id: String,
    #[schema(value_type = Object)]
    pub details: serde_json::Map<String, serde_json::Value>,
    /// Whether the same call may succeed a moment later.
    pub retryable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}
