//! `miosa up`: makes what a file describes. `file` reads it, `plan` compares it with what is there, here it is shown and asked for,
//! and `apply` carries it out.
//!
//! Crash story: whatever was done when it is interrupted stays done, and the next run finds it and goes on from there.

mod apply;
mod file;
mod plan;

use std::io;
use std::path::Path;

use futures::TryStreamExt;
use miosa_api::v1::services::Service;
use miosa_client::{ServiceFilter, VolumeFilter};
use serde_json::json;

use self::file::{Problem, Wanted};
use self::plan::{Action, Change, Deed, Item, Kind, Plan, Refused, SeenService, Sight};
use crate::args::UpArgs;
use crate::context::Context;
use crate::errors::CliError;
use crate::output::{Output, counted};
use crate::resolve;

pub(crate) async fn run(context: &Context, args: UpArgs) -> Result<(), CliError> {
    let output = &context.output;
    let wanted = file::parse(&read(&args.file)?).map_err(|problem| in_file(&args.file, problem))?;
    let project_id = project_id(context, &wanted).await?;
    let sight = look(context, &project_id).await?;
    let plan = plan::plan(&wanted, &sight).map_err(|refused| refusal(&args.file, refused))?;
    let is_waited_for = plan.items.iter().any(|item| matches!(item.deed, Deed::Await(_)));
    let applies = !args.dry_run && (plan.changes_anything() || is_waited_for);

    if !output.is_json() && !output.is_quiet() {
        show(output, &plan)?;
        if !plan.changes_anything() {
            output.line(&format!("Nothing to do: all is as in {}", args.file.display()))?;
        } else {
            output.line(&summary(&plan))?;
        }
    }
    if applies && plan.changes_anything() && !args.yes {
        may_go_on(output)?;
    }
    if applies {
        apply::apply(context, &project_id, &plan, &sight).await?;
    }
    if output.is_json() {
        return Ok(output.json(&json!({
            "project_id": project_id,
            "items": plan.items,
            "notes": plan.notes,
            "changes_anything": plan.changes_anything(),
            "dry_run": args.dry_run,
        }))?);
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => CliError::usage(
            format!("there is no file {}", path.display()),
            Some("name another with -f; `miosa up --help` shows what stands in one"),
        ),
        _ => CliError::Input { path: path.to_owned(), source },
    })
}

fn in_file(path: &Path, Problem { line, text }: Problem) -> CliError {
    let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
    CliError::usage(format!("{}{line}: {text}", path.display()), None)
}

fn refusal(path: &Path, refused: Refused) -> CliError {
    match refused {
        Refused::Ambiguous { noun, name, candidates } => CliError::Undecided {
            code: "AMBIGUOUS",
            message: format!("{name:?} may be any of {} {noun}s of the project", candidates.len()),
            candidates,
            hint: format!(
                "rename the others, so that one {noun} of the project has the name; nothing was changed"
            ),
        },
        Refused::UnknownVolume { line, service, volume } => {
            let text = format!(
                "service {service} mounts volume {volume:?}, which is neither in the file nor in the project; add \
                 [volumes.{volume}], or mend the name"
            );
            in_file(path, Problem { line: Some(line), text })
        }
    }
}

async fn project_id(context: &Context, wanted: &Wanted) -> Result<String, CliError> {
    let query = wanted.project.as_deref().unwrap_or("default");
    match resolve::project_id(&context.client, query).await {
        Err(CliError::NotFound { .. }) => Err(CliError::usage(
            format!("there is no project {query:?}"),
            Some(
                "`miosa projects create <name>` makes one; without the key `project`, the default one is taken",
            ),
        )),
        found => found,
    }
}

async fn look(context: &Context, project_id: &str) -> Result<Sight, CliError> {
    let client = &context.client;
    let of_project = VolumeFilter { project_id: Some(project_id.to_owned()), ..VolumeFilter::default() };
    let volumes = client.volumes().list_all(&of_project).try_collect().await?;
    let of_project = ServiceFilter { project_id: Some(project_id.to_owned()), ..ServiceFilter::default() };
    let found: Vec<Service> = client.services().list_all(&of_project).try_collect().await?;
    let mut services = Vec::new();
    for service in found {
        let deploying = match &service.deploying_release_id {
            Some(id) => Some(client.services().get_release(&service.id, id).await?),
            None => None,
        };
        services.push(SeenService { service, deploying });
    }
    Ok(Sight { volumes, services })
}

fn may_go_on(output: &Output) -> Result<(), CliError> {
    // What is to be agreed to must have been seen.
    let was_shown = !output.is_json() && !output.is_quiet();
    if !was_shown || !output.can_ask() {
        return Err(CliError::usage(
            "changes are asked for first, and there is nobody to ask",
            Some("say -y when they may be made; nothing was changed"),
        ));
    }
    if output.confirm("Do that?")? { Ok(()) } else { Err(CliError::Declined) }
}

fn show(output: &Output, plan: &Plan) -> Result<(), CliError> {
    let width = plan.items.iter().map(|item| item.name.chars().count()).max().unwrap_or(0);
    let arrow = if output.draws_unicode() { "→" } else { "->" };
    for item in &plan.items {
        for line in lines(item, width, arrow) {
            output.line(&line)?;
        }
    }
    plan.notes.iter().try_for_each(|note| Ok(output.line(&format!("! {note}"))?))
}

/// `~ service  web  replicas 1 -> 3`, one change a line.
fn lines(item: &Item, width: usize, arrow: &str) -> Vec<String> {
    let sign = match item.action {
        Action::Create => '+',
        Action::Change => '~',
        Action::None => '=',
    };
    let kind = match item.kind {
        Kind::Volume => "volume ",
        Kind::Service => "service",
    };
    let mut details: Vec<String> = item.changes.iter().map(|change| detail(change, arrow)).collect();
    if matches!(item.deed, Deed::Await(_)) {
        details.push("its release is being deployed".into());
    }
    let head = format!("{sign} {kind}  {:<width$}", item.name);
    let indent = " ".repeat(head.chars().count());
    let first = details.first().map(|detail| format!("{head}  {detail}")).unwrap_or(head);
    let rest = details.iter().skip(1).map(|detail| format!("{indent}  {detail}"));
    std::iter::once(first.trim_end().to_owned()).chain(rest).collect()
}

fn detail(change: &Change, arrow: &str) -> String {
    let Change { field, old, new } = change;
    match old {
        Some(old) => format!("{field} {old} {arrow} {new}"),
        None => format!("{field} {new}"),
    }
}

fn summary(plan: &Plan) -> String {
    let of = |action| {
        let count = |kind, noun| match plan.count(kind, action) {
            0 => None,
            count => Some(counted(count as u64, noun)),
        };
        let parts: Vec<String> =
            [count(Kind::Volume, "volume"), count(Kind::Service, "service")].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(" and "))
    };
    let made = of(Action::Create).map(|what| format!("{what} to make"));
    let changed = of(Action::Change).map(|what| format!("{what} to change"));
    [made, changed].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
