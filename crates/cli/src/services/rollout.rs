//! Making releases, and waiting until they are served. Whoever stops waiting stops nothing: the server goes on by itself.

use futures::TryStreamExt;
use miosa_api::v1::services::{DeployService, NewSource, Release, Service, UpdateService};
use miosa_api::v1::words::{ReleaseState, ServiceState};
use tokio::time::Instant;

use super::{print, settings};
use crate::args::{
    DataArgs, DeployServiceArgs, PromoteArgs, ReleaseArgs, RollbackArgs, RunServiceArgs, ScaleServiceArgs,
};
use crate::context::Context;
use crate::errors::CliError;
use crate::output::{counted, short_id};
use crate::progress::Progress;
use crate::resolve::{self, KnownVolumes};

pub(super) async fn deploy(context: &Context, args: DeployServiceArgs) -> Result<(), CliError> {
    let client = &context.client;
    let service = resolve::service(client, &args.service).await?;
    let mut changed = settings::settings(&args.run, &[], Some(&service))?;
    if !args.run.volume.is_empty() {
        let volumes = settings::volumes(&args.run.volume, &KnownVolumes::load(client).await?)?;
        changed.insert("volumes".into(), serde_json::to_value(volumes).unwrap_or_default());
    }
    // A service that was made without a source runs the default template.
    let template =
        args.run.template.or_else(|| service.source.is_none().then(|| service.settings.template.clone()));
    let ask = DeployService {
        source: template.map(NewSource::Named),
        settings: (!changed.is_empty()).then_some(changed),
        ..ask(&args.release)
    };
    let release = client.services().deploy(&service.id, &ask).await?;
    finish(context, &service, release, args.release.no_wait).await
}

pub(super) async fn promote(context: &Context, args: PromoteArgs) -> Result<(), CliError> {
    let service = resolve::service(&context.client, &args.service).await?;
    let release_id = resolve::release_id(&context.client, &service, &args.release).await?;
    serve_again(context, &service, Some(release_id), args.made, args.data).await
}

pub(super) async fn rollback(context: &Context, args: RollbackArgs) -> Result<(), CliError> {
    let service = resolve::service(&context.client, &args.service).await?;
    let release_id = match &args.release {
        Some(query) => Some(resolve::release_id(&context.client, &service, query).await?),
        None => None,
    };
    serve_again(context, &service, release_id, args.made, args.data).await
}

/// `None` takes the previous good one.
async fn serve_again(
    context: &Context,
    service: &Service,
    release_id: Option<String>,
    made: ReleaseArgs,
    data: DataArgs,
) -> Result<(), CliError> {
    let (client, output) = (&context.client, &context.output);
    if data.with_data && !data.yes && output.can_ask() {
        let volumes: Vec<_> = service.replica_volumes.iter().map(|volume| volume.name.as_str()).collect();
        let question = format!(
            "Bring the volumes of service {} ({}) back to what they held when that release was left?",
            service.name,
            volumes.join(", ")
        );
        if !output.confirm(&question)? {
            return Err(CliError::Declined);
        }
    }
    let is_named = release_id.is_some();
    let ask = DeployService { release_id, restore_data: data.with_data.then_some(true), ..ask(&made) };
    let release = match is_named {
        true => client.services().promote(&service.id, &ask).await?,
        false => client.services().rollback(&service.id, &ask).await?,
    };
    finish(context, service, release, made.no_wait).await?;
    if data.with_data && !made.no_wait {
        output.hint("What the volumes held until now is in safety snapshots: miosa snapshots list")?;
    }
    Ok(())
}

pub(super) async fn restart(context: &Context, args: RunServiceArgs) -> Result<(), CliError> {
    let service = resolve::service(&context.client, &args.service).await?;
    let release = context.client.services().restart(&service.id, &ask(&args.release)).await?;
    finish(context, &service, release, args.release.no_wait).await
}

pub(super) async fn start(context: &Context, args: RunServiceArgs) -> Result<(), CliError> {
    let service = resolve::service(&context.client, &args.service).await?;
    let release = context.client.services().start(&service.id, &ask(&args.release)).await?;
    finish(context, &service, release, args.release.no_wait).await
}

fn ask(args: &ReleaseArgs) -> DeployService {
    DeployService {
        message: args.message.clone(),
        snapshot_before: args.snapshot_before.then_some(true),
        ..DeployService::default()
    }
}

async fn finish(
    context: &Context,
    service: &Service,
    release: Release,
    no_wait: bool,
) -> Result<(), CliError> {
    let release = match no_wait {
        true => release,
        false => served(context, service, release).await?,
    };
    print::release(context, service, &release)
}

/// The release when it is served. One that is not is an error, which tells what is served instead.
pub(crate) async fn served(
    context: &Context,
    service: &Service,
    mut release: Release,
) -> Result<Release, CliError> {
    let services = context.client.services();
    let mut progress = Progress::new(&context.output);
    while is_on_its_way(&release) {
        let mut how_far = format!("Release {} of {}: {}", release.number, service.name, release.state);
        if context.output.is_watched() {
            how_far.push_str(&healthy(&services.get(&service.id).await?));
        }
        progress.wait(&how_far).await;
        release = services.get_release(&service.id, &release.id).await?;
    }
    if release.state == ReleaseState::Active {
        return Ok(release);
    }
    let now = back(context, &service.id, &mut progress).await?;
    drop(progress);
    Err(not_served(&now, &release))
}

fn is_on_its_way(release: &Release) -> bool {
    release.state.known().is_some_and(|state| !state.is_settled())
}

fn healthy(service: &Service) -> String {
    format!(", {} of {} replicas are healthy", service.ready_replicas, service.replicas)
}

/// The service after a release failed: what was good before needs a moment until it runs again.
async fn back(context: &Context, id: &str, progress: &mut Progress) -> Result<Service, CliError> {
    let deadline = Instant::now() + context.settings.timeout;
    loop {
        let service = context.client.services().get(id).await?;
        let is_coming = service.state == ServiceState::Deploying && service.deploying_release_id.is_none();
        if !is_coming || Instant::now() >= deadline {
            return Ok(service);
        }
        let number = service.active_release_number.unwrap_or_default();
        progress.wait(&format!("Back to release {number} of {}{}", service.name, healthy(&service))).await;
    }
}

fn not_served(service: &Service, release: &Release) -> CliError {
    let reason = match &release.reason {
        Some(reason) => format!("{} ({})", reason.detail, reason.code),
        None => "the server does not say why".into(),
    };
    let instead = match (service.active_release_number, service.state.known()) {
        (_, Some(ServiceState::Stopped | ServiceState::Destroying)) => {
            format!("the service is {}", service.state)
        }
        (Some(number), Some(ServiceState::Deploying)) => format!("release {number} is on its way back"),
        (Some(number), Some(ServiceState::Failed)) => {
            format!("release {number} is to be served again, and is not healthy either")
        }
        (Some(number), _) if number < release.number => format!("release {number} is served again"),
        (Some(number), _) => format!("release {number} is served"),
        (None, _) => "nothing is served".into(),
    };
    let (code, became) = match release.state.known() {
        Some(ReleaseState::Failed) => ("RELEASE_FAILED", "failed"),
        Some(ReleaseState::Canceled) => ("RELEASE_CANCELED", "was canceled"),
        _ => ("RELEASE_REPLACED", "is no longer what is served"),
    };
    let (number, name) = (release.number, &service.name);
    CliError::Failed {
        code,
        message: format!("release {number} of service {name} {became}: {reason}; {instead}"),
        hint: (code == "RELEASE_FAILED").then(|| {
            let id = short_id(&service.id);
            format!(
                "`miosa services logs {id}` has what its replicas wrote; mend it with `miosa services update {id}` and \
                 `miosa services deploy {id}`"
            )
        }),
    }
}

/// The newest release, where there is one.
async fn newest(context: &Context, id: &str) -> Result<Option<Release>, CliError> {
    let mut releases = std::pin::pin!(context.client.services().list_releases(id));
    Ok(releases.try_next().await?)
}

/// The service as a change answered it, when the release that the change made is served. `before` is the number of the newest
/// release before the change: one that failed at once is not on its way, and is told all the same.
pub(crate) async fn settled(context: &Context, service: Service, before: u64) -> Result<Service, CliError> {
    let made = newest(context, &service.id).await?.filter(|release| release.number > before);
    let Some(release) = made else { return Ok(service) };
    served(context, &service, release).await?;
    Ok(context.client.services().get(&service.id).await?)
}

/// Changes a service as it was read: somebody else's change in the meantime is a refusal.
pub(super) async fn change(
    context: &Context,
    service: &Service,
    change: UpdateService,
    no_wait: bool,
) -> Result<Service, CliError> {
    let lock_version = i64::try_from(service.lock_version).ok();
    let change = UpdateService { lock_version, ..change };
    if change.run.volumes.is_none() || no_wait {
        return Ok(context.client.services().update(&service.id, &change).await?);
    }
    let before = newest(context, &service.id).await?.map_or(0, |release| release.number);
    let changed = context.client.services().update(&service.id, &change).await?;
    settled(context, changed, before).await
}

pub(super) async fn scale(context: &Context, args: ScaleServiceArgs) -> Result<(), CliError> {
    let (client, output) = (&context.client, &context.output);
    let service = resolve::service(client, &args.service).await?;
    client.services().scale(&service.id, args.replicas).await?;
    let service = match args.no_wait {
        true => client.services().get(&service.id).await?,
        false => scaled(context, &service.id).await?,
    };
    if output.is_json() {
        return Ok(output.json(&service)?);
    }
    if output.is_quiet() {
        return Ok(output.line(&service.id)?);
    }
    let (name, count) = (&service.name, counted(service.replicas.into(), "replica"));
    output.line(&match service.state.known() {
        Some(ServiceState::Stopped) => format!("Service {name} has {count} from its next start on"),
        Some(ServiceState::Running) => format!("Service {name} has {count}"),
        _ => format!("Service {name} is to have {count}: {} healthy", service.ready_replicas),
    })?;
    print::warnings(context, &service)
}

/// The service when as many replicas are healthy as there should be.
pub(crate) async fn scaled(context: &Context, id: &str) -> Result<Service, CliError> {
    let mut progress = Progress::new(&context.output);
    loop {
        let service = context.client.services().get(id).await?;
        match service.state.known() {
            Some(ServiceState::Deploying) => {}
            Some(ServiceState::Failed) => {
                let reason = service.error.as_deref().unwrap_or("the server does not say why");
                return Err(CliError::Failed {
                    code: "NOT_HEALTHY",
                    message: format!("service {} has{}: {reason}", service.name, only_healthy(&service)),
                    hint: Some(format!("`miosa services show {}` tells of each", short_id(id))),
                });
            }
            _ => return Ok(service),
        }
        progress.wait(&format!("{}{}", service.name, healthy(&service))).await;
    }
}

fn only_healthy(service: &Service) -> String {
    format!(" only {} of {} replicas healthy", service.ready_replicas, service.replicas)
}
