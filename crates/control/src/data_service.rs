//! What data services add to volumes: the project that a path names.

use miosa_domain::{ProjectId, Refusal, VolumeId};

use crate::{App, AppError, Caller};

impl App {
    /// The caller's project with this id, or the default one.
    pub async fn find_project(
        &self,
        caller: &Caller,
        wanted: Option<ProjectId>,
    ) -> Result<ProjectId, AppError> {
        Ok(self.store().project(caller.tenant_id, wanted).await?)
    }

    /// Refuses a volume of another project as not found. A deleted volume passes: the verb decides what is still possible with
    /// it.
    pub async fn require_in_project(
        &self,
        caller: &Caller,
        project: Option<ProjectId>,
        volume_id: VolumeId,
    ) -> Result<(), AppError> {
        let project_id = self.find_project(caller, project).await?;
        let volume = self.read_volume(caller.tenant_id, volume_id).await?;
        if volume.project_id == project_id {
            return Ok(());
        }
        Err(Refusal::NotFound { what: "volume" }.into())
    }
}
