//! From an instance as it should be and as it was seen to the steps in between.
//!
//! The order carries the promises: every volume is claimed (on the host, mounted) before the container exists, and published
//! before its first process starts; on the way down, processes end first, then mounts, then claims.

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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerSeen {
    Absent,
    /// Made, but its first process never ran: a start that was cut off.
    Created,
    Running {
        run: u64,
    },
    Exited,
}

/// Ordered steps, none when all is as it should be.
pub fn instance_plan(spec: &InstanceSpec, seen: &InstanceSeen) -> Vec<InstanceStep> {
    match (spec.desired, seen.container) {
        (DesiredRun::Running, ContainerSeen::Running { run }) if run == spec.run => {
            change_attachments(spec, seen)
        }
        (DesiredRun::Running, _) => {
            let mut steps = bring_down(spec, seen);
            steps.extend(unwanted_claims(spec, seen).map(InstanceStep::Release));
            steps.extend(bring_up(spec));
            steps
        }
        (DesiredRun::Stopped, _) => {
            let mut steps = bring_down(spec, seen);
            steps.extend(seen.claimed.iter().copied().map(InstanceStep::Release));
            steps
        }
        (DesiredRun::Destroyed, _) => {
            let mut steps = bring_down(spec, seen);
            steps.extend(seen.claimed.iter().copied().map(InstanceStep::Release));
            if seen.has_files {
                steps.push(InstanceStep::DestroyFiles);
            }
            steps
        }
    }
}

/// Takes out what should go and puts in what should come, under the running workload.
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

fn bring_down(spec: &InstanceSpec, seen: &InstanceSeen) -> Vec<InstanceStep> {
    match seen.container {
        ContainerSeen::Running { .. } => {
            vec![InstanceStep::Stop { grace_seconds: spec.stop_grace_seconds }, InstanceStep::RemoveContainer]
        }
        ContainerSeen::Created | ContainerSeen::Exited => vec![InstanceStep::RemoveContainer],
        ContainerSeen::Absent if seen.rootfs_mounted => vec![InstanceStep::RemoveContainer],
        ContainerSeen::Absent => Vec::new(),
    }
}

fn bring_up(spec: &InstanceSpec) -> Vec<InstanceStep> {
    let mut steps: Vec<_> = wanted(spec).map(|a| InstanceStep::Claim(a.id)).collect();
    steps.push(InstanceStep::CreateContainer);
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
