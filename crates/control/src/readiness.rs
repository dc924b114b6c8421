//! Whether the control plane is ready, and counts of its objects.

use std::collections::BTreeMap;

use miosa_domain::attachment::Attachment;
use miosa_domain::volume::{self, VolumeState};
use miosa_domain::{AttachmentId, ComputerId, MountPath, VolumeId};
use miosa_store::upkeep::VolumeCount;
use uuid::Uuid;

use crate::{App, AppError, Gauges, Readiness};

impl App {
    pub async fn readiness(&self) -> Readiness {
        let database = self.store().ping().await.is_ok();
        let connected = self.hosts().connected().len();
        let agent_connected = connected > 0;
        let agent_recovered = agent_connected && self.hosts().recovered().len() >= connected;
        let mut reasons = Vec::new();
        if !database {
            reasons.push("the database is not reachable".into());
        }
        if !agent_connected {
            reasons.push("no agent is connected".into());
        } else if !agent_recovered {
            reasons.push("the agent is still observing its host".into());
        }
        Readiness { database, agent_connected, agent_recovered, reasons }
    }

    pub async fn gauges(&self) -> Result<Gauges, AppError> {
        let counts = self.store().counts().await?;
        let hosts = self.store().hosts().await?;
        let pools = || hosts.iter().filter_map(|host| host.pool);
        let mut gauges = Gauges {
            computers: counts.computers.iter().map(|(status, n)| (status.to_string(), *n)).collect(),
            attachments: counts.attachments.iter().map(|(state, n)| (state.as_str().into(), *n)).collect(),
            snapshots: counts.snapshots.iter().map(|(state, n)| (state.as_str().into(), *n)).collect(),
            snapshot_schedules: BTreeMap::from([
                ("ok".into(), counts.schedules.ok),
                ("failing".into(), counts.schedules.failing),
                ("paused".into(), counts.schedules.paused),
            ]),
            pool_capacity_bytes: pools().map(|pool| pool.capacity_bytes).sum(),
            pool_used_bytes: pools().map(|pool| pool.used_bytes).sum(),
            agent_sessions: self.hosts().connected().len() as u64,
            ..Gauges::default()
        };
        for count in &counts.volumes {
            let state = state(count, self.hosts().is_reachable(count.host_id));
            *gauges.volumes.entry(state.to_string()).or_default() += count.count;
        }
        Ok(gauges)
    }
}

/// The state shared by volumes that were counted together. Fields that do not affect the state are placeholders.
fn state(count: &VolumeCount, host_reachable: bool) -> VolumeState {
    let volume = volume::Volume {
        id: VolumeId::from_uuid(Uuid::nil()),
        host_id: count.host_id,
        lifecycle: count.lifecycle,
        host_reachable,
        delete_protection: false,
        error: None,
    };
    let attachment = count.attachment.map(|state| Attachment {
        id: AttachmentId::from_uuid(Uuid::nil()),
        volume_id: volume.id,
        computer_id: ComputerId::from_uuid(Uuid::nil()),
        mount_path: MountPath::parse("/mnt/data").expect("the default path is one"),
        read_only: false,
        shared: false,
        state,
    });
    volume::state(&volume, attachment.as_slice())
}
