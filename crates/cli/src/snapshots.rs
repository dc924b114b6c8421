//! `miosa snapshots ...`: take, look at, protect, verify and remove them. Bringing one back is in `restore`, its files are in
//! `files` and `cp`, what it looks like is in `print`.

mod cp;
mod files;
mod print;
mod restore;

use std::collections::HashMap;

use futures::TryStreamExt;
use jiff::Timestamp;
use miosa_api::v1::snapshots::{
    CreateSnapshot, KeptSnapshot, PrunePlan, PruneSnapshots, Snapshot, SnapshotVerification, UpdateSnapshot,
};
use miosa_api::v1::words::{DeletedState, KeptReason, SnapshotState, VerificationState};
use miosa_client::{SnapshotFilter, VolumeFilter};

use self::print::print;
use crate::args::{
    self, CreateSnapshotArgs, DeleteSnapshotArgs, ListSnapshotsArgs, PruneArgs, SnapshotsVerb,
    UpdateSnapshotArgs, VerifyArgs,
};
use crate::context::Context;
use crate::errors::CliError;
use crate::output::{age, amount, counted, second, short_id};
use crate::progress::Progress;
use crate::resolve;

pub(crate) async fn run(context: &Context, verb: SnapshotsVerb) -> Result<(), CliError> {
    match verb {
        SnapshotsVerb::List(args) => list(context, args).await,
        SnapshotsVerb::Create(args) => create(context, args).await,
        SnapshotsVerb::Show { snapshot } => show(context, &snapshot).await,
        SnapshotsVerb::Update(args) => update(context, args).await,
        SnapshotsVerb::Protect { snapshot } => protect(context, &snapshot, true).await,
        SnapshotsVerb::Unprotect { snapshot } => protect(context, &snapshot, false).await,
        SnapshotsVerb::Delete(args) => delete(context, args).await,
        SnapshotsVerb::Restore(args) => restore::restore(context, args).await,
        SnapshotsVerb::Verify(args) => verify(context, args).await,
        SnapshotsVerb::Prune(args) => prune(context, args).await,
        SnapshotsVerb::Ls(args) => match args.path {
            Some(path) => files::ls(context, &path).await,
            None => list(context, ListSnapshotsArgs::default()).await,
        },
        SnapshotsVerb::Cat { file } => files::cat(context, &file).await,
        SnapshotsVerb::Cp(args) => cp::cp(context, args).await,
        SnapshotsVerb::Diff(args) => files::diff(context, args).await,
    }
}

async fn list(context: &Context, args: ListSnapshotsArgs) -> Result<(), CliError> {
    let (client, output) = (&context.client, &context.output);
    let volume_id = match &args.volume {
        Some(query) => Some(resolve::volume_id_of_past(client, query).await?),
        None => None,
    };
    let filter = SnapshotFilter { volume_id, status: args.status, ..SnapshotFilter::default() };
    let snapshots: Vec<Snapshot> = client.snapshots().list_all(&filter).try_collect().await?;
    if output.is_json() {
        return Ok(output.json(&snapshots)?);
    }
    if output.is_quiet() {
        return snapshots.iter().try_for_each(|snapshot| Ok(output.line(&snapshot.id)?));
    }
    let now = Timestamp::now();
    let rows = snapshots.iter().map(|snapshot| print::row(snapshot, now)).collect();
    output.table(&print::HEADERS, rows)?;
    if snapshots.is_empty() {
        output.hint("No snapshots. Take one: miosa snapshots create <volume>")?;
    }
    Ok(())
}

async fn create(context: &Context, args: CreateSnapshotArgs) -> Result<(), CliError> {
    let (client, output) = (&context.client, &context.output);
    let volume_id = resolve::volume_id(client, &args.volume, VolumeFilter::default()).await?;
    let new = CreateSnapshot {
        name: args.name,
        metadata: args::pairs_json(&args.metadata),
        protected: args.protect.then_some(true),
        now: args.now.then_some(true),
        ttl: args.ttl.map(Into::into),
        ..CreateSnapshot::default()
    };
    let snapshot = taken(context, client.snapshots().create(&volume_id, &new).await?).await?;
    if !output.is_json() && !output.is_quiet() {
        output.line(&format!("Took snapshot {} of volume {}", snapshot.id, snapshot.volume_name))?;
    }
    print(context, &snapshot)
}

/// The snapshot when it is ready. Whoever stops waiting does not stop it.
async fn taken(context: &Context, mut snapshot: Snapshot) -> Result<Snapshot, CliError> {
    let mut progress = Progress::new(&context.output);
    while snapshot.state == SnapshotState::Creating {
        progress.wait(&format!("Snapshot of {}: {}", snapshot.volume_name, print::phase(&snapshot))).await;
        snapshot = context.client.snapshots().get(&snapshot.id).await?;
    }
    if snapshot.state != SnapshotState::Failed {
        return Ok(snapshot);
    }
    let reason = snapshot.error.unwrap_or_else(|| "its host did not say why".into());
    Err(CliError::Failed {
        code: "SNAPSHOT_FAILED",
        message: format!("the snapshot of volume {} failed: {reason}", snapshot.volume_id),
        hint: Some(format!("`miosa snapshots show {}` keeps the reason for a day", short_id(&snapshot.id))),
    })
}

async fn show(context: &Context, query: &str) -> Result<(), CliError> {
    let id = resolve::snapshot_id(&context.client, query).await?;
    print(context, &context.client.snapshots().get(&id).await?)
}

async fn update(context: &Context, args: UpdateSnapshotArgs) -> Result<(), CliError> {
    let change = UpdateSnapshot {
        name: args.name,
        metadata: args::pairs_json(&args.metadata),
        ..UpdateSnapshot::default()
    };
    let id = resolve::snapshot_id(&context.client, &args.snapshot).await?;
    print(context, &context.client.snapshots().update(&id, &change).await?)
}

async fn protect(context: &Context, query: &str, protected: bool) -> Result<(), CliError> {
    let output = &context.output;
    let id = resolve::snapshot_id(&context.client, query).await?;
    let change = UpdateSnapshot { protected: Some(protected), ..UpdateSnapshot::default() };
    let snapshot = context.client.snapshots().update(&id, &change).await?;
    if output.is_json() || output.is_quiet() {
        return print(context, &snapshot);
    }
    if snapshot.protected {
        return Ok(output.line(&format!("Protected snapshot {id}: it stays until it is unprotected"))?);
    }
    let expires = match &snapshot.expires_at {
        Some(time) => format!("it expires {}", second(time)),
        None => "it stays until it is deleted".into(),
    };
    Ok(output.line(&format!("Unprotected snapshot {id}: {expires}"))?)
}

async fn delete(context: &Context, args: DeleteSnapshotArgs) -> Result<(), CliError> {
    let (client, output) = (&context.client, &context.output);
    if !args.force && !output.can_ask() {
        let hint = Some("say --force when it may be deleted; nothing was changed");
        return Err(CliError::usage(
            "deleting a snapshot asks first, and there is no terminal to ask at",
            hint,
        ));
    }
    let id = resolve::snapshot_id(client, &args.snapshot).await?;
    let snapshot = client.snapshots().get(&id).await?;
    let frees = match snapshot.exclusive_bytes {
        Some(bytes) => format!("{} become free", amount(bytes)),
        None => "how much becomes free is not measured yet".into(),
    };
    if !args.force {
        let question = format!("Delete snapshot {} for good? {frees}.", print::in_words(&snapshot));
        if !output.confirm(&question)? {
            return Err(CliError::Declined);
        }
    }
    let deleted = client.snapshots().delete(&id).await?;
    if output.is_json() {
        return Ok(output.json(&deleted)?);
    }
    if output.is_quiet() {
        return Ok(output.line(&deleted.id)?);
    }
    let done = if deleted.status == DeletedState::Deleting { "Deleting" } else { "Deleted" };
    Ok(output.line(&format!("{done} snapshot {id}; {frees}"))?)
}

async fn verify(context: &Context, args: VerifyArgs) -> Result<(), CliError> {
    let (client, output) = (&context.client, &context.output);
    let id = resolve::snapshot_id(client, &args.snapshot).await?;
    let mut snapshot = client.snapshots().verify(&id).await?;
    let mut progress = Progress::new(output);
    while let Some(percent) = still_verifying(&snapshot)
        && !args.no_wait
    {
        progress.wait(&format!("Verifying snapshot {}{percent}", short_id(&id))).await;
        snapshot = client.snapshots().get(&id).await?;
    }
    drop(progress);
    let state = snapshot.verification.as_ref().map(|verification| verification.state.known());
    let is_running = matches!(state, None | Some(Some(VerificationState::Running)));
    if !is_running && state != Some(Some(VerificationState::Intact)) {
        return Err(bad(&snapshot));
    }
    if output.is_json() || output.is_quiet() {
        return print(context, &snapshot);
    }
    if is_running {
        output.line(&format!("Verifying snapshot {id}"))?;
        output.hint(&format!("See the outcome: miosa snapshots show {}", short_id(&id)))?;
        return Ok(());
    }
    let checksum = snapshot.checksum.as_deref().unwrap_or("-");
    Ok(output.line(&format!("Snapshot {id} is intact: its data still has the BLAKE3 checksum {checksum}"))?)
}

/// How far a verification is that still runs.
fn still_verifying(snapshot: &Snapshot) -> Option<String> {
    let SnapshotVerification { state, progress_percent, .. } = snapshot.verification.as_ref()?;
    let percent = progress_percent.map(|percent| format!(": {percent}%")).unwrap_or_default();
    (*state == VerificationState::Running).then_some(percent)
}

/// A verification that did not find the data as it was taken.
fn bad(snapshot: &Snapshot) -> CliError {
    let verification = snapshot.verification.as_ref();
    let is_unreadable =
        verification.is_some_and(|verification| verification.state == VerificationState::Unreadable);
    let (code, what) = match is_unreadable {
        true => ("SNAPSHOT_UNREADABLE", "CANNOT BE READ"),
        false => ("SNAPSHOT_DAMAGED", "IS DAMAGED"),
    };
    let reason = verification.and_then(|verification| verification.message.as_deref());
    CliError::Failed {
        code,
        message: format!("snapshot {} {what}: {}", snapshot.id, reason.unwrap_or("no details are known")),
        hint: Some(format!(
            "`miosa snapshots list {}` shows the others of its volume; verify them too, and check the disk",
            snapshot.volume_id
        )),
    }
}

async fn prune(context: &Context, args: PruneArgs) -> Result<(), CliError> {
    let (client, output) = (&context.client, &context.output);
    let volume_id = match &args.volume {
        Some(query) => Some(resolve::volume_id_of_past(client, query).await?),
        None => None,
    };
    let which = PruneSnapshots { dry_run: Some(args.dry_run), volume_id: volume_id.clone() };
    let plan = client.snapshots().prune(&which).await?;
    if output.is_json() {
        return Ok(output.json(&plan)?);
    }
    if output.is_quiet() {
        return plan.pruned.iter().try_for_each(|snapshot| Ok(output.line(&snapshot.id)?));
    }
    let mut known = HashMap::new();
    if !plan.kept.is_empty() {
        let filter = SnapshotFilter { volume_id, ..SnapshotFilter::default() };
        let all = client.snapshots().list_all(&filter);
        known = all.map_ok(|snapshot| (snapshot.id.clone(), snapshot)).try_collect().await?;
    }
    print_plan(context, &plan, &known)
}

fn print_plan(
    context: &Context,
    plan: &PrunePlan,
    known: &HashMap<String, Snapshot>,
) -> Result<(), CliError> {
    let (output, now) = (&context.output, Timestamp::now());
    let goes = |snapshot: &Snapshot| {
        let expired = snapshot.expires_at.as_ref().map(|time| format!("expired {} ago", age(time, now)));
        print::plan_row(
            &snapshot.id,
            Some(snapshot),
            now,
            "goes",
            &expired.unwrap_or_else(|| "expired".into()),
        )
    };
    let stays = |kept: &KeptSnapshot| {
        let reason = match kept.reason.known() {
            Some(KeptReason::Newest) => "the newest good one of its volume",
            Some(KeptReason::InUse) => "in use: being restored or forked",
            _ => kept.reason.as_str(),
        };
        print::plan_row(&kept.id, known.get(&kept.id), now, "stays", reason)
    };
    let rows: Vec<_> = plan.pruned.iter().map(goes).chain(plan.kept.iter().map(stays)).collect();
    if rows.is_empty() {
        return Ok(output.line("Nothing to prune: no snapshot has expired")?);
    }
    output.table(&print::PLAN_HEADERS, rows)?;
    let done = if plan.dry_run { "Would remove" } else { "Removed" };
    let count = counted(plan.pruned.len() as u64, "snapshot");
    let frees = match plan.freed_bytes {
        0 => String::new(),
        bytes => format!("; at least {} become free", amount(bytes)),
    };
    Ok(output.line(&format!("{done} {count}{frees}"))?)
}
