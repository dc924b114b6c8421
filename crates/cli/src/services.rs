//! `miosa services ...`: make, look at, change and delete them. Releases and waiting for them are in `rollout`, logs and commands
//! in `look`, what flags mean in `settings`, what a service looks like in `print`.

mod look;
mod print;
mod rollout;
mod settings;

pub(crate) use print::health;
pub(crate) use rollout::{scaled, served, settled};
pub(crate) use settings::TEMPLATE_DEFAULT;

use futures::TryStreamExt;
use miosa_api::v1::services::{
    CreateService, NewServiceVolume, NewSource, Release, RunFields, RuntimeInstance, Service, UpdateService,
};
use miosa_api::v1::words::ServiceState;
use miosa_client::ServiceFilter;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::args::{
    ComputerForm, CreateServiceArgs, DeleteServiceArgs, ListServicesArgs, MountArgs, ServiceArgs,
    ServicesVerb, UnmountArgs, UpdateServiceArgs,
};
use crate::context::Context;
use crate::errors::CliError;
use crate::output::{counted, short_id};
use crate::progress::Progress;
use crate::resolve::{self, KnownVolumes};

/// How many of a service's releases `show` shows.
const RELEASES_SHOWN: usize = 5;

/// Answers the exit code: of the command for `exec`, else 0.
pub(crate) async fn run(context: &Context, verb: ServicesVerb) -> Result<u8, CliError> {
    match verb {
        ServicesVerb::Exec(args) => return look::exec(context, args).await,
        ServicesVerb::List(args) => list(context, args).await?,
        ServicesVerb::Create(args) => create(context, args).await?,
        ServicesVerb::Show(args) => show(context, args).await?,
        ServicesVerb::Update(args) => update(context, args).await?,
        ServicesVerb::Deploy(args) => rollout::deploy(context, args).await?,
        ServicesVerb::Promote(args) => rollout::promote(context, args).await?,
        ServicesVerb::Rollback(args) => rollout::rollback(context, args).await?,
        ServicesVerb::Restart(args) => rollout::restart(context, args).await?,
        ServicesVerb::Start(args) => rollout::start(context, args).await?,
        ServicesVerb::Stop { service } => stop(context, &service).await?,
        ServicesVerb::Scale(args) => rollout::scale(context, args).await?,
        ServicesVerb::Mount(args) => mount(context, args).await?,
        ServicesVerb::Unmount(args) => unmount(context, args).await?,
        ServicesVerb::Instances { service } => instances(context, &service).await?,
        ServicesVerb::Logs(args) => look::logs(context, args).await?,
        ServicesVerb::Delete(args) => delete(context, args).await?,
        ServicesVerb::Action { .. } => {
            return Err(resolve::computer_form("`services action` is about a process on a computer"));
        }
    }
    Ok(0)
}

/// Two names are a computer and a process on it.
fn refuse_form(form: &ComputerForm) -> Result<(), CliError> {
    match &form.process {
        Some(process) => Err(resolve::computer_form(&format!(
            "one service is to be named, and {process:?} is a second name"
        ))),
        None => Ok(()),
    }
}

async fn list(context: &Context, args: ListServicesArgs) -> Result<(), CliError> {
    let (client, output) = (&context.client, &context.output);
    if let Some(computer) = &args.computer {
        return Err(resolve::computer_form(&format!("`services list` takes no name, such as {computer:?}")));
    }
    let project_id = match &args.project {
        Some(query) => Some(resolve::project_id(client, query).await?),
        None => None,
    };
    let filter = ServiceFilter { status: args.status, project_id, ..ServiceFilter::default() };
    let services: Vec<Service> = client.services().list_all(&filter).try_collect().await?;
    if output.is_json() {
        return Ok(output.json(&services)?);
    }
    if output.is_quiet() {
        return services.iter().try_for_each(|service| Ok(output.line(&service.id)?));
    }
    output.table(&print::HEADERS, services.iter().map(print::row).collect())?;
    if services.is_empty() {
        output.hint("No services. Make one: miosa services create <name> --command <line>")?;
    }
    Ok(())
}

async fn create(context: &Context, args: CreateServiceArgs) -> Result<(), CliError> {
    let (client, output) = (&context.client, &context.output);
    if args.data.is_some() {
        return Err(resolve::computer_form("`services create` takes flags, not --data"));
    }
    resolve::refuse_computer_as_name(client, &args.name).await?;
    let mut settings = settings::settings(&args.run, &[], None)?;
    if let Some(replicas) = args.replicas {
        settings.insert("replicas".into(), json!(replicas));
    }
    if !args.run.volume.is_empty() {
        let volumes = settings::volumes(&args.run.volume, &KnownVolumes::load(client).await?)?;
        settings.insert("volumes".into(), as_value(&volumes));
    }
    let project_id = match &args.project {
        Some(query) => Some(resolve::project_id(client, query).await?),
        None => None,
    };
    let new = CreateService {
        name: Some(args.name),
        project_id,
        // Without a source there would be no first release.
        source: Some(NewSource::Named(args.run.template.unwrap_or_else(|| TEMPLATE_DEFAULT.into()))),
        settings: Some(settings),
        ..CreateService::default()
    };
    let made = client.services().create(&new).await?;
    let service = if args.no_wait { made } else { rollout::settled(context, made, 0).await? };
    if output.is_json() || output.is_quiet() {
        return print::service(context, &service);
    }
    output.line(&format!("Created service {}", service.name))?;
    print::service(context, &service)?;
    print::warnings(context, &service)?;
    if args.no_wait {
        output.hint(&format!("See how it goes on: miosa services show {}", short_id(&service.id)))?;
    }
    Ok(())
}

async fn show(context: &Context, args: ServiceArgs) -> Result<(), CliError> {
    let (client, output) = (&context.client, &context.output);
    refuse_form(&args.form)?;
    let service = resolve::service(client, &args.service).await?;
    print::service(context, &service)?;
    if output.is_json() || output.is_quiet() {
        return Ok(());
    }
    let replicas: Vec<RuntimeInstance> = client.services().list_instances(&service.id).try_collect().await?;
    output.line("")?;
    print::replicas(output, &replicas)?;
    if !service.replica_volumes.is_empty() {
        output.line("")?;
        print::volumes(output, &service)?;
    }
    let mut releases: Vec<Release> = Vec::new();
    let mut all = std::pin::pin!(client.services().list_releases(&service.id));
    while releases.len() < RELEASES_SHOWN
        && let Some(release) = all.try_next().await?
    {
        releases.push(release);
    }
    output.line("")?;
    print::releases(output, &releases)?;
    print::warnings(context, &service)?;
    tell_pending(context, &service)
}

fn tell_pending(context: &Context, service: &Service) -> Result<(), CliError> {
    if service.pending_changes.is_some() {
        context
            .output
            .hint(&format!("Deploy what is pending: miosa services deploy {}", short_id(&service.id)))?;
    }
    Ok(())
}

async fn update(context: &Context, args: UpdateServiceArgs) -> Result<(), CliError> {
    let client = &context.client;
    let service = resolve::service(client, &args.service).await?;
    let mut settings = settings::settings(&args.run, &args.unset_env, Some(&service))?;
    if args.no_port {
        settings.insert("port".into(), Value::Null);
    }
    if args.no_health {
        settings.insert("health_check".into(), Value::Null);
    }
    let volumes = match args.run.volume.is_empty() {
        true => None,
        false => Some(settings::volumes(&args.run.volume, &KnownVolumes::load(client).await?)?),
    };
    let change = UpdateService {
        name: args.name,
        source: args.run.template.map(NewSource::Named),
        settings: (!settings.is_empty()).then_some(settings),
        run: RunFields { volumes: volumes.as_deref().map(as_value), ..RunFields::default() },
        ..UpdateService::default()
    };
    let service = rollout::change(context, &service, change, args.no_wait).await?;
    print::service(context, &service)?;
    print::warnings(context, &service)?;
    tell_pending(context, &service)
}

async fn stop(context: &Context, query: &str) -> Result<(), CliError> {
    let output = &context.output;
    let service = resolve::service(&context.client, query).await?;
    let stopped = context.client.services().stop(&service.id).await?;
    if output.is_json() {
        return Ok(output.json(&stopped)?);
    }
    if output.is_quiet() {
        return Ok(output.line(&stopped.id)?);
    }
    let count = counted(stopped.stopped.into(), "replica");
    output.line(&format!("Stopped service {} ({count} ran)", service.name))?;
    output.hint(&format!("Start it again: miosa services start {}", short_id(&service.id)))?;
    Ok(())
}

async fn mount(context: &Context, args: MountArgs) -> Result<(), CliError> {
    let client = &context.client;
    let service = resolve::service(client, &args.service).await?;
    let known = KnownVolumes::load(client).await?;
    let Some(volumes) = settings::mounted(&service.volumes, &args.volume, &known)? else {
        context.output.hint(&format!("Service {} mounts it so already", service.name))?;
        return print_mounts(context, &service);
    };
    remount(context, &service, &volumes, args.no_wait).await
}

async fn unmount(context: &Context, args: UnmountArgs) -> Result<(), CliError> {
    let client = &context.client;
    let service = resolve::service(client, &args.service).await?;
    // Both are looked for: a volume may have a name that looks like a path.
    let id = KnownVolumes::load(client).await?.id(&args.volume);
    let path = args.volume.trim_end_matches('/');
    let is_meant = |volume: &&miosa_api::v1::services::ServiceVolume| {
        volume.mount_path == path || id.as_ref().is_ok_and(|id| *id == volume.volume_id)
    };
    if !service.volumes.iter().any(|volume| is_meant(&volume)) {
        id?;
        let message = format!("service {} does not mount {}", service.name, args.volume);
        return Err(CliError::usage(message, Some("`miosa services show <service>` lists what it mounts")));
    }
    let staying: Vec<NewServiceVolume> =
        service.volumes.iter().filter(|volume| !is_meant(volume)).map(settings::as_new).collect();
    remount(context, &service, &staying, args.no_wait).await
}

async fn remount(
    context: &Context,
    service: &Service,
    volumes: &[NewServiceVolume],
    no_wait: bool,
) -> Result<(), CliError> {
    let run = RunFields { volumes: Some(as_value(volumes)), ..RunFields::default() };
    let change = UpdateService { run, ..UpdateService::default() };
    let service = rollout::change(context, service, change, no_wait).await?;
    print_mounts(context, &service)?;
    print::warnings(context, &service)
}

fn print_mounts(context: &Context, service: &Service) -> Result<(), CliError> {
    let output = &context.output;
    if output.is_json() {
        return Ok(output.json(service)?);
    }
    if output.is_quiet() {
        return Ok(output.line(&service.id)?);
    }
    let volumes: Vec<String> = service.volumes.iter().map(|volume| print::at(service, volume)).collect();
    let volumes = if volumes.is_empty() { "no volumes".into() } else { volumes.join(", ") };
    let name = &service.name;
    Ok(output.line(&match service.state.known() {
        Some(ServiceState::Stopped | ServiceState::Pending) => {
            format!("Service {name} mounts {volumes} from its next start on")
        }
        Some(ServiceState::Deploying) => format!("Service {name} is to mount {volumes}"),
        _ => format!("Service {name} mounts {volumes}"),
    })?)
}

async fn instances(context: &Context, query: &str) -> Result<(), CliError> {
    let (client, output) = (&context.client, &context.output);
    let service = resolve::service(client, query).await?;
    let replicas: Vec<RuntimeInstance> = client.services().list_instances(&service.id).try_collect().await?;
    if output.is_json() {
        return Ok(output.json(&replicas)?);
    }
    if output.is_quiet() {
        return replicas.iter().try_for_each(|replica| Ok(output.line(&replica.id)?));
    }
    print::replicas(output, &replicas)
}

async fn delete(context: &Context, args: DeleteServiceArgs) -> Result<(), CliError> {
    let (client, output) = (&context.client, &context.output);
    refuse_form(&args.form)?;
    if !args.force && !output.can_ask() {
        let hint = Some("say --force when it may be deleted; nothing was changed");
        return Err(CliError::usage(
            "deleting a service asks first, and there is no terminal to ask at",
            hint,
        ));
    }
    let service = resolve::service(client, &args.service).await?;
    let stay = match service.replica_volumes.len() {
        0 => String::new(),
        1 => "; its volume stays".to_owned(),
        count => format!("; its {count} volumes stay"),
    };
    if !args.force {
        let question = format!("Delete service {} ({}){stay}?", service.name, service.id);
        if !output.confirm(&question)? {
            return Err(CliError::Declined);
        }
    }
    let deleted = client.services().delete(&service.id).await?;
    let is_gone = !args.no_wait && gone(context, &service).await?;
    if output.is_json() {
        return Ok(output.json(&deleted)?);
    }
    if output.is_quiet() {
        return Ok(output.line(&deleted.id)?);
    }
    let done = if is_gone { "Deleted" } else { "Deleting" };
    output.line(&format!("{done} service {}{stay}", service.name))?;
    for volume in &service.replica_volumes {
        output.hint(&format!("Volume {} ({}) stays", volume.name, short_id(&volume.volume_id)))?;
    }
    Ok(())
}

/// Whether the service came to its end while we waited: from then on its volumes are with nobody.
async fn gone(context: &Context, service: &Service) -> Result<bool, CliError> {
    let deadline = Instant::now() + context.settings.timeout;
    let mut progress = Progress::new(&context.output);
    while Instant::now() < deadline {
        match context.client.services().get(&service.id).await {
            Err(error) if error.code() == Some("NOT_FOUND") => return Ok(true),
            found => found?,
        };
        progress.wait(&format!("Service {} is ending", service.name)).await;
    }
    Ok(false)
}

fn as_value(volumes: &[NewServiceVolume]) -> Value {
    serde_json::to_value(volumes).expect("a list of plain structs")
}
