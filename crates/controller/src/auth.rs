//! Who calls, and whether the key allows it.
//!
//! The key decides the tenant. `X-MIOSA-Tenant` may repeat that tenant; only an admin or platform key selects another one with
//! it. Keys never reach a log: they are read from the header here, hashed by the store, and go no further.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use miosa_control::{App, Caller, KeyType};

use crate::http::ApiError;

/// Every key begins so.
const KEY_PREFIX: &str = "msk_";
/// Longer ones are refused before they are hashed.
const KEY_MAX_BYTES: usize = 512;

/// What `*` does not include: a key must name it.
const NOT_IN_WILDCARDS: &str = "volumes:purge";

/// The caller behind the request's headers.
pub(crate) async fn authenticate(app: &App, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let key = bearer(headers)?;
    let Some(key) = app.authenticate(key).await? else {
        return Err(ApiError::invalid_token("the API key is unknown or revoked"));
    };
    let mut caller = Caller {
        tenant_id: key.tenant_id,
        key_id: key.id,
        key_type: key.key_type,
        scopes: key.scopes,
        rate_limit_rpm: key.rate_limit_rpm,
    };
    if let Some(asked) = header_text(headers, "x-miosa-tenant") {
        caller.tenant_id = select_tenant(app, &caller, asked).await?;
    }
    Ok(caller)
}

fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Err(ApiError::invalid_token("no API key: send the header \"Authorization: Bearer msk_...\""));
    };
    let credentials = value.to_str().ok().and_then(|text| text.trim().split_once(' '));
    match credentials {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => {
            let key = key.trim();
            if key.starts_with(KEY_PREFIX) && key.len() <= KEY_MAX_BYTES {
                return Ok(key);
            }
            Err(ApiError::invalid_token("the API key is malformed: keys begin with msk_"))
        }
        _ => Err(ApiError::invalid_token("the Authorization header must be \"Bearer msk_...\"")),
    }
}

async fn select_tenant(app: &App, caller: &Caller, asked: &str) -> Result<miosa_domain::TenantId, ApiError> {
    let asked = app.tenant_by_id_or_slug(asked).await?;
    match (asked, caller.key_type) {
        (Some(tenant), _) if tenant == caller.tenant_id => Ok(tenant),
        (Some(tenant), KeyType::Admin | KeyType::Platform) => Ok(tenant),
        (None, KeyType::Admin | KeyType::Platform) => Err(ApiError::not_found("tenant")),
        // The same for a tenant that exists and one that does not.
        (_, KeyType::User) => Err(ApiError::insufficient_scope(
            "the API key belongs to another tenant than X-MIOSA-Tenant names",
        )),
    }
}

/// The header's text, unless it is absent or blank.
pub(crate) fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim).filter(|text| !text.is_empty())
}

/// What a route demands of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scope(&'static str);

pub(crate) const VOLUMES_READ: Scope = Scope("volumes:read");
pub(crate) const VOLUMES_WRITE: Scope = Scope("volumes:write");
pub(crate) const COMPUTERS_READ: Scope = Scope("computers:read");
pub(crate) const COMPUTERS_WRITE: Scope = Scope("computers:write");
pub(crate) const COMPUTERS_EXEC: Scope = Scope("computers:exec");
pub(crate) const PROJECTS_READ: Scope = Scope("projects:read");
pub(crate) const PROJECTS_WRITE: Scope = Scope("projects:write");
pub(crate) const SERVICES_READ: Scope = Scope("services:read");
pub(crate) const SERVICES_WRITE: Scope = Scope("services:write");

/// Refuses a caller whose key does not have the scope.
pub(crate) fn require_scope(caller: &Caller, Scope(scope): Scope) -> Result<(), ApiError> {
    if caller.scopes.iter().any(|granted| grants(granted, scope)) {
        return Ok(());
    }
    Err(ApiError::insufficient_scope(format!("the API key does not have the scope {scope}")))
}

fn grants(granted: &str, wanted: &str) -> bool {
    if granted == wanted {
        return true;
    }
    let within = granted == "*"
        || granted.strip_suffix('*').is_some_and(|noun| noun.ends_with(':') && wanted.starts_with(noun));
    within && wanted != NOT_IN_WILDCARDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_grant_themselves_and_wildcards_what_they_cover() {
        for (granted, wanted, allowed) in [
            ("volumes:read", "volumes:read", true),
            ("volumes:read", "volumes:write", false),
            ("volumes:write", "volumes:read", false),
            ("*", "volumes:write", true),
            ("*", "volumes:purge", false),
            ("volumes:*", "volumes:purge", false),
            ("volumes:purge", "volumes:purge", true),
            ("computers:*", "computers:exec", true),
            ("computers:*", "volumes:read", false),
            ("volumes*", "volumes:read", false),
            ("", "volumes:read", false),
        ] {
            assert_eq!(grants(granted, wanted), allowed, "{granted} grants {wanted}");
        }
    }

    #[test]
    fn a_key_without_the_scope_is_refused() {
        let mut caller = Caller {
            tenant_id: miosa_domain::TenantId::from_uuid(uuid::Uuid::nil()),
            key_id: miosa_domain::ApiKeyId::from_uuid(uuid::Uuid::nil()),
            key_type: KeyType::User,
            scopes: vec!["volumes:read".into()],
            rate_limit_rpm: 0,
        };
        assert!(require_scope(&caller, VOLUMES_READ).is_ok());
        assert_eq!(require_scope(&caller, VOLUMES_WRITE).unwrap_err().status.as_u16(), 403);
        caller.scopes.clear();
        assert_eq!(require_scope(&caller, VOLUMES_READ).unwrap_err().status.as_u16(), 403);
    }

    #[test]
    fn only_a_well_formed_bearer_key_is_looked_up() {
        let long = format!("Bearer msk_{}", "x".repeat(KEY_MAX_BYTES));
        for (header, key) in [
            ("Bearer msk_u_abc", Some("msk_u_abc")),
            ("bearer  msk_live_abc ", Some("msk_live_abc")),
            ("Basic msk_u_abc", None),
            ("Bearer", None),
            ("Bearer ", None),
            ("msk_u_abc", None),
            ("Bearer eyJhbGciOi", None),
            (long.as_str(), None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, header.parse().unwrap());
            assert_eq!(bearer(&headers).ok(), key, "{header}");
        }
        assert!(bearer(&HeaderMap::new()).is_err());
    }
}
