//! Projects: groups of volumes, computers and services inside a tenant. Each tenant has a default one, which stays.

use std::collections::BTreeMap;

use jiff::Timestamp;
use miosa_domain::{ProjectId, Refusal, TenantId};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::column;
use crate::error::{StoreError, While};
use crate::idempotency::{self, Idempotency, ObjectRef};
use crate::page::{self, Cursor, ListPage, ListRequest};
use crate::schema::{Store, Tx};
use crate::{service, tenant};

#[derive(Debug, Clone, PartialEq)]
pub struct ProjectRecord {
    pub id: ProjectId,
    pub tenant_id: TenantId,
    pub workspace_id: Option<String>,
    pub name: String,
    pub slug: String,
    pub description: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub is_default: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub deleted_at: Option<Timestamp>,
}

/// What a new project is made from. The id is made by the caller.
#[derive(Debug, Clone)]
pub struct NewProject {
    pub id: ProjectId,
    pub tenant_id: TenantId,
    pub workspace_id: Option<String>,
    pub name: String,
    pub slug: String,
    pub description: Option<String>,
    pub metadata: BTreeMap<String, String>,
}

/// `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct ProjectChange {
    pub name: Option<String>,
    pub slug: Option<String>,
    pub description: Option<String>,
    pub metadata: Option<BTreeMap<String, String>>,
}

impl Store {
    pub async fn create_project(
        &self,
        new: NewProject,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<ProjectRecord, StoreError> {
        const DOING: &str = "make a project";
        let mut tx = self.write(DOING).await?;
        let project = ProjectRecord {
            id: new.id,
            tenant_id: new.tenant_id,
            workspace_id: new.workspace_id,
            name: new.name,
            slug: new.slug,
            description: new.description,
            metadata: new.metadata,
            is_default: false,
            created_at: now,
            updated_at: now,
            deleted_at: None,
        };
        save(&mut tx, &project).await?;
        let object = ObjectRef::Project(project.id);
        idempotency::record(&mut tx, idempotency, project.tenant_id, object, now).await?;
        tx.commit().await.doing(DOING)?;
        Ok(project)
    }

    /// The tenant's project; its default one when `id` is `None`.
    pub async fn project_record(
        &self,
        tenant_id: TenantId,
        id: Option<ProjectId>,
    ) -> Result<ProjectRecord, StoreError> {
        let mut tx = self.read("read a project").await?;
        load_present(&mut tx, tenant_id, id).await
    }

    pub async fn list_projects(
        &self,
        tenant_id: TenantId,
        request: &ListRequest,
    ) -> Result<ListPage<ProjectRecord>, StoreError> {
        const DOING: &str = "list projects";
        let rows = sqlx::query(
            "SELECT * FROM projects WHERE tenant_id = $1 AND deleted_at IS NULL ORDER BY created_at DESC, id DESC",
        )
        .bind(tenant_id.to_string())
        .fetch_all(&self.readers)
        .await
        .doing(DOING)?;
        let mut projects = rows.iter().map(from_row).collect::<Result<Vec<_>, _>>().doing(DOING)?;
        let filters = &request.filters;
        projects.retain(|project| {
            filters.name.as_ref().is_none_or(|name| *name == project.name)
                && filters.workspace_id.as_ref().is_none_or(|id| Some(id) == project.workspace_id.as_ref())
        });
        Ok(page::cut(projects, request, |project| Cursor {
            created_at_ms: project.created_at.as_millisecond(),
            id: project.id.uuid(),
        }))
    }

    pub async fn update_project(
        &self,
        tenant_id: TenantId,
        id: Option<ProjectId>,
        change: ProjectChange,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<ProjectRecord, StoreError> {
        const DOING: &str = "change a project";
        let mut tx = self.write(DOING).await?;
        let mut project = load_present(&mut tx, tenant_id, id).await?;
        project.name = change.name.unwrap_or(project.name);
        project.slug = change.slug.unwrap_or(project.slug);
        project.description = change.description.or(project.description);
        project.metadata = change.metadata.unwrap_or(project.metadata);
        project.updated_at = now;
        save(&mut tx, &project).await?;
        let object = ObjectRef::Project(project.id);
        idempotency::record(&mut tx, idempotency, tenant_id, object, now).await?;
        tx.commit().await.doing(DOING)?;
        Ok(project)
    }

    /// Only an empty project goes: nothing of its volumes, computers and services may be there.
    pub async fn delete_project(
        &self,
        tenant_id: TenantId,
        id: Option<ProjectId>,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<ProjectRecord, StoreError> {
        const DOING: &str = "delete a project";
        let mut tx = self.write(DOING).await?;
        let mut project = load_present(&mut tx, tenant_id, id).await?;
        let id = project.id;
        if project.is_default {
            let problem = "is the default one, which cannot be deleted".to_owned();
            return Err(Refusal::ProjectInUse { id, problem }.into());
        }
        let what = [
            ("volumes", count(&mut tx, "volumes", id).await? > 0),
            ("computers", count(&mut tx, "computers", id).await? > 0),
            ("services", service::any_in_project(&mut tx, id).await?),
        ];
        let there: Vec<&str> = what.iter().filter(|(_, any)| *any).map(|(what, _)| *what).collect();
        if !there.is_empty() {
            let problem = format!("still has {}; delete them first", there.join(" and "));
            return Err(Refusal::ProjectInUse { id, problem }.into());
        }
        project.deleted_at = Some(now);
        project.updated_at = now;
        save(&mut tx, &project).await?;
        idempotency::record(&mut tx, idempotency, tenant_id, ObjectRef::Project(id), now).await?;
        tx.commit().await.doing(DOING)?;
        Ok(project)
    }
}

async fn load_present(
    tx: &mut Tx,
    tenant_id: TenantId,
    id: Option<ProjectId>,
) -> Result<ProjectRecord, StoreError> {
    const DOING: &str = "read a project";
    let id = match id {
        Some(id) => id,
        None => tenant::project(tx, tenant_id, None).await?,
    };
    let project = sqlx::query("SELECT * FROM projects WHERE tenant_id = $1 AND id = $2")
        .bind(tenant_id.to_string())
        .bind(id.to_string())
        .fetch_optional(&mut **tx)
        .await
        .and_then(|row| row.map(|row| from_row(&row)).transpose())
        .doing(DOING)?;
    let project = project.ok_or(Refusal::NotFound { what: "project" })?;
    match project.deleted_at {
        None => Ok(project),
        Some(at) => Err(Refusal::AlreadyDeleted { what: "project", deleted_at: at.to_string() }.into()),
    }
}

async fn count(tx: &mut Tx, table: &'static str, id: ProjectId) -> Result<i64, StoreError> {
    let query = format!("SELECT COUNT(*) FROM {table} WHERE project_id = $1 AND deleted_at IS NULL");
    sqlx::query_scalar(sqlx::AssertSqlSafe(query))
        .bind(id.to_string())
        .fetch_one(&mut **tx)
        .await
        .doing("count what a project has")
}

/// Writes the whole row, new or not.
async fn save(tx: &mut Tx, project: &ProjectRecord) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO projects (id, tenant_id, name, is_default, created_at, slug, workspace_id, description, metadata_json,
             updated_at, deleted_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (id) DO UPDATE SET name = $3, slug = $6, description = $8, metadata_json = $9, updated_at = $10,
             deleted_at = $11",
    )
    .bind(project.id.to_string())
    .bind(project.tenant_id.to_string())
    .bind(&project.name)
    .bind(project.is_default)
    .bind(project.created_at.as_millisecond())
    .bind(&project.slug)
    .bind(&project.workspace_id)
    .bind(&project.description)
    .bind(column::to_json(&project.metadata))
    .bind(project.updated_at.as_millisecond())
    .bind(project.deleted_at.map(Timestamp::as_millisecond))
    .execute(&mut **tx)
    .await
    .doing("write a project")?;
    Ok(())
}

fn from_row(row: &SqliteRow) -> Result<ProjectRecord, sqlx::Error> {
    let created_at = column::time(row, "created_at")?;
    Ok(ProjectRecord {
        id: column::id(row, "id")?,
        tenant_id: column::id(row, "tenant_id")?,
        workspace_id: row.try_get("workspace_id")?,
        name: row.try_get("name")?,
        slug: row.try_get("slug")?,
        description: row.try_get("description")?,
        metadata: column::json(row, "metadata_json")?,
        is_default: row.try_get("is_default")?,
        created_at,
        updated_at: column::optional_time(row, "updated_at")?.unwrap_or(created_at),
        deleted_at: column::optional_time(row, "deleted_at")?,
    })
}
