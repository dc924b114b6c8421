//! `miosa volumes ...`: the verbs of every day. Copies and compaction are in `copy`, what a volume looks like is in `print`, its
//! past in `timeline`.

mod copy;
mod print;
mod timeline;

pub(crate) use copy::settled;
pub(crate) use print::print;

use futures::TryStreamExt;
use jiff::Timestamp;
use miosa_api::twin::Twin;
use miosa_api::v1::attachments::CreateAttachment;
use miosa_api::v1::volumes::{CreateVolume, UpdateVolume, Volume};
use miosa_api::v1::words::{AttachmentState, DeletedState};
use miosa_client::VolumeFilter;
use miosa_domain::size;

use crate::args::{
    self, AttachArgs, CreateVolumeArgs, DestroyArgs, DetachArgs, ListVolumesArgs, ScheduleArg, Switch,
    UpdateVolumeArgs, VolumesVerb,
};
use crate::context::Context;
use crate::errors::CliError;
use crate::output::{age, minute, short_id};
use crate::resolve;

pub(crate) async fn run(context: &Context, verb: VolumesVerb) -> Result<(), CliError> {
    match verb {
        VolumesVerb::List(args) => list(context, args).await,
        VolumesVerb::Create(args) => create(context, args).await,
        VolumesVerb::Show { volume } => show(context, &volume).await,
        VolumesVerb::Update(args) => update(context, args).await,
        VolumesVerb::Attach(args) => attach(context, args).await,
        VolumesVerb::Detach(args) => detach(context, args).await,
        VolumesVerb::Fork(args) => copy::fork(context, args).await,
        VolumesVerb::Compact(args) => copy::compact(context, args).await,
        VolumesVerb::Timeline(args) => timeline::timeline(context, args).await,
        VolumesVerb::Destroy(args) => destroy(context, args).await,
        VolumesVerb::Undelete { volume } => undelete(context, &volume).await,
    }
}

async fn list(context: &Context, args: ListVolumesArgs) -> Result<(), CliError> {
    let output = &context.output;
    let filter = VolumeFilter {
        workspace_id: context.workspace_filter.clone(),
        ..if args.deleted { trash() } else { VolumeFilter { status: args.status, ..Default::default() } }
    };
    let volumes: Vec<Volume> = context.client.volumes().list_all(&filter).try_collect().await?;
    if output.is_json() {
        return Ok(output.json(&volumes)?);
    }
    if output.is_quiet() {
        return volumes.iter().try_for_each(|volume| Ok(output.line(&volume.id)?));
    }
    let now = Timestamp::now();
    if args.deleted {
        let rows = volumes.iter().map(|volume| {
            let time = |time: &Option<String>| time.as_ref().map_or("-".into(), |time| age(time, now));
            vec![
                short_id(&volume.id),
                volume.name.clone(),
                size::human(volume.size_bytes),
                volume.state.to_string(),
                time(&volume.deleted_at),
                time(&volume.purge_after),
            ]
        });
        output.table(&["ID", "NAME", "SIZE", "STATE", "DELETED", "GONE"], rows.collect())?;
        return Ok(());
    }
    let rows = volumes.iter().map(|volume| {
        vec![
            short_id(&volume.id),
            volume.name.clone(),
            size::human(volume.size_bytes),
            volume.region.clone(),
            volume.state.to_string(),
            volume.attached_to.as_deref().map_or("none".into(), short_id),
            age(&volume.created_at, now),
        ]
    });
    output.table(&["ID", "NAME", "SIZE", "REGION", "STATE", "ATTACHED", "AGE"], rows.collect())?;
    if volumes.is_empty() {
        output.hint("No volumes. Make one: miosa volumes create <name> --size 50")?;
    }
    Ok(())
}

async fn create(context: &Context, args: CreateVolumeArgs) -> Result<(), CliError> {
    let output = &context.output;
    let size_bytes = i64::try_from(args.size)
        .map_err(|_| CliError::usage("the size is too large", Some("a volume has at most 500GB")))?;
    let snapshots = args.snapshots;
    let new = CreateVolume {
        name: Some(args.name),
        size_bytes: Some(size_bytes),
        region: args.region.or_else(|| context.settings.region.clone()),
        metadata: args::pairs_json(&args.metadata),
        delete_protection: args.delete_protection.then_some(true),
        snapshot_schedule: snapshots.snapshot_schedule.and_then(cron),
        snapshot_retention_days: snapshots.snapshot_retention_days,
        before_snapshot: snapshots.before_snapshot,
        after_snapshot: snapshots.after_snapshot,
        hook_timeout_seconds: snapshots.hook_timeout,
        ..CreateVolume::default()
    };
    let volume = context.client.volumes().create(&new).await?;
    if output.is_json() || output.is_quiet() {
        return print(context, &volume);
    }
    output.line(&format!("Created volume {}", volume.name))?;
    print(context, &volume)?;
    output.hint(&format!("Attach it: miosa volumes attach {}", short_id(&volume.id)))?;
    Ok(())
}

async fn show(context: &Context, query: &str) -> Result<(), CliError> {
    let id = resolve::volume_id(&context.client, query, VolumeFilter::default()).await?;
    print(context, &context.client.volumes().get(&id).await?)
}

async fn update(context: &Context, args: UpdateVolumeArgs) -> Result<(), CliError> {
    let snapshots = args.snapshots;
    let change = UpdateVolume {
        name: args.name,
        metadata: args::pairs_json(&args.metadata),
        delete_protection: args.delete_protection.map(|switch| switch == Switch::On),
        snapshot_schedule: snapshots.snapshot_schedule.map(cron),
        snapshot_retention_days: snapshots.snapshot_retention_days,
        before_snapshot: snapshots.before_snapshot,
        after_snapshot: snapshots.after_snapshot,
        hook_timeout_seconds: snapshots.hook_timeout,
        ..UpdateVolume::default()
    };
    let id = resolve::volume_id(&context.client, &args.volume, VolumeFilter::default()).await?;
    print(context, &context.client.volumes().update(&id, &change).await?)
}

/// `None` for off.
fn cron(schedule: ScheduleArg) -> Option<String> {
    match schedule {
        ScheduleArg::Off => None,
        ScheduleArg::Cron(cron) => Some(cron),
    }
}

async fn attach(context: &Context, args: AttachArgs) -> Result<(), CliError> {
    let (client, output) = (&context.client, &context.output);
    let volume_id = resolve::volume_id(client, &args.volume, VolumeFilter::default()).await?;
    let computer_id = match &args.machine {
        Some(query) => resolve::computer_id(client, query).await?,
        None => resolve::default_computer_id(context).await?,
    };
    let new = CreateAttachment {
        volume_id: Some(volume_id),
        mount_path: args.mount,
        read_only: args.read_only.then_some(true),
    };
    let attachment = client.attachments().create(&computer_id, &new).await?;
    if output.is_json() {
        return Ok(output.json(&Twin::of(attachment))?);
    }
    if output.is_quiet() {
        return Ok(output.line(&attachment.id)?);
    }
    let done = if attachment.state == AttachmentState::Attaching { "Attaching" } else { "Attached" };
    output.line(&format!("{done} volume {}", attachment.volume_id))?;
    output.fields(&[
        ("Attachment", Some(attachment.id)),
        ("Computer", Some(attachment.computer_id)),
        ("Mounted at", Some(mounted_at(&attachment.mount_path, attachment.read_only))),
    ])?;
    Ok(())
}

async fn detach(context: &Context, args: DetachArgs) -> Result<(), CliError> {
    let (client, output) = (&context.client, &context.output);
    let computer_id = match &args.machine {
        Some(query) => Some(resolve::computer_id(client, query).await?),
        None => None,
    };
    let id = resolve::attachment_id(client, &args.attachment, computer_id.as_deref()).await?;
    let deleted = match &computer_id {
        Some(computer_id) => client.attachments().delete_from(computer_id, &id, args.force).await?,
        None => client.attachments().delete(&id, args.force).await?,
    };
    if output.is_json() {
        return Ok(output.json(&Twin::of(deleted))?);
    }
    if output.is_quiet() {
        return Ok(output.line(&deleted.id)?);
    }
    let done = if deleted.status == DeletedState::Detaching { "Detaching" } else { "Detached" };
    Ok(output.line(&format!("{done} attachment {}", deleted.id))?)
}

async fn destroy(context: &Context, args: DestroyArgs) -> Result<(), CliError> {
    let (client, output) = (&context.client, &context.output);
    if !args.force && !output.can_ask() {
        let hint = Some("say --force when it may be destroyed; nothing was changed");
        return Err(CliError::usage(
            "destroying a volume asks first, and there is no terminal to ask at",
            hint,
        ));
    }
    let id = resolve::volume_id(client, &args.volume, VolumeFilter::default()).await?;
    if !args.force {
        let volume = client.volumes().get(&id).await?;
        let size = size::human(volume.size_bytes);
        let question = format!("Put volume {} ({size}, {id}) into the trash?", volume.name);
        if !output.confirm(&question)? {
            return Err(CliError::Declined);
        }
    }
    let deleted = client.volumes().delete(&id).await?;
    if output.is_json() {
        return Ok(output.json(&deleted)?);
    }
    if output.is_quiet() {
        return Ok(output.line(&deleted.id)?);
    }
    output.line(&format!("Destroyed volume {id}"))?;
    let until = match purge_after(context, &id).await {
        Some(time) => format!(" (until {})", minute(&time)),
        None => String::new(),
    };
    output.hint(&format!("Undo: miosa volumes undelete {id}{until}"))?;
    Ok(())
}

/// When the trash lets go of a volume. `None` also when it cannot be found out: the volume is destroyed either way.
async fn purge_after(context: &Context, id: &str) -> Option<String> {
    let mut trashed = std::pin::pin!(context.client.volumes().list_all(&trash()));
    while let Some(volume) = trashed.try_next().await.ok()? {
        if volume.id == id {
            return volume.purge_after;
        }
    }
    None
}

async fn undelete(context: &Context, query: &str) -> Result<(), CliError> {
    let id = resolve::volume_id(&context.client, query, trash()).await?;
    let volume = context.client.volumes().undelete(&id).await?;
    if !context.output.is_json() && !context.output.is_quiet() {
        context.output.line(&format!("Brought back volume {}", volume.name))?;
    }
    print(context, &volume)
}

fn trash() -> VolumeFilter {
    VolumeFilter { status: Some("deleted".into()), ..VolumeFilter::default() }
}

fn mounted_at(path: &str, read_only: bool) -> String {
    if read_only { format!("{path} (read-only)") } else { path.to_owned() }
}
