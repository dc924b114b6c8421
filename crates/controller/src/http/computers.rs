//! Computers: parse, call the verb, answer. Running commands and reading logs are in `exec` and `logs`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use miosa_api::v1::computers::{
    Command, Computer, ComputerAction, ComputerList, CreateComputer, ListMeta, UpdateComputer,
};
use miosa_domain::ComputerId;
use miosa_domain::computer::ComputerSize;
use miosa_domain::spec::Network;

use super::body::Body;
use super::fields::{self, Problems};
use super::query::{Id, Query};
use super::{ApiError, Http, Request, paging, twin};
use miosa_control::{ComputerChange, NewComputer, Power};

/// The template of a computer whose creator names none.
const DEFAULT_TEMPLATE: &str = "miosa-desktop";
const VISIBILITIES: [&str; 3] = ["public", "tenant", "key"];
const COMMAND_MAX_BYTES: usize = 256 << 10;

pub(super) async fn list(
    State(http): State<Http>,
    request: Request,
    query: Query,
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
) -> Result<Response, ApiError> {
    let mut problems = Problems::default();
    let name = problems.check("name", body.name, fields::name);
    let template = problems.check_text("template_type", body.template_type, fields::label);
    let size = problems.check_text("size", body.size, |size| {
        ComputerSize::parse(size).ok_or_else(|| format!("must be one of {}", ComputerSize::NAMES))
    });
    let network = problems.check_text("network", body.network, network);
    let env = problems.check("env", body.env, fields::env);
    let command = problems.check("command", body.command, first_process);
    let metadata = problems.check("metadata", body.metadata, fields::metadata);
    let visibility = visibility(&mut problems, body.visibility);
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
    Ok(twin(StatusCode::CREATED, computer))
}

pub(super) async fn get(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ComputerId>,
) -> Result<Response, ApiError> {
    Ok(twin(StatusCode::OK, http.app.get_computer(&request.caller, id).await?))
}

pub(super) async fn update(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ComputerId>,
    Body(body): Body<UpdateComputer>,
) -> Result<Response, ApiError> {
    let mut problems = Problems::default();
    let change = ComputerChange {
        name: problems.check("name", body.name, fields::name),
        visibility: visibility(&mut problems, body.visibility),
        metadata: problems.check("metadata", body.metadata, fields::metadata),
    };
    problems.none()?;
    let computer = http.app.update_computer(&request.caller, id, change, request.idempotency).await?;
    Ok(twin(StatusCode::OK, computer))
}

pub(super) async fn delete(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ComputerId>,
    query: Query,
) -> Result<Response, ApiError> {
    let force = query.flag("force")?;
    let deleted = http.app.delete_computer(&request.caller, id, force, request.idempotency).await?;
    Ok(twin(StatusCode::OK, deleted))
}

pub(super) async fn start(
    state: State<Http>,
    request: Request,
    id: Id<ComputerId>,
) -> Result<Response, ApiError> {
    set_power(state, request, id, Power::Start).await
}

pub(super) async fn stop(
    state: State<Http>,
    request: Request,
    id: Id<ComputerId>,
) -> Result<Response, ApiError> {
    set_power(state, request, id, Power::Stop).await
}

pub(super) async fn restart(
    state: State<Http>,
    request: Request,
    id: Id<ComputerId>,
) -> Result<Response, ApiError> {
    set_power(state, request, id, Power::Restart).await
}

async fn set_power(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ComputerId>,
    power: Power,
) -> Result<Response, ApiError> {
    let (computer, message) = http.app.set_power(&request.caller, id, power, request.idempotency).await?;
    Ok(twin(StatusCode::OK, action(computer, message)))
}

pub(super) fn action(computer: Computer, message: String) -> ComputerAction {
    ComputerAction { computer, success: true, message }
}

/// Clone, resize and move. A 501 would be repeated by a published client.
pub(super) async fn not_yet(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ComputerId>,
) -> Result<Response, ApiError> {
    http.app.get_computer(&request.caller, id).await?;
    Err(ApiError::conflict("RESOURCE_STATE", "this comes later; create another computer instead"))
}

fn visibility(problems: &mut Problems, given: Option<String>) -> Option<String> {
    problems
        .check_text("visibility", given, |text| fields::one_of(text, &VISIBILITIES).map(|()| text.to_owned()))
}

fn network(raw: &str) -> Result<Network, String> {
    match raw {
        "isolated" => Ok(Network::Isolated),
        "host" => Ok(Network::Host),
        _ => Err("must be one of isolated, host".into()),
    }
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
