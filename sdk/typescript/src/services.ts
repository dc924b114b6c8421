/** Services: replicas of numbered releases, with their volumes. */

import { WaitError } from "./errors.js";
import { followLog, type LogOptions } from "./logs.js";
import { List, list } from "./paging.js";
import type { CallOptions, Transport } from "./transport.js";
import type {
  CreateService,
  Deleted,
  DeployService,
  EffectiveVariable,
  QueryOf,
  Release,
  ReleaseEvent,
  RuntimeInstance,
  Schemas,
  Service,
  ServiceLogLine,
  UpdateService,
  Variable,
} from "./types.js";
import { waitUntil, type Verdict, type WaitOptions } from "./wait.js";

export interface ServiceLogOptions extends LogOptions {
  /** Only this replica's lines. */
  replica?: number | undefined;
}

export class Services {
  readonly releases: Releases;
  readonly variables: Variables;
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
    this.releases = new Releases(transport);
    this.variables = new Variables(transport);
  }

  /** Newest first. */
  list(query?: QueryOf<"list_services">, options?: CallOptions): List<Service> {
    return list(this.#transport, ["services"], query, options);
  }

  /** With a source, creates release 1 and starts its replicas; see {@link waitUntilActive}. */
  create(body: CreateService, options?: CallOptions): Promise<Service> {
    return this.#transport.object({ method: "POST", path: ["services"], body }, options);
  }

  get(id: string, options?: CallOptions): Promise<Service> {
    return this.#transport.object({ method: "GET", path: ["services", id] }, options);
  }

  /**
   * Changing `volumes` creates a release, which replaces the replicas; see {@link waitUntilActive}. Other changed settings
   * stay in `pending_changes` until the next release.
   */
  update(id: string, body: UpdateService, options?: CallOptions): Promise<Service> {
    return this.#transport.object({ method: "PATCH", path: ["services", id], body }, options);
  }

  /** Its replicas end in the background. Its volumes are kept. */
  delete(id: string, options?: CallOptions): Promise<Deleted> {
    return this.#transport.object({ method: "DELETE", path: ["services", id] }, options);
  }

  /** Creates a release with the service's current settings and those of the body. */
  deploy(id: string, body: DeployService = {}, options?: CallOptions): Promise<Release> {
    return this.#transport.object({ method: "POST", path: ["services", id, "deployments"], body }, options);
  }

  /** Starts a stopped service. */
  start(id: string, body: DeployService = {}, options?: CallOptions): Promise<Release> {
    return this.#transport.object({ method: "POST", path: ["services", id, "start"], body }, options);
  }

  /** Stops it until it is started or deployed, even if its settings change. */
  stop(id: string, options?: CallOptions): Promise<Schemas["StoppedService"]> {
    return this.#transport.object({ method: "POST", path: ["services", id, "stop"] }, options);
  }

  /** Deploys the active release again, under a new number. */
  restart(id: string, body: DeployService = {}, options?: CallOptions): Promise<Release> {
    return this.#transport.object({ method: "POST", path: ["services", id, "restart"], body }, options);
  }

  /** Sets the number of replicas, which keep running the active release; see {@link waitUntilRunning}. */
  scale(id: string, body: Schemas["ScaleService"] & { replicas: number }, options?: CallOptions): Promise<Release> {
    return this.#transport.object({ method: "POST", path: ["services", id, "scale"], body }, options);
  }

  /** Deploys an earlier release, given by `release_id` or `number`, as a new release. */
  promote(id: string, body: DeployService, options?: CallOptions): Promise<Release> {
    return this.#transport.object({ method: "POST", path: ["services", id, "promote"], body }, options);
  }

  /** Deploys the previously active release as a new one; with `restore_data`, also restores its volumes' data. */
  rollback(id: string, body: DeployService = {}, options?: CallOptions): Promise<Release> {
    return this.#transport.object({ method: "POST", path: ["services", id, "rollback"], body }, options);
  }

  /** Its replicas, by index. */
  instances(id: string, query?: QueryOf<"list_instances">, options?: CallOptions): List<RuntimeInstance> {
    return list(this.#transport, ["services", id, "instances"], query, options);
  }

  /** The last lines of its replicas' output. */
  async logs(id: string, { lines, since, replica, ...options }: ServiceLogOptions = {}): Promise<ServiceLogLine[]> {
    const query = { lines, since, replica };
    const call = { method: "GET", path: ["services", id, "logs"], query } as const;
    return (await this.#transport.json<{ data: ServiceLogLine[] }>(call, options)).data;
  }

  /** The last lines, then new ones as they are written, until the signal fires, the loop ends, or the present replicas end. */
  followLogs(
    id: string,
    { lines, since, replica, ...options }: ServiceLogOptions = {},
  ): AsyncGenerator<ServiceLogLine, void, undefined> {
    return followLog(this.#transport, ["services", id, "logs"], { lines, since, replica }, options);
  }

  /**
   * Waits until the newest release, or the one with `releaseId`, is active. Rejects with its reason if it failed or was canceled.
   */
  waitUntilActive(id: string, { releaseId, ...options }: WaitOptions & { releaseId?: string } = {}): Promise<Release> {
    const look = async (call: CallOptions): Promise<Release> => {
      if (releaseId !== undefined) return this.releases.get(id, releaseId, call);
      const { data } = await this.releases.list(id, { limit: 1 }, call);
      if (data[0] === undefined) throw new WaitError(`service ${id} has no release; deploy one`, undefined, false);
      return data[0];
    };
    return waitUntil("active", look, judgeActive, describeRelease, options);
  }

  /** Waits until all replicas are healthy. Rejects if the service failed, is stopped or is being deleted. */
  waitUntilRunning(id: string, options?: WaitOptions): Promise<Service> {
    return waitUntil("running", (call) => this.get(id, call), judgeRunning, describeService, options);
  }
}

export class Releases {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Newest first. */
  list(serviceId: string, query?: QueryOf<"list_releases">, options?: CallOptions): List<Release> {
    return list(this.#transport, ["services", serviceId, "deployments"], query, options);
  }

  get(serviceId: string, releaseId: string, options?: CallOptions): Promise<Release> {
    return this.#transport.object({ method: "GET", path: ["services", serviceId, "deployments", releaseId] }, options);
  }

  /** Its events, oldest first. */
  events(serviceId: string, releaseId: string, options?: CallOptions): List<ReleaseEvent> {
    return list(this.#transport, ["services", serviceId, "deployments", releaseId, "events"], {}, options);
  }

  /** Cancels a rollout in progress. The last active release is kept or restored. */
  cancel(releaseId: string, options?: CallOptions): Promise<Release> {
    return this.#transport.object({ method: "POST", path: ["service-deployments", releaseId, "cancel"] }, options);
  }
}

/** The environment of a service's replicas. Changes apply to the next release. */
export class Variables {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** By name. */
  list(serviceId: string, options?: CallOptions): List<Variable> {
    return list(this.#transport, ["services", serviceId, "variables"], {}, options);
  }

  /** Omitted variables are kept; null removes one. Returns all variables. */
  async set(
    serviceId: string,
    variables: Readonly<Record<string, string | null>>,
    options?: CallOptions,
  ): Promise<Variable[]> {
    const call = { method: "PUT", path: ["services", serviceId, "variables"], body: { variables } } as const;
    return (await this.#transport.json<{ data: Variable[] }>(call, options)).data;
  }

  /** Returns the remaining variables. */
  async delete(serviceId: string, names: readonly string[], options?: CallOptions): Promise<Variable[]> {
    const call = { method: "DELETE", path: ["services", serviceId, "variables", names.join(",")] } as const;
    return (await this.#transport.json<{ data: Variable[] }>(call, options)).data;
  }

  /** The effective environment of a replica of the served release, with the source of each variable. */
  effective(serviceId: string, options?: CallOptions): List<EffectiveVariable> {
    return list(this.#transport, ["services", serviceId, "variables", "effective"], {}, options);
  }
}

function judgeActive(release: Release): Verdict {
  switch (release.state) {
    case "active":
      return "there";
    case "failed":
    case "canceled":
    case "stopped":
    case "removed":
      return { never: release.reason ? `${release.reason.code}: ${release.reason.detail}` : `it is ${release.state}` };
    default:
      return "not yet";
  }
}

function describeRelease(release: Release): string {
  return `release ${release.number} of service ${release.service_id}, which is ${release.state},`;
}

function judgeRunning(service: Service): Verdict {
  switch (service.status) {
    case "running":
      return "there";
    case "failed":
    case "stopped":
    case "destroying":
      return { never: service.error ?? `it is ${service.status}` };
    default:
      return "not yet";
  }
}

function describeService(service: Service): string {
  const healthy = `${service.ready_replicas} of ${service.replicas} replicas healthy`;
  return `service ${service.name} (${service.id}), which is ${service.status}, ${healthy},`;
}
