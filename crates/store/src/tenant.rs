//! Tenants, and which of their projects a call means. Until there is more than one, everything belongs to the default ones.

use jiff::Timestamp;
use miosa_domain::{ProjectId, Refusal, TenantId};
use uuid::Uuid;

use crate::column;
use crate::error::{StoreError, While};
use crate::schema::{Store, Tx};

const DEFAULT_SLUG: &str = "default";

impl Store {
    pub(crate) async fn ensure_default_tenant(&self, now: Timestamp) -> Result<(), StoreError> {
        const DOING: &str = "make the default tenant";
        let mut tx = self.write(DOING).await?;
        let there = sqlx::query("SELECT id FROM tenants WHERE slug = $1")
            .bind(DEFAULT_SLUG)
            .fetch_optional(&mut *tx)
            .await
            .doing(DOING)?;
        if there.is_none() {
            insert_tenant(&mut tx, DEFAULT_SLUG, "Default", now).await?;
            tx.commit().await.doing(DOING)?;
        }
        Ok(())
    }

    /// Makes a tenant with its default project.
    pub async fn create_tenant(
        &self,
        slug: &str,
        name: &str,
        now: Timestamp,
    ) -> Result<TenantId, StoreError> {
        const DOING: &str = "make a tenant";
        let mut tx = self.write(DOING).await?;
        let id = insert_tenant(&mut tx, slug, name, now).await?;
        tx.commit().await.doing(DOING)?;
        Ok(id)
    }

    /// The tenant that the bootstrap key belongs to.
    pub async fn default_tenant(&self) -> Result<TenantId, StoreError> {
        let mut tx = self.read("look up the default tenant").await?;
        default_tenant(&mut tx).await
    }

    pub async fn tenant_by_id_or_slug(&self, text: &str) -> Result<Option<TenantId>, StoreError> {
        const DOING: &str = "look up a tenant";
        sqlx::query("SELECT id FROM tenants WHERE id = $1 OR slug = $1")
            .bind(text)
            .fetch_optional(&self.readers)
            .await
            .and_then(|row| row.map(|row| column::id(&row, "id")).transpose())
            .doing(DOING)
    }

    /// The tenant's project with this id, or its default one when `None`.
    pub async fn project(
        &self,
        tenant_id: TenantId,
        wanted: Option<ProjectId>,
    ) -> Result<ProjectId, StoreError> {
        let mut tx = self.read("look up a project").await?;
        project(&mut tx, tenant_id, wanted).await
    }
}

pub(crate) async fn default_tenant(tx: &mut Tx) -> Result<TenantId, StoreError> {
    sqlx::query("SELECT id FROM tenants WHERE slug = $1")
        .bind(DEFAULT_SLUG)
        .fetch_one(&mut **tx)
        .await
        .and_then(|row| column::id(&row, "id"))
        .doing("look up the default tenant")
}

/// `wanted` if the tenant has it, the tenant's default project when `None`.
pub(crate) async fn project(
    tx: &mut Tx,
    tenant_id: TenantId,
    wanted: Option<ProjectId>,
) -> Result<ProjectId, StoreError> {
    let row = match wanted {
        Some(id) => {
            sqlx::query("SELECT id FROM projects WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL")
                .bind(tenant_id.to_string())
                .bind(id.to_string())
        }
        None => sqlx::query("SELECT id FROM projects WHERE tenant_id = $1 AND is_default")
            .bind(tenant_id.to_string()),
    }
    .fetch_optional(&mut **tx)
    .await
    .doing("look up a project")?;
    let row = row.ok_or(Refusal::NotFound { what: "project" })?;
    column::id(&row, "id").doing("look up a project")
}

async fn insert_tenant(tx: &mut Tx, slug: &str, name: &str, now: Timestamp) -> Result<TenantId, StoreError> {
    const DOING: &str = "make a tenant";
    let id = TenantId::from_uuid(Uuid::now_v7());
    sqlx::query("INSERT INTO tenants (id, slug, name, created_at) VALUES ($1, $2, $3, $4)")
        .bind(id.to_string())
        .bind(slug)
        .bind(name)
        .bind(now.as_millisecond())
        .execute(&mut **tx)
        .await
        .doing(DOING)?;
    sqlx::query(
        "INSERT INTO projects (id, tenant_id, name, is_default, created_at) VALUES ($1, $2, $3, TRUE, $4)",
    )
    .bind(ProjectId::from_uuid(Uuid::now_v7()).to_string())
    .bind(id.to_string())
    .bind(name)
    .bind(now.as_millisecond())
    .execute(&mut **tx)
    .await
    .doing(DOING)?;
    Ok(id)
}
