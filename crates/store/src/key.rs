//! API keys. Only their SHA-256 is stored.

use jiff::Timestamp;
use miosa_domain::{ApiKeyId, TenantId};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::error::StoreError;
use crate::sql::{Row, query};
use crate::store::Store;
use crate::tenant;
use crate::{transact, verb};

/// What a key may do beyond its scopes: admin and platform keys may select another tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyType {
    User,
    Admin,
    Platform,
}

/// A key that is valid, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Row)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub tenant_id: TenantId,
    pub key_type: KeyType,
    /// Such as `volumes:read`, `computers:*` or `*`.
    #[row(column = "scopes_json")]
    pub scopes: Vec<String>,
    /// Calls a minute; 0 is no limit.
    pub rate_limit_rpm: u32,
    key_hash: String,
}

impl Store {
    /// Makes sure that exactly one bootstrap key exists, of the default tenant, and that it is the one with this hash
    /// (SHA-256 in hex): when the credentials file was replaced, the key that stood in it before is no longer valid.
    pub async fn bootstrap(&self, key_hash: &str, now: Timestamp) -> Result<(), StoreError> {
        const DOING: &str = "store the hash of the admin key";
        transact!(self, verb!(DOING), |tx| {
            let stored: Option<ApiKeyId> =
                query(DOING, "SELECT id FROM api_keys WHERE is_bootstrap").optional(tx).await?;
            match stored {
                Some(id) => {
                    query(DOING, "UPDATE api_keys SET key_hash = $2 WHERE id = $1")
                        .bind(id)
                        .bind(key_hash)
                        .execute(tx)
                        .await?;
                }
                None => {
                    let tenant_id = tenant::default_tenant(tx).await?;
                    query(DOING, "INSERT INTO api_keys
                         (id, tenant_id, name, key_type, key_hash, scopes_json, rate_limit_rpm, is_bootstrap, created_at)
                     VALUES ($1, $2, 'first admin key', 'admin', $3, '[\"*\"]', 0, TRUE, $4)").bind(Uuid::now_v7()).bind(tenant_id).bind(key_hash).bind(now).execute(tx).await?;
                }
            }
            Ok(())
        })
    }

    /// The valid key with this hash (SHA-256 in hex).
    ///
    /// The index is searched for the hash of what the caller sent, which tells nothing useful about a stored key; the
    /// comparison that decides takes the same time for every hash.
    pub async fn key_by_hash(&self, key_hash: &str) -> Result<Option<ApiKey>, StoreError> {
        const DOING: &str = "look up an API key";
        const TEXT: &str = "SELECT * FROM api_keys WHERE key_hash = $1 AND revoked_at IS NULL";
        let mut tx = self.single(DOING).await?;
        let key: Option<ApiKey> = query(DOING, TEXT).bind(key_hash).optional(&mut tx).await?;
        Ok(key.filter(|key| key.key_hash.as_bytes().ct_eq(key_hash.as_bytes()).into()))
    }
}
