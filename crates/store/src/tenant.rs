//! Tenants, and which of their projects a call means. Until there is more than one, everything belongs to the default ones.

use jiff::Timestamp;
use miosa_domain::{ProjectId, Refusal, TenantId};
use uuid::Uuid;

use crate::error::{StoreError, While};
use crate::project::ProjectRecord;
use crate::sql::{query, save};
use crate::store::{Store, Tx};
use crate::{transact, verb, view};

const DEFAULT_SLUG: &str = "default";

impl Store {
    pub(crate) async fn ensure_default_tenant(&self, now: Timestamp) -> Result<(), StoreError> {
        transact!(self, verb!("create the default tenant"), |tx| {
            if find_by_slug(tx, DEFAULT_SLUG).await?.is_none() {
                insert_tenant(tx, DEFAULT_SLUG, "Default", now).await?;
            }
            Ok(())
        })
    }

    /// Creates a tenant with its default project. The slug must be free.
    pub async fn create_tenant(
        &self,
        slug: &str,
        name: &str,
        now: Timestamp,
    ) -> Result<TenantId, StoreError> {
        transact!(self, verb!("create a tenant"), |tx| {
            if find_by_slug(tx, slug).await?.is_some() {
                let message = format!("{slug:?} belongs to another tenant");
                return Err(StoreError::Invalid { field: "slug", message });
            }
            insert_tenant(tx, slug, name, now).await
        })
    }

    /// The tenant that the bootstrap key belongs to.
    pub async fn default_tenant(&self) -> Result<TenantId, StoreError> {
        view!(self, "look up the default tenant", |tx| default_tenant(tx).await)
    }

    pub async fn tenant_by_id_or_slug(&self, text: &str) -> Result<Option<TenantId>, StoreError> {
        const TEXT: &str = "SELECT id FROM tenants WHERE id = $1 OR slug = $1";
        const DOING: &str = "look up a tenant";
        query(DOING, TEXT).bind(text).optional(&mut self.single(DOING).await?).await
    }

    /// The tenant's project with this id, or its default one when `None`.
    pub async fn project(
        &self,
        tenant_id: TenantId,
        wanted: Option<ProjectId>,
    ) -> Result<ProjectId, StoreError> {
        view!(self, "look up a project", |tx| project(tx, tenant_id, wanted).await)
    }
}

pub(crate) async fn default_tenant(tx: &mut Tx) -> Result<TenantId, StoreError> {
    find_by_slug(tx, DEFAULT_SLUG).await?.ok_or(sqlx::Error::RowNotFound).doing("look up the default tenant")
}

async fn find_by_slug(tx: &mut Tx, slug: &str) -> Result<Option<TenantId>, StoreError> {
    const TEXT: &str = "SELECT id FROM tenants WHERE slug = $1";
    query("look up a tenant", TEXT).bind(slug).optional(tx).await
}

/// `wanted` if the tenant has it, the tenant's default project when `None`.
pub async fn project(
    tx: &mut Tx,
    tenant_id: TenantId,
    wanted: Option<ProjectId>,
) -> Result<ProjectId, StoreError> {
    const WANTED: &str = "SELECT id FROM projects WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL";
    const DEFAULT: &str = "SELECT id FROM projects WHERE tenant_id = $1 AND is_default";
    const DOING: &str = "look up a project";
    let found = match wanted {
        Some(id) => query(DOING, WANTED).bind(tenant_id).bind(id),
        None => query(DOING, DEFAULT).bind(tenant_id),
    };
    Ok(found.optional(tx).await?.ok_or(Refusal::NotFound { what: "project" })?)
}

async fn insert_tenant(tx: &mut Tx, slug: &str, name: &str, now: Timestamp) -> Result<TenantId, StoreError> {
    const TEXT: &str = "INSERT INTO tenants (id, slug, name, created_at) VALUES ($1, $2, $3, $4)";
    let id = TenantId::from_uuid(Uuid::now_v7());
    query("create a tenant", TEXT).bind(id).bind(slug).bind(name).bind(now).execute(tx).await?;
    let default_project = ProjectRecord {
        id: ProjectId::from_uuid(Uuid::now_v7()),
        tenant_id: id,
        workspace_id: None,
        name: name.to_owned(),
        slug: DEFAULT_SLUG.to_owned(),
        description: None,
        metadata: Default::default(),
        is_default: true,
        created_at: now,
        updated_at: now,
        deleted_at: None,
    };
    save(tx, &default_project).await?;
    Ok(id)
}
