/** Projects: groups of volumes, computers and services. Objects created without one go to the default project. */

import { DataServices } from "./data-services.js";
import { List, list } from "./paging.js";
import type { CallOptions, Transport } from "./transport.js";
import type {
  CreateProject,
  Deleted,
  Environment,
  Project,
  ProjectCapabilities,
  QueryOf,
  UpdateProject,
} from "./types.js";

/** A project's id, or `default` for the default project. */
export class Projects {
  readonly dataServices: DataServices;
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
    this.dataServices = new DataServices(transport);
  }

  /** Newest first. */
  list(query?: QueryOf<"list_projects">, options?: CallOptions): List<Project> {
    return list(this.#transport, ["projects"], query, options);
  }

  create(body: CreateProject, options?: CallOptions): Promise<Project> {
    return this.#transport.object({ method: "POST", path: ["projects"], body }, options);
  }

  get(id: string, options?: CallOptions): Promise<Project> {
    return this.#transport.object({ method: "GET", path: ["projects", id] }, options);
  }

  /** Omitted fields are unchanged. */
  update(id: string, body: UpdateProject, options?: CallOptions): Promise<Project> {
    return this.#transport.object({ method: "PATCH", path: ["projects", id], body }, options);
  }

  /** Only an empty project can be deleted, and never the default one. */
  delete(id: string, options?: CallOptions): Promise<Deleted> {
    return this.#transport.object({ method: "DELETE", path: ["projects", id] }, options);
  }

  environments(id: string, options?: CallOptions): List<Environment> {
    return list(this.#transport, ["projects", id, "environments"], {}, options);
  }

  /** The capabilities of this server's projects. */
  capabilities(options?: CallOptions): Promise<ProjectCapabilities> {
    return this.#transport.object({ method: "GET", path: ["project-capabilities"] }, options);
  }
}
