//! From an instance as it should be and as it was seen to the steps in between.
//!
//! The order carries the promises: every volume is claimed (on the host, mounted) and published before the first process
//! starts; on the way down, processes end first, then mounts, then claims.
//!
//! A volume that somebody else still holds is claimed after the container is made, so that whatever can be prepared is ready
//! when the volume comes. On the way down its claim goes before the container is removed, for the same reason: with the last
//! process went the mounts inside.

use std::collections::BTreeSet;

use miosa_domain::AttachmentId;
use miosa_domain::spec::{AttachmentSpec, DesiredAttachment, DesiredRun, InstanceSpec};

use crate::step::InstanceStep;

/// What was observed of an instance. An observation that failed is no observation: then there is no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceSeen {
    pub container: ContainerSeen,
    /// Its root filesystem is mounted on the host.
    pub rootfs_mounted: bool,
    /// It has files on this host.
    pub has_files: bool,
    /// Attachments whose claim stands in a volume's ledger file under this instance's name.
    pub claimed: BTreeSet<AttachmentId>,
    /// Attachments whose volume is mounted inside the container.
    pub published: BTreeSet<AttachmentId>,
    /// Attachments whose volume another one holds that it cannot be shared with.
    pub awaited: BTreeSet<AttachmentId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerSeen {
    Absent,
    /// Made, but its first process never ran. `prepared`: it is known to be as the spec says, and nothing went wrong with it;
    /// else a start was cut off, and nobody knows how far it had come.
    Created {
        prepared: bool,
    },
    Running {
        run: u64,
    },
    /// Its first process ran, and ended. `code` is `None` when nobody saw how.
    Exited {
        run: u64,
        code: Option<i32>,
    },
}

impl ContainerSeen {
    /// The first process ended by itself, and the spec leaves it at that until the next run.
    pub fn has_ended(self, spec: &InstanceSpec) -> bool {
        matches!(self, Self::Exited { run, code } if run == spec.run && !spec.restart_policy.starts_again(code))
    }
}

/// Ordered steps, none when all is as it should be.
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
        (DesiredRun::Running, container) if container.has_ended(spec) => {
            unwanted_claims(spec, seen).map(InstanceStep::Release).collect()
        }
        (DesiredRun::Running, _) => {
            let mut steps = bring_down(spec, seen, unwanted_claims(spec, seen));
            steps.extend(bring_up(spec, seen));
            steps
        }
        (DesiredRun::Stopped, _) => bring_down(spec, seen, seen.claimed.iter().copied()),
        (DesiredRun::Destroyed, _) => {
            let mut steps = bring_down(spec, seen, seen.claimed.iter().copied());
            if seen.has_files {
                steps.push(InstanceStep::DestroyFiles);
            }
            steps
        }
    }
}

/// Takes out what should go and puts in what should come, under the running workload or before it.
fn change_attachments(spec: &InstanceSpec, seen: &InstanceSeen) -> Vec<InstanceStep> {
    let mut steps = Vec::new();
    for attachment in &spec.attachments {
        if let DesiredAttachment::Detached { force } = attachment.desired {
            if seen.published.contains(&attachment.id) {
                steps.push(InstanceStep::Unpublish { attachment: attachment.id, force });
            }
            if seen.claimed.contains(&attachment.id) {
                steps.push(InstanceStep::Release(attachment.id));
            }
        }
    }
    for attachment in wanted(spec) {
        // A published volume without a claim is one whose ledger file was lost; claiming it again writes it down.
        if !seen.claimed.contains(&attachment.id) || !seen.published.contains(&attachment.id) {
            steps.push(InstanceStep::Claim(attachment.id));
        }
        if !seen.published.contains(&attachment.id) {
            steps.push(InstanceStep::Publish(attachment.id));
        }
    }
    steps
}

/// Ends the container and gives `claims` back.
fn bring_down(
    spec: &InstanceSpec,
    seen: &InstanceSeen,
    claims: impl Iterator<Item = AttachmentId>,
) -> Vec<InstanceStep> {
    let releases = claims.map(InstanceStep::Release);
    let mut steps = Vec::new();
    match seen.container {
        ContainerSeen::Running { .. } => {
            // No process is left after it, hence no mount: others need not wait until the container is removed.
            steps.push(InstanceStep::Stop { grace_seconds: spec.stop_grace_seconds });
            steps.extend(releases);
            steps.push(InstanceStep::RemoveContainer);
        }
        // Somebody may have entered it, and is ended only here.
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
    let claim = |a: &AttachmentSpec| InstanceStep::Claim(a.id);
    let mut steps: Vec<_> = wanted(spec).filter(|a| !seen.awaited.contains(&a.id)).map(claim).collect();
    steps.push(InstanceStep::CreateContainer);
    steps.extend(wanted(spec).filter(|a| seen.awaited.contains(&a.id)).map(claim));
    steps.extend(wanted(spec).map(|a| InstanceStep::Publish(a.id)));
    steps.push(InstanceStep::Start);
    steps
}

fn wanted(spec: &InstanceSpec) -> impl Iterator<Item = &AttachmentSpec> {
    spec.attachments.iter().filter(|a| a.desired == DesiredAttachment::Attached)
}

/// Claims of attachments that are to go. One that the spec does not name stays: absence is no order.
fn unwanted_claims<'a>(
    spec: &'a InstanceSpec,
    seen: &'a InstanceSeen,
) -> impl Iterator<Item = AttachmentId> + 'a {
    spec.attachments
        .iter()
        .filter(|a| a.desired != DesiredAttachment::Attached && seen.claimed.contains(&a.id))
        .map(|a| a.id)
}
