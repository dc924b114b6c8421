/** Deployments: another view of services, with versions and promotions, and the same ids. */

import { followLog } from "./logs.js";
import { List, list } from "./paging.js";
import type { ServiceLogOptions } from "./services.js";
import type { CallOptions, Transport } from "./transport.js";
import type {
  CreateDeployment,
  Deleted,
  DeployService,
  Deployment,
  DeploymentVersion,
  InstanceLogs,
  QueryOf,
  RuntimeInstance,
  ScaleDeployment,
  Schemas,
  ServiceLogLine,
} from "./types.js";
import { waitUntil, type Verdict, type WaitOptions } from "./wait.js";

export class Deployments {
  readonly versions: Versions;
  readonly runtimeInstances: RuntimeInstances;
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
    this.versions = new Versions(transport);
    this.runtimeInstances = new RuntimeInstances(transport);
  }

  /** Newest first. */
  list(query?: QueryOf<"list_deployments">, options?: CallOptions): List<Deployment> {
    return list(this.#transport, ["deployments"], query, options);
  }

  /** With a source, creates version 1 and starts its instances; see {@link waitUntilRunning}. */
  create(body: CreateDeployment, options?: CallOptions): Promise<Deployment> {
    return this.#transport.object({ method: "POST", path: ["deployments"], body }, options);
  }

  get(id: string, options?: CallOptions): Promise<Deployment> {
    return this.#transport.object({ method: "GET", path: ["deployments", id] }, options);
  }

  /** To change what it runs, use `services.update` with the same id. */
  update(id: string, body: Schemas["UpdateDeployment"], options?: CallOptions): Promise<Deployment> {
    return this.#transport.object({ method: "PATCH", path: ["deployments", id], body }, options);
  }

  /** Its instances end in the background. Its volumes are kept. */
  delete(id: string, options?: CallOptions): Promise<Deleted> {
    return this.#transport.object({ method: "DELETE", path: ["deployments", id] }, options);
  }

  /** Deploys the previously active version, or the one with `version_id`, under a new number. */
  rollback(id: string, body: DeployService = {}, options?: CallOptions): Promise<Deployment> {
    return this.#transport.object({ method: "POST", path: ["deployments", id, "rollback"], body }, options);
  }

  scale(id: string, body: ScaleDeployment, options?: CallOptions): Promise<Deployment> {
    return this.#transport.object({ method: "POST", path: ["deployments", id, "scale"], body }, options);
  }

  /** Deploys the current settings as a new version. */
  redeploy(id: string, body: DeployService = {}, options?: CallOptions): Promise<Deployment> {
    return this.#transport.object({ method: "POST", path: ["deployments", id, "redeploy"], body }, options);
  }

  /** Stops it until it is deployed again. */
  stop(id: string, options?: CallOptions): Promise<Deployment> {
    return this.#transport.object({ method: "POST", path: ["deployments", id, "stop"] }, options);
  }

  /** The last lines of its instances' output. */
  async logs(id: string, { lines, since, replica, ...options }: ServiceLogOptions = {}): Promise<ServiceLogLine[]> {
    const query = { lines, since, replica };
    const call = { method: "GET", path: ["deployments", id, "logs"], query } as const;
    return (await this.#transport.json<{ data: ServiceLogLine[] }>(call, options)).data;
  }

  /** The last lines, then new ones as they are written, until the signal fires, the loop ends, or these instances end. */
  followLogs(
    id: string,
    { lines, since, replica, ...options }: ServiceLogOptions = {},
  ): AsyncGenerator<ServiceLogLine, void, undefined> {
    return followLog(this.#transport, ["deployments", id, "logs"], { lines, since, replica }, options);
  }

  /** Rejects if the deployment failed or is stopped. */
  waitUntilRunning(id: string, options?: WaitOptions): Promise<Deployment> {
    return waitUntil("running", (call) => this.get(id, call), judgeRunning, describe, options);
  }
}

export class Versions {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Newest first. */
  list(deploymentId: string, query?: QueryOf<"list_versions">, options?: CallOptions): List<DeploymentVersion> {
    return list(this.#transport, ["deployments", deploymentId, "versions"], query, options);
  }

  get(deploymentId: string, versionId: string, options?: CallOptions): Promise<DeploymentVersion> {
    const path = ["deployments", deploymentId, "versions", versionId];
    return this.#transport.object({ method: "GET", path }, options);
  }

  /** Deploys it again, under a new number. */
  promote(
    deploymentId: string,
    versionId: string,
    body: DeployService = {},
    options?: CallOptions,
  ): Promise<Deployment> {
    const path = ["deployments", deploymentId, "versions", versionId, "promote"];
    return this.#transport.object({ method: "POST", path, body }, options);
  }
}

export class RuntimeInstances {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** By replica. */
  list(
    deploymentId: string,
    query?: QueryOf<"list_deployment_instances">,
    options?: CallOptions,
  ): List<RuntimeInstance> {
    return list(this.#transport, ["deployments", deploymentId, "runtime-instances"], query, options);
  }

  get(deploymentId: string, instanceId: string, options?: CallOptions): Promise<RuntimeInstance> {
    const path = ["deployments", deploymentId, "runtime-instances", instanceId];
    return this.#transport.object({ method: "GET", path }, options);
  }

  logs(
    deploymentId: string,
    instanceId: string,
    query?: QueryOf<"deployment_instance_logs">,
    options?: CallOptions,
  ): Promise<InstanceLogs> {
    const path = ["deployments", deploymentId, "runtime-instances", instanceId, "logs"];
    return this.#transport.object({ method: "GET", path, query }, options);
  }
}

function judgeRunning(deployment: Deployment): Verdict {
  switch (deployment.state) {
    case "running":
      return "there";
    case "failed":
    case "stopped":
      return { never: deployment.error ?? `it is ${deployment.state}` };
    default:
      return "not yet";
  }
}

function describe(deployment: Deployment): string {
  return `deployment ${deployment.name} (${deployment.id}), which is ${deployment.state},`;
}
