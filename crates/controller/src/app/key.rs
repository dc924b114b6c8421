//! Keys, tenants, and the answers of earlier calls.

use miosa_domain::TenantId;
use sha2::{Digest, Sha256};

use super::{ApiKey, App, AppError, StoredAnswer, now};

impl App {
    /// The valid key that is spelled `key`.
    pub(crate) async fn authenticate(&self, key: &str) -> Result<Option<ApiKey>, AppError> {
        Ok(self.store().key_by_hash(&hex::encode(Sha256::digest(key))).await?)
    }

    pub(crate) async fn tenant_by_id_or_slug(&self, text: &str) -> Result<Option<TenantId>, AppError> {
        Ok(self.store().tenant_by_id_or_slug(text).await?)
    }

    /// The earlier call with this scope, if it was in the last 24 hours.
    pub(crate) async fn idempotency_find(&self, scope: &str) -> Result<Option<StoredAnswer>, AppError> {
        Ok(self.store().idempotency_find(scope, now()).await?)
    }

    /// Stores the answer of the call that recorded `scope`. Only for 2xx answers.
    pub(crate) async fn idempotency_complete(
        &self,
        scope: &str,
        status: u16,
        body: &str,
    ) -> Result<(), AppError> {
        Ok(self.store().idempotency_complete(scope, status, body).await?)
    }
}
