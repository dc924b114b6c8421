//! From the wanted and the observed state of an instance to the steps between them.
//!
//! The order of the steps carries the guarantees. On the way up, every volume is claimed (which mounts it on the host) and
//! published before the first process starts. On the way down, processes end first, then mounts go, then claims.
//!
//! A volume that another claim still holds is claimed after the container was created: everything that can be prepared is
//! ready when the volume comes free. On the way down, for the same reason, claims are released before the container is
//! removed: the mounts inside went with the last process.

use std::collections::{BTreeMap, BTreeSet};

use miosa_domain::spec::{AttachmentSpec, DesiredAttachment, DesiredRun, InstanceSpec, Network};
use miosa_domain::{AttachmentId, VolumeId};

use crate::step::InstanceStep;

/// What was observed of an instance. If observing failed there is no such value, and no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceSeen {
    pub container: ContainerSeen,
    /// Its root filesystem is mounted on the host.
    pub rootfs_mounted: bool,
    /// It has files on this host.
    pub has_files: bool,
    /// Attachments whose claim is recorded in a volume's ledger file under this instance's name, with that volume.
    pub claimed: BTreeMap<AttachmentId, VolumeId>,
    /// Attachments whose volume is mounted inside the container.
    pub published: BTreeSet<AttachmentId>,
    /// Attachments whose volume is held by a claim that excludes theirs.
    pub awaited: BTreeSet<AttachmentId>,
    /// Attachments whose volume another claim uses as well.
    pub shared: BTreeSet<AttachmentId>,
    /// Attachments whose detach was tried and refused at the spec's present generation.
    pub given_up: BTreeSet<AttachmentId>,
    /// The operator allows instances to use the host's network.
    pub host_network_allowed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerSeen {
    Absent,
    /// Created; its first process never ran. `prepared`: this agent created it from the present spec and no step failed since.
    /// Otherwise a start was interrupted and the state of the container is unknown.
    Created {
        prepared: bool,
    },
    Running {
        run: u64,
    },
    /// Its first process ran and ended. `code` is `None` if nothing recorded it.
    Exited {
        run: u64,
        code: Option<i32>,
    },
}

impl ContainerSeen {
    /// The first process ended by itself, and by the restart policy it stays ended until the next run.
    pub fn has_ended(self, spec: &InstanceSpec) -> bool {
        matches!(self, Self::Exited { run, code } if run == spec.run && !spec.restart_policy.starts_again(code))
    }
}

/// The steps in order; none if the instance is as its spec says.
pub fn instance_plan(spec: &InstanceSpec, seen: &InstanceSeen) -> Vec<InstanceStep> {
    match (spec.desired, seen.container) {
        (DesiredRun::Running, ContainerSeen::Running { run }) if run == spec.run => {
            change_attachments(spec, seen)
        }
        (DesiredRun::Running, ContainerSeen::Created { prepared: true }) => {
            let mut steps = change_attachments(spec, seen);
            steps.push(InstanceStep::Start);
            steps
        }
        (DesiredRun::Running, container) if container.has_ended(spec) => unwanted_claims(spec, seen),
        (DesiredRun::Running, _) => {
            let mut steps = bring_down(spec, seen, unwanted_claims(spec, seen));
            steps.extend(bring_up(spec, seen));
            steps
        }
        (DesiredRun::Stopped, _) => bring_down(spec, seen, all_claims(seen)),
        (DesiredRun::Destroyed, _) => {
            let mut steps = bring_down(spec, seen, all_claims(seen));
            if seen.has_files {
                steps.push(InstanceStep::DestroyFiles);
            }
            steps
        }
    }
}

/// Detaches and attaches volumes, under the running workload or before it starts.
fn change_attachments(spec: &InstanceSpec, seen: &InstanceSeen) -> Vec<InstanceStep> {
    let mut steps = Vec::new();
    for attachment in spec.attachments.iter().filter(|a| !seen.given_up.contains(&a.id)) {
        let DesiredAttachment::Detached { force } = attachment.desired else { continue };
        if seen.published.contains(&attachment.id) {
            let stays_staged = seen.shared.contains(&attachment.id);
            steps.push(InstanceStep::Detach { attachment: attachment.clone(), force, stays_staged });
        } else if let Some(&volume) = seen.claimed.get(&attachment.id) {
            steps.push(InstanceStep::Release { attachment: attachment.id, volume, hand_over: false });
        }
    }
    for attachment in wanted(spec) {
        // Published without a claim: the ledger file was lost, and claiming again records it.
        if !seen.claimed.contains_key(&attachment.id) || !seen.published.contains(&attachment.id) {
            steps.push(InstanceStep::Claim(attachment.clone()));
        }
        if !seen.published.contains(&attachment.id) {
            steps.push(InstanceStep::Publish(attachment.clone()));
        }
    }
    steps
}

/// Ends the container and carries out `releases`.
fn bring_down(spec: &InstanceSpec, seen: &InstanceSeen, releases: Vec<InstanceStep>) -> Vec<InstanceStep> {
    let mut steps = Vec::new();
    match seen.container {
        ContainerSeen::Running { .. } => {
            // After it no process is left, hence no mount: others need not wait until the container is removed.
            steps.push(InstanceStep::Stop { grace_seconds: spec.stop_grace_seconds });
            steps.extend(releases);
            steps.push(InstanceStep::RemoveContainer);
        }
        // A process may have entered it from the host; removing the container ends that too.
        ContainerSeen::Created { .. } | ContainerSeen::Exited { .. } => {
            steps.push(InstanceStep::RemoveContainer);
            steps.extend(releases);
        }
        ContainerSeen::Absent => {
            steps.extend(seen.rootfs_mounted.then_some(InstanceStep::RemoveContainer));
            steps.extend(releases);
        }
    }
    steps
}

fn bring_up(spec: &InstanceSpec, seen: &InstanceSeen) -> Vec<InstanceStep> {
    if spec.network == Network::Host && !seen.host_network_allowed {
        return vec![InstanceStep::RefuseHostNetwork];
    }
    let (awaited, free): (Vec<_>, Vec<_>) =
        wanted(spec).cloned().partition(|attachment| seen.awaited.contains(&attachment.id));
    let mut steps: Vec<_> = free.into_iter().map(InstanceStep::Claim).collect();
    steps.push(InstanceStep::CreateContainer);
    steps.extend(awaited.into_iter().map(InstanceStep::Claim));
    steps.extend(wanted(spec).cloned().map(InstanceStep::Publish));
    steps.push(InstanceStep::Start);
    steps
}

fn wanted(spec: &InstanceSpec) -> impl Iterator<Item = &AttachmentSpec> {
    spec.attachments.iter().filter(|a| a.desired == DesiredAttachment::Attached)
}

/// Releases of all claims, for an instance that is to have no process.
fn all_claims(seen: &InstanceSeen) -> Vec<InstanceStep> {
    let release = |(&attachment, &volume)| InstanceStep::Release { attachment, volume, hand_over: true };
    seen.claimed.iter().map(release).collect()
}

/// Releases of claims whose attachments are to go, for an instance that is to run. A claim that the spec does not name stays:
/// absence means nothing.
fn unwanted_claims(spec: &InstanceSpec, seen: &InstanceSeen) -> Vec<InstanceStep> {
    let unwanted = spec.attachments.iter().filter(|attachment| {
        attachment.desired != DesiredAttachment::Attached && !seen.given_up.contains(&attachment.id)
    });
    unwanted
        .filter_map(|attachment| {
            let volume = *seen.claimed.get(&attachment.id)?;
            Some(InstanceStep::Release { attachment: attachment.id, volume, hand_over: false })
        })
        .collect()
}
