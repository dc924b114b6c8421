//! What data services add to volumes: the project that a path names.

use miosa_domain::{ProjectId, Refusal, VolumeId};

use super::{App, AppError, Caller};

impl App {
    /// The caller's project with this id, or the default one.
    pub(crate) async fn find_project(
        &self,
        caller: &Caller,
        wanted: Option<ProjectId>,
    ) -> Result<ProjectId, AppError> {
        Ok(self.store().project(caller.tenant_id, wanted).await?)
    }

    /// Refuses a volume that is not the project's, as if it were not there. One that was deleted passes: what can still be done
    /// with it is for the verb to say.
    pub(crate) async fn require_in_project(
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
