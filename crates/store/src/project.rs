//! Projects: groups of volumes, computers and services inside a tenant. Each tenant has a default one, which stays.

use std::collections::BTreeMap;

use jiff::Timestamp;
use miosa_domain::{ProjectId, Refusal, TenantId};

use crate::error::StoreError;
use crate::idempotency::{self, Idempotency, ObjectRef};
use crate::page::{self, Cursor, ListPage, ListRequest};
use crate::sql::{Row, query, save};
use crate::store::{Store, Tx};
use crate::tenant;
use crate::{transact, verb, view};

#[derive(Debug, Clone, PartialEq, Row)]
#[row(table = "projects", kind = Project)]
pub struct ProjectRecord {
    #[row(key)]
    pub id: ProjectId,
    #[row(fixed)]
    pub tenant_id: TenantId,
    #[row(fixed)]
    pub workspace_id: Option<String>,
    pub name: String,
    pub slug: String,
    pub description: Option<String>,
    #[row(column = "metadata_json")]
    pub metadata: BTreeMap<String, String>,
    #[row(fixed)]
    pub is_default: bool,
    #[row(fixed)]
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
        transact!(self, verb!("make a project"), |tx| {
            let new = new.clone();
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
            save(tx, &project).await?;
            let object = ObjectRef::Project(project.id);
            idempotency::record(tx, idempotency, project.tenant_id, object, now).await?;
            Ok(project)
        })
    }

    /// The tenant's project; its default one when `id` is `None`.
    pub async fn project_record(
        &self,
        tenant_id: TenantId,
        id: Option<ProjectId>,
    ) -> Result<ProjectRecord, StoreError> {
        view!(self, "read a project", |tx| load_present(tx, tenant_id, id).await)
    }

    pub async fn list_projects(
        &self,
        tenant_id: TenantId,
        request: &ListRequest,
    ) -> Result<ListPage<ProjectRecord>, StoreError> {
        const DOING: &str = "list projects";
        let mut projects: Vec<ProjectRecord> = query(DOING, "SELECT * FROM projects WHERE tenant_id = $1 AND deleted_at IS NULL ORDER BY created_at DESC, id DESC").bind(tenant_id).all(&mut self.single(DOING).await?).await?;
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
        transact!(self, verb!("change a project"), |tx| {
            let change = change.clone();
            let mut project = load_present(tx, tenant_id, id).await?;
            project.name = change.name.unwrap_or(project.name);
            project.slug = change.slug.unwrap_or(project.slug);
            project.description = change.description.or(project.description);
            project.metadata = change.metadata.unwrap_or(project.metadata);
            project.updated_at = now;
            save(tx, &project).await?;
            let object = ObjectRef::Project(project.id);
            idempotency::record(tx, idempotency, tenant_id, object, now).await?;
            Ok(project)
        })
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
        transact!(self, verb!(DOING), |tx| {
            let mut project = load_present(tx, tenant_id, id).await?;
            let id = project.id;
            if project.is_default {
                let problem = "is the default one, which cannot be deleted".to_owned();
                return Err(Refusal::ProjectInUse { id, problem }.into());
            }
            const CONTENTS: [(&str, &str); 3] = [
                ("volumes", "SELECT COUNT(*) FROM volumes WHERE project_id = $1 AND deleted_at IS NULL"),
                ("computers", "SELECT COUNT(*) FROM computers WHERE project_id = $1 AND deleted_at IS NULL"),
                ("services", "SELECT COUNT(*) FROM services WHERE project_id = $1 AND deleted_at IS NULL"),
            ];
            let mut there = Vec::new();
            for (what, count) in CONTENTS {
                if query(DOING, count).bind(id).one::<u64>(tx).await? > 0 {
                    there.push(what);
                }
            }
            if !there.is_empty() {
                let problem = format!("still has {}; delete them first", there.join(" and "));
                return Err(Refusal::ProjectInUse { id, problem }.into());
            }
            project.deleted_at = Some(now);
            project.updated_at = now;
            save(tx, &project).await?;
            idempotency::record(tx, idempotency, tenant_id, ObjectRef::Project(id), now).await?;
            Ok(project)
        })
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
    let project: Option<ProjectRecord> =
        query(DOING, "SELECT * FROM projects WHERE tenant_id = $1 AND id = $2")
            .bind(tenant_id)
            .bind(id)
            .optional(tx)
            .await?;
    let project = project.ok_or(Refusal::NotFound { what: "project" })?;
    match project.deleted_at {
        None => Ok(project),
        Some(at) => Err(Refusal::AlreadyDeleted { what: "project", deleted_at: at.to_string() }.into()),
    }
}
