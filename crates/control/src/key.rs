//! Keys, tenants, and the stored responses of earlier calls.

use miosa_domain::TenantId;
use sha2::{Digest, Sha256};

use crate::{ApiKey, App, AppError, StoredAnswer, now};

impl App {
    /// The valid key whose text is `key`.
    pub async fn authenticate(&self, key: &str) -> Result<Option<ApiKey>, AppError> {
        Ok(self.store().key_by_hash(&hex::encode(Sha256::digest(key))).await?)
    }

    pub async fn tenant_by_id_or_slug(&self, text: &str) -> Result<Option<TenantId>, AppError> {
        Ok(self.store().tenant_by_id_or_slug(text).await?)
    }

    /// The earlier call with this scope, if it was made in the last 24 hours.
    pub async fn idempotency_find(&self, scope: &str) -> Result<Option<StoredAnswer>, AppError> {
        Ok(self.store().idempotency_find(scope, now()).await?)
    }

    /// Stores the response of the call that recorded `scope`. Only for 2xx responses.
    pub async fn idempotency_complete(&self, scope: &str, status: u16, body: &str) -> Result<(), AppError> {
        Ok(self.store().idempotency_complete(scope, status, body).await?)
    }
}
