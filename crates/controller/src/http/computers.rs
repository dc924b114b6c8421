//! Computers: parse, call the verb, answer. Running commands and reading logs are in `exec` and `logs`.

use std::convert::Infallible;

use axum::Json;
use axum::extract::State;
use miosa_api::v1::computers::{
    Command, Computer, ComputerAction, ComputerFilters, ComputerList, CreateComputer, DeleteComputer,
    ListMeta, UpdateComputer,
};
use miosa_api::v1::volumes::Deleted;
use miosa_control::{ComputerChange, NewComputer, Power};
use miosa_domain::ComputerId;
use miosa_domain::computer::ComputerSize;
use miosa_domain::spec::Network;

use super::body::Body;
use super::fields::{self, Problems};
use super::idempotency::{Lost, LostCall};
use super::paging::{self, Paged};
use super::query::{Id, Query};
use super::route::{Created, Object, routes};
use super::{ApiError, Http, Request};
use crate::auth::{COMPUTERS_READ, COMPUTERS_WRITE};

/// The template of a computer whose creator names none.
const DEFAULT_TEMPLATE: &str = "miosa-desktop";
const COMMAND_MAX_BYTES: usize = 256 << 10;

routes! {
    "computers";

    /// List computers, newest first.
    get "/computers" list_computers: list, COMPUTERS_READ;
        200 "One page of computers.";

    /// Create a computer. It boots by itself.
    post "/computers" create_computer: create, COMPUTERS_WRITE, Lost::rebuilt(now);
        201 "The computer, `provisioning`.";
        409 "`INSUFFICIENT_CAPACITY`.";
        example {"name": "build-box", "size": "small"};

    /// Get a computer.
    get "/computers/{id}" get_computer: get, COMPUTERS_READ;
        200 "The computer.";

    /// Change a computer's name, visibility or metadata.
    patch_or_post "/computers/{id}" update_computer: update, COMPUTERS_WRITE, Lost::rebuilt(now);
        200 "The computer.";
        example {"name": "build-box-2"};

    /// Destroy a computer. Its attachments go with it; its volumes stay.
    delete "/computers/{id}" delete_computer: delete, COMPUTERS_WRITE, Lost::deleted();
        200 "The computer is going away.";

    /// Start a computer. One that runs stays as it is.
    post "/computers/{id}/start" start_computer: start, COMPUTERS_WRITE, Lost::rebuilt(acted);
        200 "The computer, `running`, or `starting` after 15 seconds.";

    /// Stop a computer. One that is stopped stays as it is.
    post "/computers/{id}/stop" stop_computer: stop, COMPUTERS_WRITE, Lost::rebuilt(acted);
        200 "The computer, `stopped`, or `stopping` after 15 seconds.";

    /// Restart a computer. Its attachments keep their ids.
    post "/computers/{id}/restart" restart_computer: restart, COMPUTERS_WRITE, Lost::rebuilt(acted);
        200 "The computer, `running`, or `starting` after 15 seconds.";

    /// Copy a computer. Not available yet.
    post "/computers/{id}/clone" clone_computer: not_yet, COMPUTERS_WRITE, Lost::changes_nothing();
        409 "Always `RESOURCE_STATE`.";

    /// Change a computer's size. Not available yet.
    post "/computers/{id}/resize" resize_computer: not_yet, COMPUTERS_WRITE, Lost::changes_nothing();
        409 "Always `RESOURCE_STATE`.";

    /// Move a computer to another host. Not available yet.
    post "/computers/{id}/move" move_computer: not_yet, COMPUTERS_WRITE, Lost::changes_nothing();
        409 "Always `RESOURCE_STATE`.";
}

pub(super) async fn list(
    State(http): State<Http>,
    request: Request,
    query: Query<Paged<ComputerFilters>>,
) -> Result<Json<ComputerList>, ApiError> {
    let part = paging::list_request(&query, request.workspace.as_deref())?;
    let page = http.app.list_computers(&request.caller, part.clone()).await?;
    let list = paging::list(&part, page);
    let meta = ListMeta { total: list.page.total, page: list.page.page, per_page: list.page.per_page };
    Ok(Json(ComputerList { list, meta }))
}

pub(super) async fn create(
    State(http): State<Http>,
    request: Request,
    Body(body): Body<CreateComputer>,
) -> Result<Created<Computer>, ApiError> {
    let mut problems = Problems::default();
    let name = problems.check("name", body.name, fields::name);
    let template = problems.check_text("template_type", body.template_type, fields::label);
    let size = problems.check_word("size", body.size);
    let network = problems.check_word("network", body.network);
    let env = problems.check("env", body.env, fields::env);
    let command = problems.check("command", body.command, first_process);
    let metadata = problems.check("metadata", body.metadata, fields::metadata);
    let visibility = problems.check_word("visibility", body.visibility).map(|word| word.to_string());
    problems.check_text("region", body.region, |region| fields::one_of(region, &[&http.region]));
    let new = NewComputer {
        name: name.unwrap_or_else(|| format!("computer-{:06x}", rand::random::<u32>() >> 8)),
        template_type: template.unwrap_or_else(|| DEFAULT_TEMPLATE.into()),
        size: size.unwrap_or(ComputerSize::Small),
        network: network.unwrap_or(Network::Isolated),
        env: env.unwrap_or_default(),
        command,
        metadata: metadata.unwrap_or_default(),
        visibility,
        project_id: problems.check_text("project_id", body.project_id, fields::id),
        workspace_id: problems.check_text(
            "workspace_id",
            body.workspace_id.or(request.workspace),
            fields::label,
        ),
        external_workspace_id: problems.check_text(
            "external_workspace_id",
            body.external_workspace_id,
            fields::label,
        ),
        external_user_id: problems.check_text("external_user_id", body.external_user_id, fields::label),
        external_project_id: problems.check_text(
            "external_project_id",
            body.external_project_id,
            fields::label,
        ),
        host_id: problems.check_text("host_id", body.host_id, fields::id),
        auto_start: body.auto_start.unwrap_or(true),
    };
    problems.none()?;
    let computer = http.app.create_computer(&request.caller, new, request.idempotency).await?;
    Ok(Created(computer))
}

pub(super) async fn get(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ComputerId>,
) -> Result<Object<Computer>, ApiError> {
    Ok(Object(http.app.get_computer(&request.caller, id).await?))
}

pub(super) async fn update(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ComputerId>,
    Body(body): Body<UpdateComputer>,
) -> Result<Object<Computer>, ApiError> {
    let mut problems = Problems::default();
    let change = ComputerChange {
        name: problems.check("name", body.name, fields::name),
        visibility: problems.check_word("visibility", body.visibility).map(|word| word.to_string()),
        metadata: problems.check("metadata", body.metadata, fields::metadata),
    };
    problems.none()?;
    let computer = http.app.update_computer(&request.caller, id, change, request.idempotency).await?;
    Ok(Object(computer))
}

pub(super) async fn delete(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ComputerId>,
    query: Query<DeleteComputer>,
) -> Result<Object<Deleted>, ApiError> {
    let force = query.flag("force")?;
    let deleted = http.app.delete_computer(&request.caller, id, force, request.idempotency).await?;
    Ok(Object(deleted))
}

pub(super) async fn start(
    state: State<Http>,
    request: Request,
    id: Id<ComputerId>,
) -> Result<Object<ComputerAction>, ApiError> {
    set_power(state, request, id, Power::Start).await
}

pub(super) async fn stop(
    state: State<Http>,
    request: Request,
    id: Id<ComputerId>,
) -> Result<Object<ComputerAction>, ApiError> {
    set_power(state, request, id, Power::Stop).await
}

pub(super) async fn restart(
    state: State<Http>,
    request: Request,
    id: Id<ComputerId>,
) -> Result<Object<ComputerAction>, ApiError> {
    set_power(state, request, id, Power::Restart).await
}

async fn set_power(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ComputerId>,
    power: Power,
) -> Result<Object<ComputerAction>, ApiError> {
    let (computer, message) = http.app.set_power(&request.caller, id, power, request.idempotency).await?;
    Ok(Object(ComputerAction { computer, success: true, message }))
}

/// The computer of a call whose response was lost.
async fn now(call: LostCall, id: ComputerId) -> Result<Computer, ApiError> {
    Ok(call.http.app.get_computer(&call.caller, id).await?)
}

async fn acted(call: LostCall, id: ComputerId) -> Result<ComputerAction, ApiError> {
    let computer = now(call, id).await?;
    let message = format!("computer is {}", computer.status);
    Ok(ComputerAction { computer, success: true, message })
}

/// Clone, resize and move. A 501 would be repeated by a published client.
pub(super) async fn not_yet(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ComputerId>,
) -> Result<Infallible, ApiError> {
    http.app.get_computer(&request.caller, id).await?;
    Err(ApiError::conflict("RESOURCE_STATE", "this comes later; create another computer instead"))
}

/// The arguments of the first process.
fn first_process(command: Command) -> Result<Vec<String>, String> {
    let arguments = match command {
        Command::Shell(text) if text.trim().is_empty() => return Err("must not be empty".into()),
        Command::Shell(text) => vec!["/bin/sh".into(), "-c".into(), text],
        Command::Arguments(arguments) => arguments,
    };
    if arguments.first().is_none_or(String::is_empty) {
        return Err("must name a program".into());
    }
    if arguments.iter().map(String::len).sum::<usize>() > COMMAND_MAX_BYTES {
        return Err(format!("must be at most {COMMAND_MAX_BYTES} bytes"));
    }
    arguments.into_iter().map(fields::argument).collect()
}
