//! `miosa projects ...`

use futures::TryStreamExt;
use jiff::Timestamp;
use miosa_api::v1::projects::{CreateProject, Project};

use crate::args::{CreateProjectArgs, ProjectsVerb};
use crate::context::Context;
use crate::errors::CliError;
use crate::output::{age, minute, short_id};
use crate::resolve;

pub(crate) async fn run(context: &Context, verb: ProjectsVerb) -> Result<(), CliError> {
    match verb {
        ProjectsVerb::List => list(context).await,
        ProjectsVerb::Create(args) => create(context, args).await,
        ProjectsVerb::Show { project } => show(context, &project).await,
        ProjectsVerb::Delete { project } => delete(context, &project).await,
    }
}

async fn list(context: &Context) -> Result<(), CliError> {
    let output = &context.output;
    let projects: Vec<Project> = context.client.projects().list_all().try_collect().await?;
    if output.is_json() {
        return Ok(output.json(&projects)?);
    }
    if output.is_quiet() {
        return projects.iter().try_for_each(|project| Ok(output.line(&project.id)?));
    }
    let now = Timestamp::now();
    let rows = projects.iter().map(|project| {
        let name =
            if project.is_default { format!("{} (default)", project.name) } else { project.name.clone() };
        vec![short_id(&project.id), name, project.slug.clone(), age(&project.created_at, now)]
    });
    Ok(output.table(&["ID", "NAME", "SLUG", "AGE"], rows.collect())?)
}

async fn create(context: &Context, args: CreateProjectArgs) -> Result<(), CliError> {
    let CreateProjectArgs { name, slug, description } = args;
    let new = CreateProject { name: Some(name), slug, description, ..CreateProject::default() };
    let project = context.client.projects().create(&new).await?;
    if !context.output.is_json() && !context.output.is_quiet() {
        context.output.line(&format!("Created project {}", project.name))?;
    }
    print(context, &project)
}

async fn show(context: &Context, query: &str) -> Result<(), CliError> {
    let id = resolve::project_id(&context.client, query).await?;
    print(context, &context.client.projects().get(&id).await?)
}

async fn delete(context: &Context, query: &str) -> Result<(), CliError> {
    let output = &context.output;
    let id = resolve::project_id(&context.client, query).await?;
    // Nothing is lost by it: a project that anything belongs to is refused.
    let deleted = context.client.projects().delete(&id).await?;
    if output.is_json() {
        return Ok(output.json(&deleted)?);
    }
    if output.is_quiet() {
        return Ok(output.line(&deleted.id)?);
    }
    Ok(output.line(&format!("Deleted project {id}"))?)
}

fn print(context: &Context, project: &Project) -> Result<(), CliError> {
    let output = &context.output;
    if output.is_json() {
        return Ok(output.json(project)?);
    }
    if output.is_quiet() {
        return Ok(output.line(&project.id)?);
    }
    output.fields(&[
        ("ID", Some(project.id.clone())),
        ("Name", Some(project.name.clone())),
        ("Slug", Some(project.slug.clone())),
        ("Description", project.description.clone()),
        ("Default", project.is_default.then(|| "for all that names no project".into())),
        ("Workspace", project.workspace_id.clone()),
        ("Created", Some(minute(&project.created_at))),
    ])?;
    Ok(())
}
