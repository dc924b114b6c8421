//! The verbs of projects.

use miosa_api::v1::projects::Project;
use miosa_api::v1::volumes::Deleted;
use miosa_api::v1::words::DeletedState;
use miosa_domain::ProjectId;
use miosa_store::project::{ProjectChange, ProjectRecord};
use uuid::Uuid;

use crate::view;
use crate::{App, AppError, Caller, Idempotency, ListPage, ListRequest, now};

/// Checked by http.
#[derive(Debug, Clone)]
pub struct NewProject {
    pub workspace_id: Option<String>,
    pub name: String,
    pub slug: String,
    pub description: Option<String>,
    pub metadata: std::collections::BTreeMap<String, String>,
}

impl App {
    pub async fn create_project(
        &self,
        caller: &Caller,
        new: NewProject,
        idempotency: Option<Idempotency>,
    ) -> Result<Project, AppError> {
        let new = miosa_store::project::NewProject {
            id: ProjectId::from_uuid(Uuid::now_v7()),
            tenant_id: caller.tenant_id,
            workspace_id: new.workspace_id,
            name: new.name,
            slug: new.slug,
            description: new.description,
            metadata: new.metadata,
        };
        Ok(project(self.store().create_project(new, idempotency.as_ref(), now()).await?))
    }

    pub async fn list_projects(
        &self,
        caller: &Caller,
        request: ListRequest,
    ) -> Result<ListPage<Project>, AppError> {
        Ok(self.store().list_projects(caller.tenant_id, &request).await?.map(project))
    }

    /// The default project when `id` is `None`.
    pub async fn get_project(&self, caller: &Caller, id: Option<ProjectId>) -> Result<Project, AppError> {
        Ok(project(self.store().project_record(caller.tenant_id, id).await?))
    }

    pub async fn update_project(
        &self,
        caller: &Caller,
        id: Option<ProjectId>,
        change: ProjectChange,
        idempotency: Option<Idempotency>,
    ) -> Result<Project, AppError> {
        let store = self.store();
        Ok(project(store.update_project(caller.tenant_id, id, change, idempotency.as_ref(), now()).await?))
    }

    pub async fn delete_project(
        &self,
        caller: &Caller,
        id: Option<ProjectId>,
        idempotency: Option<Idempotency>,
    ) -> Result<Deleted, AppError> {
        let deleted = self.store().delete_project(caller.tenant_id, id, idempotency.as_ref(), now()).await?;
        Ok(view::deleted(deleted.id, DeletedState::Deleted.into()))
    }
}

fn project(record: ProjectRecord) -> Project {
    Project {
        id: record.id.to_string(),
        tenant_id: record.tenant_id.to_string(),
        workspace_id: record.workspace_id,
        name: record.name,
        slug: record.slug,
        description: record.description,
        metadata: record.metadata,
        is_default: record.is_default,
        created_at: record.created_at.to_string(),
        updated_at: record.updated_at.to_string(),
    }
}
