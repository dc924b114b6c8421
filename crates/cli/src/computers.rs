//! `miosa computers ...`

use std::io::Read;
use std::path::Path;

use futures::TryStreamExt;
use jiff::Timestamp;
use miosa_api::v1::computers::{Command, Computer, ComputerAction, CreateComputer, Exec};
use miosa_api::word::Word;
use miosa_client::{ComputerFilter, LogsRequest};
use serde::de::DeserializeOwned;

use crate::args::{
    self, ActionArgs, ActionName, ComputersVerb, CreateComputerArgs, DeleteComputerArgs, ExecArgs,
    ListComputersArgs, LogsArgs,
};
use crate::config_file;
use crate::context::Context;
use crate::errors::CliError;
use crate::output::{age, minute, short_id};
use crate::resolve;

/// Answers the exit code: of the command for `exec`, else 0.
pub(crate) async fn run(context: &Context, verb: ComputersVerb) -> Result<u8, CliError> {
    match verb {
        ComputersVerb::Exec(args) => return exec(context, args).await,
        ComputersVerb::List(args) => list(context, args).await?,
        ComputersVerb::Create(args) => create(context, args).await?,
        ComputersVerb::Show { computer } => show(context, &computer).await?,
        ComputersVerb::Delete(args) => delete(context, args).await?,
        ComputersVerb::Start { computer } => action(context, &computer, ActionName::Start, None).await?,
        ComputersVerb::Stop { computer } => action(context, &computer, ActionName::Stop, None).await?,
        ComputersVerb::Restart { computer } => action(context, &computer, ActionName::Restart, None).await?,
        ComputersVerb::Action(ActionArgs { computer, action: name, data }) => {
            action(context, &computer, name, data.as_deref()).await?;
        }
        ComputersVerb::Logs(args) => logs(context, args).await?,
        ComputersVerb::Use { computer } => use_computer(context, &computer).await?,
    }
    Ok(0)
}

async fn list(context: &Context, args: ListComputersArgs) -> Result<(), CliError> {
    let output = &context.output;
    let filter = ComputerFilter { status: args.status, workspace_id: context.workspace_filter.clone() };
    let computers: Vec<Computer> = context.client.computers().list_all(&filter).try_collect().await?;
    if output.is_json() {
        return Ok(output.json(&computers)?);
    }
    if output.is_quiet() {
        return computers.iter().try_for_each(|computer| Ok(output.line(&computer.id)?));
    }
    let now = Timestamp::now();
    let rows = computers.iter().map(|computer| {
        vec![
            short_id(&computer.id),
            computer.name.clone(),
            computer.size.as_ref().map_or("-".into(), ToString::to_string),
            computer.region.clone(),
            computer.state.to_string(),
            computer.attachments.len().to_string(),
            age(&computer.created_at, now),
        ]
    });
    output.table(&["ID", "NAME", "SIZE", "REGION", "STATE", "VOLUMES", "AGE"], rows.collect())?;
    if computers.is_empty() {
        output.hint("No computers. Make one: miosa computers create --name <name> --wait")?;
    }
    Ok(())
}

async fn create(context: &Context, args: CreateComputerArgs) -> Result<(), CliError> {
    let output = &context.output;
    let body: CreateComputer = match (&args.data, &args.input, &args.file) {
        (Some(text), _, _) => parse_json("--data", text)?,
        (_, Some(input), _) if input == "-" => parse_json("stdin", &read_stdin()?)?,
        (_, Some(input), _) if input.trim_start().starts_with('{') => parse_json("--input", input)?,
        (_, Some(input), _) => parse_json(input, &read_file(Path::new(input))?)?,
        (_, _, Some(file)) => parse_json(&file.to_string_lossy(), &read_file(file)?)?,
        (None, None, None) => CreateComputer::default(),
    };
    let mut env = body.env.unwrap_or_default();
    env.extend(args::pairs_map(&args.env).unwrap_or_default());
    let new = CreateComputer {
        name: args.name.or(body.name),
        template_type: args.template.or(body.template_type),
        size: args.size.map(|size| Word::of(&size)).or(body.size),
        command: args.command.map(Command::Shell).or(body.command),
        network: args.network.map(|network| Word::of(&network)).or(body.network),
        env: (!env.is_empty()).then_some(env),
        region: body.region.or_else(|| context.settings.region.clone()),
        auto_start: args.no_start.then_some(false).or(body.auto_start),
        ..body
    };
    let mut computer = context.client.computers().create(&new).await?;
    if args.wait {
        let patience = context.settings.timeout;
        computer = context.client.computers().wait_until_running(&computer.id, patience).await?;
    }
    if !output.is_json() && !output.is_quiet() {
        output.line(&format!("Created computer {}", computer.name))?;
    }
    print(context, &computer)
}

async fn show(context: &Context, query: &str) -> Result<(), CliError> {
    let id = resolve::computer_id(&context.client, query).await?;
    print(context, &context.client.computers().get(&id).await?)
}

async fn delete(context: &Context, args: DeleteComputerArgs) -> Result<(), CliError> {
    let (client, output) = (&context.client, &context.output);
    let id = resolve::computer_id(client, &args.computer).await?;
    // Scripts of the published command line delete without a flag; only a person is asked.
    if !args.force && !args.yes && output.can_ask() {
        let computer = client.computers().get(&id).await?;
        let question =
            format!("Delete computer {} ({id}) with all it wrote outside of its volumes?", computer.name);
        if !output.confirm(&question)? {
            return Err(CliError::Declined);
        }
    }
    let deleted = client.computers().delete(&id, args.force).await?;
    if output.is_json() {
        return Ok(output.json(&deleted)?);
    }
    if output.is_quiet() {
        return Ok(output.line(&deleted.id)?);
    }
    Ok(output.line(&format!("Deleted computer {}", deleted.id))?)
}

async fn action(
    context: &Context,
    query: &str,
    action: ActionName,
    data: Option<&str>,
) -> Result<(), CliError> {
    let (computers, output) = (context.client.computers(), &context.output);
    let body: serde_json::Value = parse_json("--data", data.unwrap_or("{}"))?;
    let id = resolve::computer_id(&context.client, query).await?;
    let other = match action {
        ActionName::Start => return print_action(context, computers.start(&id).await?),
        ActionName::Stop => return print_action(context, computers.stop(&id).await?),
        ActionName::Restart => return print_action(context, computers.restart(&id).await?),
        ActionName::Clone => "clone",
        ActionName::Resize => "resize",
        ActionName::Move => "move",
    };
    let answer = computers.action(&id, other, &body).await?;
    Ok(output.json(answer.get("data").unwrap_or(&answer))?)
}

fn print_action(context: &Context, done: ComputerAction) -> Result<(), CliError> {
    let (output, computer) = (&context.output, &done.computer);
    if output.is_json() {
        return Ok(output.json(&done)?);
    }
    if output.is_quiet() {
        return Ok(output.line(&computer.id)?);
    }
    Ok(output.line(&format!("Computer {} ({}) is {}", computer.name, computer.id, computer.state))?)
}

async fn exec(context: &Context, args: ExecArgs) -> Result<u8, CliError> {
    let mut exec = match &args.data {
        Some(text) => parse_json("--data", text)?,
        None => Exec { command: Some(shell_line(&args.command)), ..Exec::default() },
    };
    exec.timeout = exec.timeout.or(context.timeout_flag);
    let id = resolve::computer_id(&context.client, &args.computer).await?;
    exec_in(context, &id, &exec).await
}

/// Runs a command in a computer or a replica, shows what it wrote, and answers its exit code.
pub(crate) async fn exec_in(context: &Context, id: &str, exec: &Exec) -> Result<u8, CliError> {
    let output = &context.output;
    let result = context.client.computers().exec(id, exec).await?;
    // What the shell shows for a code that is not one of a process.
    let code = u8::try_from(result.exit_code).unwrap_or(u8::MAX);
    if output.is_json() {
        output.json(&result)?;
        return Ok(code);
    }
    output.raw_stdout(&result.stdout)?;
    output.raw_stderr(&result.stderr)?;
    if result.timed_out {
        output.hint("The time for the command is over: it was ended. --timeout gives it longer.")?;
    }
    if result.truncated {
        output.hint("The output was longer than is kept: its end is missing.")?;
    }
    Ok(code)
}

/// One argument is a line for the shell. Several are one command: each is quoted, so that it arrives as it was given.
pub(crate) fn shell_line(command: &[String]) -> String {
    match command {
        [line] => line.clone(),
        words => words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

async fn logs(context: &Context, args: LogsArgs) -> Result<(), CliError> {
    let (client, output) = (&context.client, &context.output);
    let id = resolve::computer_id(client, &args.computer).await?;
    let request = LogsRequest { lines: args.lines, since: None };
    if !args.follow {
        let logs = client.computers().logs(&id, &request).await?;
        if output.is_json() {
            return Ok(output.json(&logs)?);
        }
        return logs.lines.iter().try_for_each(|line| Ok(output.raw_stdout(format!("{}\n", line.line))?));
    }
    let mut lines = std::pin::pin!(client.computers().follow_logs(&id, &request).await?);
    while let Some(line) = lines.try_next().await? {
        if output.is_json() {
            output.json_line(&line)?;
        } else {
            output.raw_stdout(format!("{}\n", line.line))?;
        }
    }
    Ok(())
}

async fn use_computer(context: &Context, query: &str) -> Result<(), CliError> {
    let output = &context.output;
    let id = resolve::computer_id(&context.client, query).await?;
    let computer = context.client.computers().get(&id).await?;
    let path = config_file::set(std::env::home_dir().as_deref(), "current_computer", &computer.id)?;
    if output.is_json() {
        return Ok(output.json(&computer)?);
    }
    if output.is_quiet() {
        return Ok(output.line(&computer.id)?);
    }
    output.line(&format!("Volumes attach to computer {} ({}) from now on", computer.name, computer.id))?;
    output.hint(&format!("Kept in {}", path.display()))?;
    Ok(())
}

fn print(context: &Context, computer: &Computer) -> Result<(), CliError> {
    let output = &context.output;
    if output.is_json() {
        return Ok(output.json(computer)?);
    }
    if output.is_quiet() {
        return Ok(output.line(&computer.id)?);
    }
    let volumes = computer.attachments.iter().map(|attachment| {
        let (name, path, id) = (&attachment.volume_name, &attachment.mount_path, &attachment.id);
        format!("{name} at {path} (attachment {id})")
    });
    let volumes: Vec<String> = volumes.collect();
    let memory = format!("{} MB, {} vCPU", computer.memory_mb, computer.vcpus);
    output.fields(&[
        ("ID", Some(computer.id.clone())),
        ("Name", Some(computer.name.clone())),
        ("Template", Some(computer.template_type.clone())),
        ("Size", Some(computer.size.as_ref().map_or(memory.clone(), |size| format!("{size} ({memory})")))),
        ("Region", Some(computer.region.clone())),
        ("State", Some(computer.state.to_string())),
        ("Error", computer.error.clone()),
        ("Exit code", computer.exit_code.map(|code| code.to_string())),
        ("Restarts", (computer.restart_count > 0).then(|| computer.restart_count.to_string())),
        ("Network", Some(computer.network.to_string())),
        ("Volumes", Some(if volumes.is_empty() { "none".into() } else { volumes.join(", ") })),
        ("Created", Some(minute(&computer.created_at))),
    ])?;
    Ok(())
}

/// `source` is what the person wrote it in.
fn parse_json<T: DeserializeOwned>(source: &str, text: &str) -> Result<T, CliError> {
    serde_json::from_str(text)
        .map_err(|error| CliError::usage(format!("{source} is not the JSON that is wanted: {error}"), None))
}

fn read_file(path: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(path).map_err(|source| CliError::Input { path: path.to_owned(), source })
}

fn read_stdin() -> Result<String, CliError> {
    let mut text = String::new();
    let read = std::io::stdin().lock().read_to_string(&mut text);
    read.map_err(|source| CliError::Input { path: "/dev/stdin".into(), source })?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_arguments_arrive_as_they_were_given() {
        for (arguments, line) in [
            (&["echo $HOME | wc"][..], "echo $HOME | wc"),
            (&["ls", "-l", "/mnt/data"], "ls -l /mnt/data"),
            (&["echo", "a b", "$HOME", "", "it's", "x;y"], r"echo 'a b' '$HOME' '' 'it'\''s' 'x;y'"),
        ] {
            let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
            assert_eq!(shell_line(&arguments), line);
        }
    }
}
