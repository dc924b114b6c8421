/**
 * The objects of the API and the bodies of its calls, out of the generated types.
 *
 * Responses use the wire's field names (`size_gb`). Bodies and queries accept those or camel case, as
 * {@link Spelled} defines. Fields that the server requires are required here; the document leaves them optional, because
 * the server has a specific refusal for their absence.
 */

import type { components, operations } from "./generated/v1.js";

export type Schemas = components["schemas"];

/** `snapshot_schedule` → `snapshotSchedule`. */
export type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

/** An object whose fields are all optional, and accepted in the wire's spelling or in camel case. */
export type Spelled<T> = { [K in keyof T as K extends string ? K | CamelCase<K> : never]?: T[K] | undefined };

/** Exactly one of these names. */
export type OneOf<Names extends string, Value> = {
  [Name in Names]: { [N in Name]: Value } & { [Other in Exclude<Names, Name>]?: never };
}[Names];

/** The query of an operation. */
export type QueryOf<Operation extends keyof operations> = Spelled<
  NonNullable<operations[Operation]["parameters"]["query"]>
>;

/** A string of a known set that the server may extend. */
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

/** An event of a running command; `exit` is the last. */
export type ExecEvent =
  | { type: "stdout"; data: string }
  | { type: "stderr"; data: string }
  | { type: "exit"; exit_code: number; success: boolean; timed_out: boolean };

/** A volume that a service mounts, under any of its names; replicas share it, or each has its own. */
export type ServiceMount = OneOf<"dataServiceId" | "data_service_id" | "volumeId" | "volume_id", string> &
  OneOf<"mountPath" | "mount_path", string> &
  Spelled<Pick<Schemas["NewServiceVolume"], "shared" | "read_only">>;

/** An update merges these; null resets one to its default. `volumes` always replaces the whole list. */
export type ServiceSettings = Spelled<{
  [Name in Exclude<keyof Schemas["ServiceSettings"], "volumes" | "health_check">]:
    Schemas["ServiceSettings"][Name] | null;
}> &
  Spelled<{ health_check: Spelled<Schemas["ServiceHealthCheck"]> | null; volumes: readonly ServiceMount[] | null }>;

/** Settings may be given in `settings` or at the top level. */
type ServiceBody<T> = Spelled<Omit<T, keyof Schemas["RunFields"] | "settings">> &
  Omit<ServiceSettings, "template"> & { settings?: ServiceSettings | null | undefined };

export type ServiceStatus = "pending" | "deploying" | "running" | "failed" | "stopped" | "destroying";
export type Service = WithStatus<Schemas["Service"], ServiceStatus>;
export type CreateService = ServiceBody<Schemas["CreateService"]> & { name: string };
export type UpdateService = ServiceBody<Schemas["UpdateService"]>;
/** A deployment's version is the service's release under another name. */
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
/** The number of instances, called replicas in a service. */
export type ScaleDeployment = OneOf<"instances" | "replicas", number>;
export type VersionState = "created" | "building" | "ready" | "failed" | "archived";
export type DeploymentVersion = WithStatus<Schemas["DeploymentVersion"], VersionState>;
export type InstanceLogs = Schemas["InstanceLogs"];

/** The result of a deletion. */
export type Deleted = Schemas["Deleted"];
