/**
 * The objects of the API and the bodies of its calls, out of the generated types.
 *
 * Answers have their fields as on the wire (`size_gb`). Bodies and queries may be written like that or in camel case, as
 * {@link Spelled} says. What the server cannot do without is required here; the document leaves such fields optional, because
 * their absence is answered by a refusal of its own.
 */

import type { components, operations } from "./generated/v1.js";

export type Schemas = components["schemas"];

/** `snapshot_schedule` → `snapshotSchedule`. */
export type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

/** An object each of whose fields may be left out, and may be written as on the wire or in camel case. */
export type Spelled<T> = { [K in keyof T as K extends string ? K | CamelCase<K> : never]?: T[K] | undefined };

/** Exactly one of these names. */
export type OneOf<Names extends string, Value> = {
  [Name in Names]: { [N in Name]: Value } & { [Other in Exclude<Names, Name>]?: never };
}[Names];

/** The query of an operation. */
export type QueryOf<Operation extends keyof operations> = Spelled<
  NonNullable<operations[Operation]["parameters"]["query"]>
>;

/** Text of a known set to which the server may add. */
type Known<Text extends string> = Text | (string & {});

type WithStatus<T, Status extends string> = T & { status: Known<Status>; state: Known<Status> };

export type VolumeStatus =
  | "creating"
  | "available"
  | "attaching"
  | "attached"
  | "detaching"
  | "resizing"
  | "restoring"
  | "deleting"
  | "deleted"
  | "error"
  | "unavailable";
export type Volume = WithStatus<Schemas["Volume"], VolumeStatus>;
export type CreateVolume = Spelled<Omit<Schemas["CreateVolume"], "name">> & { name: string };
export type UpdateVolume = Spelled<Schemas["UpdateVolume"]>;
export type CloneVolume = Spelled<Schemas["CloneVolume"]>;
export type VolumeEvent = Schemas["Event"];

export type AttachmentStatus = "attaching" | "attached" | "detaching" | "failed";
export type Attachment = WithStatus<Schemas["Attachment"], AttachmentStatus>;
export type CreateAttachment = Spelled<Omit<Schemas["CreateAttachment"], "volume_id">> &
  OneOf<"volume_id" | "volumeId", string>;

/** A process that holds files of a volume open. */
export interface Holder {
  pid: number;
  command: string;
}

export type SnapshotStatus = "creating" | "ready" | "deleting" | "failed";
export type Snapshot = WithStatus<Schemas["Snapshot"], SnapshotStatus>;
export type CreateSnapshot = Spelled<Schemas["CreateSnapshot"]>;
export type UpdateSnapshot = Spelled<Schemas["UpdateSnapshot"]>;
export type RestoreSnapshot = Spelled<Omit<Schemas["RestoreSnapshot"], "snapshot_id" | "as_new" | "force">>;
export type PrunePlan = Schemas["PrunePlan"];
export type SnapshotDiff = Schemas["SnapshotDiff"];
export type FileEntry = Schemas["FileEntry"];

export type DataService = Volume;
export type CreateDataService = CreateVolume & Spelled<Schemas["DataServiceFields"]>;

export type ComputerStatus =
  "creating" | "provisioning" | "starting" | "running" | "stopping" | "stopped" | "error" | "destroying" | "destroyed";
export type Computer = WithStatus<Schemas["Computer"], ComputerStatus>;
export type CreateComputer = Spelled<Schemas["CreateComputer"]>;
export type UpdateComputer = Spelled<Schemas["UpdateComputer"]>;
export type Exec = Spelled<Omit<Schemas["Exec"], "command">> & { command: string };
export type ExecPython = Spelled<Omit<Schemas["ExecPython"], "code">> & { code: string };
export type ExecResult = Schemas["ExecResult"];
export type Logs = Schemas["Logs"];
export type LogLine = Schemas["LogLine"];

/** What a command does while it runs; `exit` comes last. */
export type ExecEvent =
  | { type: "stdout"; data: string }
  | { type: "stderr"; data: string }
  | { type: "exit"; exit_code: number; success: boolean; timed_out: boolean };

/** Answer to a deletion. */
export type Deleted = Schemas["Deleted"];
