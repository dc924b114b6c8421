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

export type Project = Schemas["Project"];
export type CreateProject = Spelled<Omit<Schemas["CreateProject"], "name">> & { name: string };
export type UpdateProject = Spelled<Schemas["UpdateProject"]>;
export type Environment = Schemas["Environment"];
export type ProjectCapabilities = Schemas["ProjectCapabilities"];

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

/** A volume that a service mounts, by whichever of its names; replicas share it, or each has its own. */
export type ServiceMount = OneOf<"dataServiceId" | "data_service_id" | "volumeId" | "volume_id", string> &
  OneOf<"mountPath" | "mount_path", string> &
  Spelled<Pick<Schemas["NewServiceVolume"], "shared" | "read_only">>;

/** In an update these are merged, and null takes one back to its default. `volumes` is always the whole list. */
export type ServiceSettings = Spelled<{
  [Name in Exclude<keyof Schemas["ServiceSettings"], "volumes" | "health_check">]:
    Schemas["ServiceSettings"][Name] | null;
}> &
  Spelled<{ health_check: Spelled<Schemas["ServiceHealthCheck"]> | null; volumes: readonly ServiceMount[] | null }>;

/** What a service runs may stand in `settings` or beside it. */
type ServiceBody<T> = Spelled<Omit<T, keyof Schemas["RunFields"] | "settings">> &
  Omit<ServiceSettings, "template"> & { settings?: ServiceSettings | null | undefined };

export type ServiceStatus = "pending" | "deploying" | "running" | "failed" | "stopped" | "destroying";
export type Service = WithStatus<Schemas["Service"], ServiceStatus>;
export type CreateService = ServiceBody<Schemas["CreateService"]> & { name: string };
export type UpdateService = ServiceBody<Schemas["UpdateService"]>;
/** A version of a deployment is a release of the service, by another name. */
export type DeployService = Spelled<Omit<Schemas["DeployService"], "settings"> & { version_id: string | null }> & {
  settings?: ServiceSettings | null | undefined;
};

export type ReleaseState = "queued" | "deploying" | "active" | "failed" | "canceled" | "stopped" | "removed";
export type Release = WithStatus<Schemas["Release"], ReleaseState>;
export type ReleaseEvent = Schemas["ReleaseEvent"];

export type RuntimeInstanceState =
  "provisioning" | "starting" | "healthy" | "unhealthy" | "error" | "stopped" | "destroyed";
export type RuntimeInstance = WithStatus<Schemas["RuntimeInstance"], RuntimeInstanceState>;
export type Variable = Schemas["Variable"];
export type EffectiveVariable = Schemas["EffectiveVariable"];
export type ServiceLogLine = Schemas["ServiceLogLine"];

export type DeploymentState = "pending" | "building" | "running" | "failed" | "stopped";
export type Deployment = WithStatus<Schemas["Deployment"], DeploymentState>;
export type CreateDeployment = ServiceBody<Schemas["CreateDeployment"]> & { name: string };
/** How many instances there are, which a service calls replicas. */
export type ScaleDeployment = OneOf<"instances" | "replicas", number>;
export type VersionState = "created" | "building" | "ready" | "failed" | "archived";
export type DeploymentVersion = WithStatus<Schemas["DeploymentVersion"], VersionState>;
export type InstanceLogs = Schemas["InstanceLogs"];

/** Answer to a deletion. */
export type Deleted = Schemas["Deleted"];
