//! API keys. Only their SHA-256 is stored.

use jiff::Timestamp;
use miosa_domain::{ApiKeyId, TenantId};
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::column;
use crate::error::{StoreError, While};
use crate::schema::Store;
use crate::tenant;

/// What a key may do beyond its scopes: admin and platform keys may select another tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyType {
    User,
    Admin,
    Platform,
}

/// A key that is valid, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub tenant_id: TenantId,
    pub key_type: KeyType,
    /// Such as `volumes:read`, `computers:*` or `*`.
    pub scopes: Vec<String>,
    /// Calls a minute; 0 is no limit.
    pub rate_limit_rpm: u32,
}

impl Store {
    /// Makes sure that exactly one bootstrap key exists, of the default tenant, and that it is the one with this hash
    /// (SHA-256 in hex): when the credentials file was replaced, the key that stood in it before is no longer valid.
    pub async fn bootstrap(&self, key_hash: &str, now: Timestamp) -> Result<(), StoreError> {
        const DOING: &str = "store the hash of the admin key";
        let mut tx = self.write(DOING).await?;
        let stored: Option<SqliteRow> = sqlx::query("SELECT id, key_hash FROM api_keys WHERE is_bootstrap")
            .fetch_optional(&mut *tx)
            .await
            .doing(DOING)?;
        match stored {
            Some(row) => {
                sqlx::query("UPDATE api_keys SET key_hash = $2 WHERE id = $1")
                    .bind(row.try_get::<String, _>("id").doing(DOING)?)
                    .bind(key_hash)
                    .execute(&mut *tx)
                    .await
                    .doing(DOING)?;
            }
            None => {
                let tenant_id = tenant::default_tenant(&mut tx).await?;
                sqlx::query(
                    "INSERT INTO api_keys
                         (id, tenant_id, name, key_type, key_hash, scopes_json, rate_limit_rpm, is_bootstrap, created_at)
                     VALUES ($1, $2, 'first admin key', 'admin', $3, '[\"*\"]', 0, TRUE, $4)",
                )
                .bind(Uuid::now_v7().to_string())
                .bind(tenant_id.to_string())
                .bind(key_hash)
                .bind(now.as_millisecond())
                .execute(&mut *tx)
                .await
                .doing(DOING)?;
            }
        }
        tx.commit().await.doing(DOING)
    }

    /// The valid key with this hash (SHA-256 in hex).
    ///
    /// The index is searched for the hash of what the caller sent, which tells nothing useful about a stored key; the
    /// comparison that decides takes the same time for every hash.
    pub async fn key_by_hash(&self, key_hash: &str) -> Result<Option<ApiKey>, StoreError> {
        const DOING: &str = "look up an API key";
        let row = sqlx::query(
            "SELECT id, tenant_id, key_type, key_hash, scopes_json, rate_limit_rpm
             FROM api_keys WHERE key_hash = $1 AND revoked_at IS NULL",
        )
        .bind(key_hash)
        .fetch_optional(&self.readers)
        .await
        .doing(DOING)?;
        let Some(row) = row else { return Ok(None) };
        let stored: String = row.try_get("key_hash").doing(DOING)?;
        if !bool::from(stored.as_bytes().ct_eq(key_hash.as_bytes())) {
            return Ok(None);
        }
        let key = || -> Result<ApiKey, sqlx::Error> {
            Ok(ApiKey {
                id: column::id(&row, "id")?,
                tenant_id: column::id(&row, "tenant_id")?,
                key_type: column::word(&row, "key_type")?,
                scopes: column::json(&row, "scopes_json")?,
                rate_limit_rpm: column::number(&row, "rate_limit_rpm")?,
            })
        };
        key().map(Some).doing(DOING)
    }
}
