/** Data services: another view of volumes, with the same ids. */

import { List, list } from "./paging.js";
import type { CallOptions, Transport } from "./transport.js";
import type { CreateDataService, DataService, Deleted, QueryOf, UpdateVolume } from "./types.js";

export class DataServices {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The data services of one project, newest first. */
  list(projectId: string, query?: QueryOf<"list_project_data_services">, options?: CallOptions): List<DataService> {
    return list(this.#transport, ["projects", projectId, "data-services"], query, options);
  }

  /** `size` is in GB, or `small`, `medium`, `large`. */
  create(projectId: string, body: CreateDataService, options?: CallOptions): Promise<DataService> {
    return this.#transport.object({ method: "POST", path: ["projects", projectId, "data-services"], body }, options);
  }

  get(id: string, options?: CallOptions): Promise<DataService> {
    return this.#transport.object({ method: "GET", path: ["data-services", id] }, options);
  }

  /** Omitted fields are unchanged; a `snapshot_schedule` of null ends the schedule. */
  update(id: string, body: UpdateVolume, options?: CallOptions): Promise<DataService> {
    return this.#transport.object({ method: "PATCH", path: ["data-services", id], body }, options);
  }

  /** Moves it to the trash, like `volumes.delete`. */
  delete(id: string, options?: CallOptions): Promise<Deleted> {
    return this.#transport.object({ method: "DELETE", path: ["data-services", id] }, options);
  }
}
