/** Snapshots of volumes, and the files in them. */

import { List, Page, list } from "./paging.js";
import type { Call, CallOptions, Transport } from "./transport.js";
import type {
  CreateSnapshot,
  Deleted,
  FileEntry,
  PrunePlan,
  QueryOf,
  RestoreSnapshot,
  Schemas,
  Snapshot,
  SnapshotDiff,
  Spelled,
  UpdateSnapshot,
  Volume,
} from "./types.js";
import { waitUntil, type Verdict, type WaitOptions } from "./wait.js";

export class Snapshots {
  /** The files in a snapshot. */
  readonly files: SnapshotFiles;
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
    this.files = new SnapshotFiles(transport);
  }

  /** The snapshots of one volume or of all, newest first, including those of deleted volumes. */
  list(query?: QueryOf<"list_all_snapshots">, options?: CallOptions): List<Snapshot> {
    return list(this.#transport, ["volume-snapshots"], query, options);
  }

  /** The result may still be `creating`; see {@link waitUntilReady}. */
  create(volumeId: string, body: CreateSnapshot = {}, options?: CallOptions): Promise<Snapshot> {
    return this.#transport.object({ method: "POST", path: ["volumes", volumeId, "snapshots"], body }, options);
  }

  get(id: string, options?: CallOptions): Promise<Snapshot> {
    return this.#transport.object({ method: "GET", path: ["volume-snapshots", id] }, options);
  }

  /** Changes its name, metadata or protection. */
  update(id: string, body: UpdateSnapshot, options?: CallOptions): Promise<Snapshot> {
    return this.#transport.object({ method: "PATCH", path: ["volume-snapshots", id], body }, options);
  }

  /** Deletes it permanently: snapshots have no trash. */
  delete(id: string, options?: CallOptions): Promise<Deleted> {
    return this.#transport.object({ method: "DELETE", path: ["volume-snapshots", id] }, options);
  }

  /** Creates a new volume from the snapshot. To restore the volume itself, see `volumes.restore`. */
  restore(id: string, body: RestoreSnapshot = {}, options?: CallOptions): Promise<Volume> {
    return this.#transport.object({ method: "POST", path: ["volume-snapshots", id, "restore"], body }, options);
  }

  /** Reads its data and compares it with its checksum; `verification` reports the progress. */
  verify(id: string, options?: CallOptions): Promise<Snapshot> {
    return this.#transport.object({ method: "POST", path: ["volume-snapshots", id, "verify"] }, options);
  }

  /** The differences between the snapshots `id` and `to`. */
  diff(id: string, query: QueryOf<"diff_snapshots"> & { to: string }, options?: CallOptions): Promise<SnapshotDiff> {
    return this.#transport.object({ method: "GET", path: ["volume-snapshots", id, "diff"], query }, options);
  }

  /** Removes expired snapshots, as the server also does automatically; with `dry_run` only lists them. */
  prune(body: Spelled<Schemas["PruneSnapshots"]> = {}, options?: CallOptions): Promise<PrunePlan> {
    return this.#transport.object({ method: "POST", path: ["volume-snapshots", "prune"], body }, options);
  }

  /** Rejects if the snapshot failed or is being deleted. */
  waitUntilReady(id: string, options?: WaitOptions): Promise<Snapshot> {
    return waitUntil("ready", (call) => this.get(id, call), judgeReady, describe, options);
  }
}

/** A file in a snapshot, by its path, or by `path_base64` if that is not UTF-8. */
export type FileQuery = QueryOf<"stat_snapshot_file">;

export class SnapshotFiles {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The entries of a directory; of the root if no path is given. */
  list(snapshotId: string, query: QueryOf<"list_snapshot_files"> = {}, options?: CallOptions): List<FileEntry> {
    const path = ["volume-snapshots", snapshotId, "files"];
    // Directories have no total count, and the next page starts after the last name of this one.
    const fetchPart = async (part: object): Promise<Page<FileEntry>> => {
      const call: Call = { method: "GET", path, query: { ...query, ...part } };
      const { data, next } = await this.#transport.json<Schemas["FileList"]>(call, options);
      return new Page({ data, total: undefined, nextCursor: next ?? undefined }, (after) => fetchPart({ after }));
    };
    return new List(() => fetchPart({}));
  }

  stat(snapshotId: string, query: FileQuery, options?: CallOptions): Promise<FileEntry> {
    const path = ["volume-snapshots", snapshotId, "files", "stat"];
    return this.#transport.object({ method: "GET", path, query }, options);
  }

  /** The `fetch` response: `await response.text()`, `response.body`. `range` is as in HTTP, for example `bytes=0-99`. */
  download(
    snapshotId: string,
    { range, ...query }: FileQuery & { range?: string },
    options?: CallOptions,
  ): Promise<Response> {
    const path = ["volume-snapshots", snapshotId, "files", "download"];
    return this.#transport.response({ method: "GET", path, query, headers: { range } }, options);
  }
}

function judgeReady(snapshot: Snapshot): Verdict {
  switch (snapshot.status) {
    case "ready":
      return "there";
    case "failed":
      return { never: snapshot.error ?? "it failed" };
    case "deleting":
      return { never: "it is being deleted" };
    default:
      return "not yet";
  }
}

function describe(snapshot: Snapshot): string {
  return `snapshot ${snapshot.id} of volume ${snapshot.volume_name}, which is ${snapshot.status},`;
}
