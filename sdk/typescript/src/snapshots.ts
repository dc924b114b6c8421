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
  /** Looking inside. */
  readonly files: SnapshotFiles;
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
    this.files = new SnapshotFiles(transport);
  }

  /** Newest first, of one volume or of all; those of deleted volumes too. */
  list(query?: QueryOf<"list_all_snapshots">, options?: CallOptions): List<Snapshot> {
    return list(this.#transport, ["volume-snapshots"], query, options);
  }

  /** The answer may still be `creating`: see {@link waitUntilReady}. */
  create(volumeId: string, body: CreateSnapshot = {}, options?: CallOptions): Promise<Snapshot> {
    return this.#transport.object({ method: "POST", path: ["volumes", volumeId, "snapshots"], body }, options);
  }

  get(id: string, options?: CallOptions): Promise<Snapshot> {
    return this.#transport.object({ method: "GET", path: ["volume-snapshots", id] }, options);
  }

  /** Names it, protects it. */
  update(id: string, body: UpdateSnapshot, options?: CallOptions): Promise<Snapshot> {
    return this.#transport.object({ method: "PATCH", path: ["volume-snapshots", id], body }, options);
  }

  /** For good: there is no trash for snapshots. */
  delete(id: string, options?: CallOptions): Promise<Deleted> {
    return this.#transport.object({ method: "DELETE", path: ["volume-snapshots", id] }, options);
  }

  /** A new volume that holds what the snapshot holds. For the volume itself see `volumes.restore`. */
  restore(id: string, body: RestoreSnapshot = {}, options?: CallOptions): Promise<Volume> {
    return this.#transport.object({ method: "POST", path: ["volume-snapshots", id, "restore"], body }, options);
  }

  /** Reads its data and compares it with the checksum that it was taken with; `verification` says how that goes. */
  verify(id: string, options?: CallOptions): Promise<Snapshot> {
    return this.#transport.object({ method: "POST", path: ["volume-snapshots", id, "verify"] }, options);
  }

  /** What the snapshot `to` has other than the snapshot `id`. */
  diff(id: string, query: QueryOf<"diff_snapshots"> & { to: string }, options?: CallOptions): Promise<SnapshotDiff> {
    return this.#transport.object({ method: "GET", path: ["volume-snapshots", id, "diff"], query }, options);
  }

  /** Removes what has expired, as it also happens by itself; with `dry_run` only tells. */
  prune(body: Spelled<Schemas["PruneSnapshots"]> = {}, options?: CallOptions): Promise<PrunePlan> {
    return this.#transport.object({ method: "POST", path: ["volume-snapshots", "prune"], body }, options);
  }

  /** Fails when the snapshot failed or is being deleted. */
  waitUntilReady(id: string, options?: WaitOptions): Promise<Snapshot> {
    return waitUntil("ready", (call) => this.get(id, call), judgeReady, describe, options);
  }
}

/** Which file of a snapshot: by its path, or by `path_base64` where that is no UTF-8. */
export type FileQuery = QueryOf<"stat_snapshot_file">;

export class SnapshotFiles {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** What is in a folder; without a path, in the root. */
  list(snapshotId: string, query: QueryOf<"list_snapshot_files"> = {}, options?: CallOptions): List<FileEntry> {
    const path = ["volume-snapshots", snapshotId, "files"];
    // A folder is counted by nobody, and its next part begins behind the last name of this one.
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

  /** The answer of `fetch`: `await response.text()`, `response.body`. `range` is as in HTTP, for example `bytes=0-99`. */
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
