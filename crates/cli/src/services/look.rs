//! Into the replicas: what they write, and running commands in them.

use futures::TryStreamExt;
use miosa_api::v1::computers::Exec;
use miosa_api::v1::services::{RuntimeInstance, Service, ServiceLogLine};
use miosa_api::v1::words::{DesiredRun, ReplicaState};
use miosa_client::ServiceLogsRequest;

use super::refuse_form;
use crate::args::{ServiceExecArgs, ServiceLogsArgs};
use crate::computers;
use crate::context::Context;
use crate::errors::CliError;
use crate::resolve;

pub(super) async fn logs(context: &Context, args: ServiceLogsArgs) -> Result<(), CliError> {
    let (client, output) = (&context.client, &context.output);
    refuse_form(&args.form)?;
    let service = resolve::service(client, &args.service).await?;
    let request = ServiceLogsRequest { lines: args.lines, since: None, replica: args.replica };
    let width = prefix_width(&service, args.replica);
    if !args.follow {
        let lines = client.services().logs(&service.id, &request).await?;
        if output.is_json() {
            return Ok(output.json(&lines)?);
        }
        return lines.iter().try_for_each(|line| Ok(output.raw_stdout(shown(line, width))?));
    }
    let mut lines = std::pin::pin!(client.services().follow_logs(&service.id, &request).await?);
    while let Some(line) = lines.try_next().await? {
        if output.is_json() {
            output.json_line(&line)?;
        } else {
            output.raw_stdout(shown(&line, width))?;
        }
    }
    Ok(())
}

/// How wide the number of a replica is before its lines; `None` when all lines are one replica's.
fn prefix_width(service: &Service, replica: Option<u32>) -> Option<usize> {
    let is_several = replica.is_none() && service.replicas > 1;
    is_several.then(|| (service.replicas - 1).to_string().len())
}

fn shown(line: &ServiceLogLine, width: Option<usize>) -> String {
    match width {
        Some(width) => format!("{:>width$} | {}\n", line.replica, line.line),
        None => format!("{}\n", line.line),
    }
}

pub(super) async fn exec(context: &Context, args: ServiceExecArgs) -> Result<u8, CliError> {
    let client = &context.client;
    let service = resolve::service(client, &args.service).await?;
    let instances: Vec<RuntimeInstance> = client.services().list_instances(&service.id).try_collect().await?;
    let id = &chosen(&service, &instances, args.replica)?.id;
    let exec = Exec {
        command: Some(computers::shell_line(&args.command)),
        timeout: context.timeout_flag,
        ..Exec::default()
    };
    computers::exec_in(context, id, &exec).await
}

/// The replica to run a command in: the one that is named, else the first that is healthy, else the first that is to run.
fn chosen<'a>(
    service: &Service,
    instances: &'a [RuntimeInstance],
    replica: Option<u32>,
) -> Result<&'a RuntimeInstance, CliError> {
    let mut present: Vec<&RuntimeInstance> =
        instances.iter().filter(|instance| instance.desired_state == DesiredRun::Running).collect();
    // While a release is rolled out, two instances may be of one replica: the one that is well comes first.
    present.sort_by_key(|instance| (instance.state != ReplicaState::Healthy, instance.replica));
    let found = present.iter().find(|instance| replica.is_none_or(|index| index == instance.replica));
    found.copied().ok_or_else(|| {
        let mut there: Vec<u32> = present.iter().map(|instance| instance.replica).collect();
        there.sort_unstable();
        there.dedup();
        let there: Vec<String> = there.iter().map(u32::to_string).collect();
        let message = match replica {
            Some(index) if !there.is_empty() => {
                format!(
                    "service {} has no replica {index} that runs; it has {}",
                    service.name,
                    there.join(", ")
                )
            }
            _ => format!("no replica of service {} runs; it is {}", service.name, service.state),
        };
        CliError::usage(message, Some("`miosa services instances <service>` lists them"))
    })
}
