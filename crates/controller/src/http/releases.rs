//! Releases of services: what makes one, and what became of it.

use axum::extract::State;
use axum::http::HeaderMap;
use miosa_api::page::PageQuery;
use miosa_api::v1::services::{DeployService, Release, ReleaseEvent};
use miosa_api::v1::words::ReleaseState;
use miosa_control::{Deploy, DeployAsk, ReleaseCause, ReleaseName};
use miosa_domain::{ReleaseId, ServiceId};
use serde_json::json;

use super::body::Body;
use super::fields::{self, Problems};
use super::idempotency::{Lost, LostCall};
use super::query::{Id, Ids, Query};
use super::route::{Created, Listed, Object, OrEvents, routes};
use super::service_settings::patch;
use super::services::source;
use super::{ApiError, Http, Request, events, paging};
use crate::auth::{SERVICES_READ, SERVICES_WRITE};

const MESSAGE_MAX_BYTES: usize = 4096;

routes! {
    "services";

    /// Start a stopped service: a release with its present settings.
    post "/services/{id}/start" start_service: start, SERVICES_WRITE, Lost::rebuilt(release_now);
        200 "The release.";
        409 "`SERVICE_STATE`: it runs already.";
        example {};

    /// Restart a service: the active release once more, under a new number.
    post "/services/{id}/restart" restart_service: restart, SERVICES_WRITE, Lost::rebuilt(release_now);
        200 "The release.";
        409 "`SERVICE_STATE`: no release was ever healthy.";
        example {};

    /// Deploy the service's present settings as a new release.
    post "/services/{id}/redeploy" redeploy_service: redeploy, SERVICES_WRITE, Lost::rebuilt(release_now);
        200 "The release.";
        409 "As for `POST /services`.";
        example {"snapshot_before": true};

    /// Serve an earlier release again, under a new number.
    post "/services/{id}/promote" promote_service: promote, SERVICES_WRITE, Lost::rebuilt(release_now);
        200 "The new release.";
        409 "`RELEASE_STATE`: that one was never healthy.";
        410 "`RELEASE_GONE`: a volume that it mounts is no longer there.";
        example {"number": 2, "snapshot_before": true};

    /// Serve the previous good release again, with its data if that is asked for.
    post "/services/{id}/rollback" rollback_service: rollback, SERVICES_WRITE, Lost::rebuilt(release_now);
        200 "The new release.";
        409 "`SERVICE_STATE`, `RELEASE_STATE` or `NO_SNAPSHOT_AVAILABLE`.";
        410 "`RELEASE_GONE`.";
        example {"restore_data": true};

    /// List a service's releases, newest first.
    get "/services/{id}/deployments" list_releases: list_releases, SERVICES_READ;
        200 "One page of releases.";

    /// Deploy: a new release with the service's present settings, and those of the body.
    post "/services/{id}/deployments" deploy_service: deploy, SERVICES_WRITE, Lost::rebuilt(release_now);
        201 "The release.";
        409 "As for `POST /services`.";
        example {"message": "new weights", "snapshot_before": true};

    /// Get a release.
    get "/services/{id}/deployments/{release_id}" get_release: get_release, SERVICES_READ;
        200 "The release.";

    /// What became of a release, oldest first; as events until it is settled with `Accept: text/event-stream`.
    get "/services/{id}/deployments/{release_id}/events" list_release_events: release_events, SERVICES_READ;
        200 "Its steps.";

    /// Serve a release again, under a new number.
    post "/service-deployments/{release_id}/rollback" rollback_release: serve_release, SERVICES_WRITE, Lost::rebuilt(release_now);
        200 "The new release.";
        409 "`RELEASE_STATE`: it was never healthy.";
        410 "`RELEASE_GONE`.";
        example {};

    /// The same as `rollback`.
    post "/service-deployments/{release_id}/redeploy" redeploy_release: serve_release, SERVICES_WRITE, Lost::rebuilt(release_now);
        200 "The new release.";
        409 "`RELEASE_STATE`: it was never healthy.";
        410 "`RELEASE_GONE`.";
        example {};

    /// Give up a release that is not served yet; the last good one stays, or is served again.
    post "/service-deployments/{release_id}/cancel" cancel_release: cancel_release, SERVICES_WRITE, Lost::rebuilt(release_now);
        200 "The release, `canceled`.";
        409 "`RELEASE_STATE`: there is nothing left to cancel.";

    /// The same as `cancel`.
    delete "/service-deployments/{release_id}" delete_release: cancel_release, SERVICES_WRITE, Lost::rebuilt(release_now);
        200 "The release, `canceled`.";
        409 "`RELEASE_STATE`: there is nothing left to cancel.";
}

pub(super) async fn start(
    state: State<Http>,
    request: Request,
    id: Id<ServiceId>,
    body: Body<DeployService>,
) -> Result<Object<Release>, ApiError> {
    deployed(state, request, id, body, ReleaseCause::Start, Deploy::Settings).await.map(Object)
}

pub(super) async fn restart(
    state: State<Http>,
    request: Request,
    id: Id<ServiceId>,
    body: Body<DeployService>,
) -> Result<Object<Release>, ApiError> {
    deployed(state, request, id, body, ReleaseCause::Restart, Deploy::Active).await.map(Object)
}

pub(super) async fn redeploy(
    state: State<Http>,
    request: Request,
    id: Id<ServiceId>,
    body: Body<DeployService>,
) -> Result<Object<Release>, ApiError> {
    deployed(state, request, id, body, ReleaseCause::Deploy, Deploy::Settings).await.map(Object)
}

pub(super) async fn deploy(
    state: State<Http>,
    request: Request,
    id: Id<ServiceId>,
    body: Body<DeployService>,
) -> Result<Created<Release>, ApiError> {
    deployed(state, request, id, body, ReleaseCause::Deploy, Deploy::Settings).await.map(Created)
}

async fn deployed(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    Body(body): Body<DeployService>,
    cause: ReleaseCause,
    of: Deploy,
) -> Result<Release, ApiError> {
    let ask = DeployAsk { cause, of, ..ask(body)?.0 };
    Ok(http.app.deploy_service(&request.caller, id, ask, request.idempotency).await?)
}

/// The release of a call whose response was lost.
async fn release_now(call: LostCall, id: ReleaseId) -> Result<Release, ApiError> {
    Ok(call.http.app.release_now(&call.caller, id).await?)
}

/// What a body asks for, and the release that it names.
pub(super) fn ask(body: DeployService) -> Result<(DeployAsk, Option<ReleaseName>), ApiError> {
    let mut problems = Problems::default();
    let source = problems.check("source", body.source, source);
    let mut settings = patch(&mut problems, body.settings, Default::default());
    if let Some(source) = &source {
        settings.template = Some(source.reference.clone());
    }
    let message = problems.check_text("message", body.message, |text| match text.len() {
        0..=MESSAGE_MAX_BYTES => Ok(text.to_owned()),
        _ => Err(format!("must be at most {MESSAGE_MAX_BYTES} bytes")),
    });
    problems.check_word("environment", body.environment);
    let id = problems.check_text("release_id", body.release_id, fields::id).map(ReleaseName::Id);
    problems.none()?;
    let ask = DeployAsk {
        message,
        snapshot_before: body.snapshot_before.unwrap_or(false),
        restore_data: body.restore_data.unwrap_or(false),
        source,
        settings,
        ..DeployAsk::default()
    };
    Ok((ask, id.or(body.number.map(ReleaseName::Number))))
}

pub(super) async fn promote(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    Body(body): Body<DeployService>,
) -> Result<Object<Release>, ApiError> {
    let (ask, release) = ask(body)?;
    if release.is_none() {
        return Err(ApiError::missing("release_id"));
    }
    let promoted =
        http.app.serve_again(&request.caller, id, ReleaseCause::Promote, release, ask, request.idempotency);
    Ok(Object(promoted.await?))
}

pub(super) async fn rollback(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    Body(body): Body<DeployService>,
) -> Result<Object<Release>, ApiError> {
    Ok(Object(rolled_back(&http, request, id, body).await?))
}

pub(super) async fn rolled_back(
    http: &Http,
    request: Request,
    id: ServiceId,
    body: DeployService,
) -> Result<Release, ApiError> {
    let (ask, release) = ask(body)?;
    let rolled_back =
        http.app.serve_again(&request.caller, id, ReleaseCause::Rollback, release, ask, request.idempotency);
    Ok(rolled_back.await?)
}

pub(super) async fn list_releases(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    query: Query<PageQuery>,
) -> Result<Listed<Release>, ApiError> {
    let part = paging::list_request(&query, None)?;
    let page = http.app.list_releases(&request.caller, id, part.clone()).await?;
    Ok(Listed(paging::list(&part, page)))
}

pub(super) async fn get_release(
    State(http): State<Http>,
    request: Request,
    Ids(id, release_id): Ids<ServiceId, ReleaseId>,
) -> Result<Object<Release>, ApiError> {
    Ok(Object(http.app.get_release(&request.caller, id, release_id).await?))
}

/// `POST /service-deployments/{id}/rollback` and `redeploy`: that release once more.
pub(super) async fn serve_release(
    State(http): State<Http>,
    request: Request,
    Id(release_id): Id<ReleaseId>,
    Body(body): Body<DeployService>,
) -> Result<Object<Release>, ApiError> {
    let service_id = http.app.release_by_id(&request.caller, release_id).await?.service_id;
    let (ask, _) = ask(body)?;
    let of = Some(ReleaseName::Id(release_id));
    let served = http.app.serve_again(
        &request.caller,
        service_id,
        ReleaseCause::Rollback,
        of,
        ask,
        request.idempotency,
    );
    Ok(Object(served.await?))
}

pub(super) async fn cancel_release(
    State(http): State<Http>,
    request: Request,
    Id(release_id): Id<ReleaseId>,
) -> Result<Object<Release>, ApiError> {
    let canceled = http.app.cancel_release(&request.caller, release_id, request.idempotency).await?;
    Ok(Object(canceled))
}

/// A list of what happened so far, or events until the release is settled.
pub(super) async fn release_events(
    State(http): State<Http>,
    request: Request,
    Ids(id, release_id): Ids<ServiceId, ReleaseId>,
    headers: HeaderMap,
) -> Result<OrEvents<Listed<ReleaseEvent>>, ApiError> {
    let release = http.app.get_release(&request.caller, id, release_id).await?;
    if !events::wanted(&headers) {
        return Ok(OrEvents::Json(Listed(paging::whole(steps(&release)))));
    }
    let (app, caller) = (http.app.clone(), request.caller);
    let stream = futures::stream::unfold(Some(0), move |told| {
        let (app, caller) = (app.clone(), caller.clone());
        async move {
            let told = told?;
            loop {
                let mut news = app.service_news(id);
                let release = app.get_release(&caller, id, release_id).await.ok()?;
                let steps = steps(&release);
                if let Some(step) = steps.get(told) {
                    let is_last = told + 1 == steps.len() && is_settled(&release);
                    let fields = json!({"timestamp": step.timestamp, "message": step.message, "line": step.message,
                        "state": release.state});
                    let next = (!is_last).then_some(told + 1);
                    return Some((events::event(step.event_type.as_str(), fields), next));
                }
                news.goes_on().await;
            }
        }
    });
    Ok(OrEvents::Events(events::answer(&http, stream)))
}

fn is_settled(release: &Release) -> bool {
    release.state.known().is_none_or(ReleaseState::is_settled)
}

/// A release's life, as its row tells it.
fn steps(release: &Release) -> Vec<ReleaseEvent> {
    let step = |state: ReleaseState, at: &str, message: String| ReleaseEvent {
        event_type: state.into(),
        timestamp: at.to_owned(),
        message,
    };
    let number = release.number;
    let mut steps =
        vec![step(ReleaseState::Queued, &release.created_at, format!("release {number} was asked for"))];
    if release.state != ReleaseState::Queued {
        steps.push(step(
            ReleaseState::Deploying,
            &release.created_at,
            format!("release {number} is rolled out"),
        ));
    }
    if let (Some(at), Some(state)) = (&release.settled_at, release.state.known()) {
        let why = release.reason.as_ref().map(|reason| format!(": {}", reason.detail)).unwrap_or_default();
        steps.push(step(state, at, format!("release {number} is {state}{why}")));
    }
    steps
}
