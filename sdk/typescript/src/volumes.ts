/** Volumes and their attachments to computers. */

import { List, list } from "./paging.js";
import type { CallOptions, Transport } from "./transport.js";
import type {
  Attachment,
  CloneVolume,
  CreateAttachment,
  CreateVolume,
  Deleted,
  QueryOf,
  Schemas,
  Spelled,
  UpdateVolume,
  Volume,
  VolumeEvent,
} from "./types.js";
import { waitUntil, type Verdict, type WaitOptions } from "./wait.js";

export class Volumes {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Newest first. `{ status: "deleted" }` lists the trash. */
  list(query?: QueryOf<"list_volumes">, options?: CallOptions): List<Volume> {
    return list(this.#transport, ["volumes"], query, options);
  }

  /** The result may still be `creating`; see {@link waitUntilAvailable}. */
  create(body: CreateVolume, options?: CallOptions): Promise<Volume> {
    return this.#transport.object({ method: "POST", path: ["volumes"], body }, options);
  }

  get(id: string, options?: CallOptions): Promise<Volume> {
    return this.#transport.object({ method: "GET", path: ["volumes", id] }, options);
  }

  /** Omitted fields are unchanged. */
  update(id: string, body: UpdateVolume, options?: CallOptions): Promise<Volume> {
    return this.#transport.object({ method: "PATCH", path: ["volumes", id], body }, options);
  }

  /** Moves it to the trash, from which {@link undelete} restores it. Its snapshots are kept. */
  delete(id: string, query?: QueryOf<"delete_volume">, options?: CallOptions): Promise<Deleted> {
    return this.#transport.object({ method: "DELETE", path: ["volumes", id], query }, options);
  }

  undelete(id: string, options?: CallOptions): Promise<Volume> {
    return this.#transport.object({ method: "POST", path: ["volumes", id, "undelete"] }, options);
  }

  /** Grows it. */
  resize(id: string, body: Spelled<Schemas["ResizeVolume"]>, options?: CallOptions): Promise<Volume> {
    return this.#transport.object({ method: "POST", path: ["volumes", id, "resize"], body }, options);
  }

  /** Creates an independent, writable copy of the volume's present state or of one of its snapshots. */
  clone(id: string, body: CloneVolume = {}, options?: CallOptions): Promise<Volume> {
    return this.#transport.object({ method: "POST", path: ["volumes", id, "clone"], body }, options);
  }

  /**
   * Replaces the volume's data with the snapshot's. A safety snapshot keeps the previous data. While computers use the
   * volume it is refused, unless `force` allows to stop and restart them. To create a new volume, see `snapshots.restore`.
   */
  restore(id: string, snapshotId: string, body: { force?: boolean } = {}, options?: CallOptions): Promise<Volume> {
    const path = ["volumes", id, "snapshots", snapshotId, "restore"];
    return this.#transport.object({ method: "POST", path, body }, options);
  }

  /** Rewrites the image into few extents, online. */
  compact(id: string, options?: CallOptions): Promise<Volume> {
    return this.#transport.object({ method: "POST", path: ["volumes", id, "compact"] }, options);
  }

  /** The volume's events, newest first; also for a deleted volume. */
  events(id: string, query?: QueryOf<"list_volume_events">, options?: CallOptions): List<VolumeEvent> {
    return list(this.#transport, ["volumes", id, "events"], query, options);
  }

  /** The attachments of this computer. */
  listAttachments(computerId: string, query?: QueryOf<"list_attachments">, options?: CallOptions): List<Attachment> {
    return list(this.#transport, ["computers", computerId, "volumes"], query, options);
  }

  /** The volume is mounted in a running computer immediately, in a stopped one at its next start. */
  attach(computerId: string, body: CreateAttachment, options?: CallOptions): Promise<Attachment> {
    return this.#transport.object({ method: "POST", path: ["computers", computerId, "volumes"], body }, options);
  }

  getAttachment(attachmentId: string, options?: CallOptions): Promise<Attachment> {
    return this.#transport.object({ method: "GET", path: ["volume-attachments", attachmentId] }, options);
  }

  /** Refused while processes hold files open ({@link VolumeInUseError.holders}), unless `force` allows to end them. */
  detach(attachmentId: string, query?: QueryOf<"delete_attachment">, options?: CallOptions): Promise<Deleted> {
    return this.#transport.object({ method: "DELETE", path: ["volume-attachments", attachmentId], query }, options);
  }

  /** Waits until the volume is available and not in use. Rejects if it is in error or deleted. */
  waitUntilAvailable(id: string, options?: WaitOptions): Promise<Volume> {
    return waitUntil("available", (call) => this.get(id, call), judgeAvailable, describe, options);
  }
}

function judgeAvailable(volume: Volume): Verdict {
  switch (volume.status) {
    case "available":
      return "there";
    case "error":
      return { never: volume.error ?? "it is in error" };
    case "deleting":
    case "deleted":
      return { never: "it is being deleted" };
    default:
      return "not yet";
  }
}

function describe(volume: Volume): string {
  const user = volume.attached_to ? ` to ${volume.attached_to}` : "";
  return `volume ${volume.name} (${volume.id}), which is ${volume.status}${user},`;
}
