//! The routes without a key, for the OpenAPI document.
#![expect(
    dead_code,
    reason = "the functions carry the attributes that the document is made of; nobody calls them"
)]

use super::health::{Health, Ready};

/// Does the server live?
#[utoipa::path(get, path = "/healthz", tag = "server", security(()),
    responses((status = 200, description = "The process serves requests.", body = Health)))]
fn healthz() {}

/// Does the server live? The spelling that the published clients use.
#[utoipa::path(get, path = "/health", tag = "server", security(()),
    responses((status = 200, description = "The process serves requests.", body = Health)))]
fn health() {}

/// Is the server ready for work?
#[utoipa::path(get, path = "/readyz", tag = "server", security(()),
    responses(
        (status = 200, description = "The database answers, and the agent is connected and has recovered.", body = Ready),
        (status = 503, response = crate::openapi::NotReady),
    ))]
fn readyz() {}

/// Counts and latencies for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "server", security(()),
    responses((status = 200, description = "Prometheus text format, version 0.0.4.", body = String,
               content_type = "text/plain")))]
fn metrics() {}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "server", security(()),
    responses((status = 200, description = "The OpenAPI document.", body = Object)))]
fn openapi_json() {}
