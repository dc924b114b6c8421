//! Records as clients see them.

use std::collections::BTreeMap;

use miosa_api::v1;
use miosa_domain::computer::ComputerStatus;
use miosa_domain::size;
use miosa_domain::spec::Network;
use miosa_domain::status::InstanceState;
use miosa_domain::volume::VolumeState;
use miosa_store::attachment::AttachmentRecord;
use miosa_store::computer::ComputerRecord;
use miosa_store::volume::VolumeRecord;

use super::App;

/// What a volume has until schedules can be set.
const SNAPSHOT_RETENTION_DAYS: u32 = 7;

impl App {
    pub(super) fn volume_view(&self, volume: VolumeRecord) -> v1::volumes::Volume {
        let state = volume.state(&|host_id| self.links().is_reachable(host_id));
        let error = match state {
            VolumeState::Error => volume.error.map(|failure| failure.message),
            VolumeState::Unavailable => {
                Some("its host is not connected; it is available again when the host is back".into())
            }
            _ => None,
        };
        v1::volumes::Volume {
            id: volume.id.to_string(),
            name: volume.name,
            tenant_id: volume.tenant_id.to_string(),
            workspace_id: volume.workspace_id,
            project_id: volume.project_id.to_string(),
            size_gb: size::ceil_gb(volume.size_bytes),
            size_bytes: volume.size_bytes,
            backend: "local".into(),
            filesystem: "ext4".into(),
            status: state.as_str().into(),
            state: state.as_str().into(),
            region: self.region().into(),
            host_id: volume.host_id.to_string(),
            attached_to: volume.attachments.first().map(|a| a.computer_id.to_string()),
            attachments: volume.attachments.iter().map(volume_attachment).collect(),
            snapshot_schedule: None,
            snapshot_retention_days: SNAPSHOT_RETENTION_DAYS,
            metadata: volume.metadata,
            used_bytes: volume.used_bytes,
            delete_protection: volume.delete_protection,
            error,
            created_at: volume.created_at.to_string(),
            updated_at: volume.updated_at.to_string(),
            deleted_at: volume.deleted_at.map(|at| at.to_string()),
            purge_after: volume.purge_after.map(|at| at.to_string()),
        }
    }

    pub(super) fn computer_view(&self, computer: ComputerRecord) -> v1::computers::Computer {
        let resources = computer.size.resources();
        let failure = computer.reported.as_ref().and_then(|reported| match &reported.state {
            InstanceState::Failed(failure) => Some(failure.message.clone()),
            _ => None,
        });
        v1::computers::Computer {
            id: computer.id.to_string(),
            tenant_id: computer.tenant_id.to_string(),
            owner_user_id: None,
            slug: computer.slug(),
            template_type: computer.template_type,
            size: Some(computer.size.as_str().into()),
            vcpus: resources.vcpus,
            memory_mb: resources.memory_mb,
            status: computer.status.as_str().into(),
            state: computer.status.as_str().into(),
            vm_id: Some(computer.id.to_string()),
            host_id: computer.host_id.to_string(),
            region: self.region().into(),
            workspace_id: computer.workspace_id,
            project_id: computer.project_id.to_string(),
            ip_address: None,
            visibility: computer.visibility,
            sandbox_url: None,
            desktop_url: None,
            preview_domain: None,
            selected_apps: Vec::new(),
            settings: serde_json::Map::new(),
            metadata: computer.metadata,
            external_workspace_id: computer.external_workspace_id,
            external_user_id: computer.external_user_id,
            external_project_id: computer.external_project_id,
            network: match computer.network {
                Network::Isolated => "isolated".into(),
                Network::Host => "host".into(),
            },
            command: computer.command,
            restart_count: computer.reported.as_ref().map_or(0, |reported| reported.restart_count),
            exit_code: computer.reported.as_ref().and_then(|reported| reported.exit_code),
            error: failure.filter(|_| computer.status == ComputerStatus::Error),
            attachments: computer.attachments.into_iter().map(attachment_view).collect(),
            created_at: computer.created_at.to_string(),
            updated_at: computer.updated_at.to_string(),
            name: computer.name,
        }
    }
}

pub(super) fn attachment_view(attachment: AttachmentRecord) -> v1::attachments::Attachment {
    v1::attachments::Attachment {
        id: attachment.id.to_string(),
        volume_id: attachment.volume_id.to_string(),
        computer_id: attachment.computer_id.to_string(),
        mount_path: attachment.mount_path.to_string(),
        read_only: attachment.read_only,
        state: attachment.state.as_str().into(),
        status: attachment.state.as_str().into(),
        device: attachment.device,
        volume_name: attachment.volume_name,
        size_gb: size::ceil_gb(attachment.volume_size_bytes),
        host_id: attachment.host_id.to_string(),
        error: attachment.error.map(|failure| failure.message),
        created_at: attachment.created_at.to_string(),
        updated_at: attachment.updated_at.to_string(),
    }
}

fn volume_attachment(attachment: &AttachmentRecord) -> v1::volumes::VolumeAttachment {
    v1::volumes::VolumeAttachment {
        id: attachment.id.to_string(),
        computer_id: Some(attachment.computer_id.to_string()),
        service_id: None,
        instance_id: Some(attachment.computer_id.to_string()),
        mount_path: attachment.mount_path.to_string(),
        read_only: attachment.read_only,
        state: attachment.state.as_str().into(),
    }
}

pub(super) fn deleted(id: impl ToString, status: &str) -> v1::volumes::Deleted {
    v1::volumes::Deleted { id: id.to_string(), deleted: true, success: true, status: status.into() }
}

/// A value as the only detail of an error.
pub(super) fn detail(name: &str, value: impl serde::Serialize) -> serde_json::Map<String, serde_json::Value> {
    let value = serde_json::to_value(value).unwrap_or_default();
    BTreeMap::from([(name.to_owned(), value)]).into_iter().collect()
}
