/**
 * Aim: the types take both spellings of every field, and refuse what the server would.
 *
 * Method: it compiles. A line marked as an expected error that is none does not.
 */

import { test } from "node:test";
import type {
  CreateAttachment,
  CreateService,
  CreateSnapshot,
  CreateVolume,
  Exec,
  UpdateService,
  UpdateVolume,
  Volume,
} from "@miosa/sdk";

test("what compiles is what the server takes", () => {
  const snake: UpdateVolume = { snapshot_schedule: "0 4 * * *", snapshot_retention_days: 7 };
  const camel: UpdateVolume = { snapshotSchedule: null, snapshotRetentionDays: 7, metadata: { team: "ml", gpu: 2 } };
  // @ts-expect-error: a misspelled field
  const misspelled: UpdateVolume = { snapshotschedule: "@daily" };
  // @ts-expect-error: days are a number
  const text: UpdateVolume = { snapshotRetentionDays: "7" };
  // @ts-expect-error: a volume has a name
  const nameless: CreateVolume = { size_gb: 50 };
  const attachment: CreateAttachment = { volumeId: "v1", mountPath: "/mnt/data" };
  // @ts-expect-error: of what?
  const nothing: CreateAttachment = { mountPath: "/mnt/data" };
  // @ts-expect-error: which of the two?
  const both: CreateAttachment = { volumeId: "v1", volume_id: "v2" };
  const hooked: CreateSnapshot = { beforeSnapshot: "sync", hookTimeoutSeconds: 20, hook_timeout_seconds: undefined };
  // @ts-expect-error: no command
  const idle: Exec = { timeout: 5 };
  // @ts-expect-error: answers are spelled as on the wire
  const renamed = (volume: Volume): unknown => volume.sizeGb;
  const mounts: UpdateService = { volumes: [{ dataServiceId: "v1", mountPath: "/var/models" }] };
  const inSettings: UpdateService = { settings: { volumes: [{ volume_id: "v1", mount_path: "/m", readOnly: true }] } };
  const none: UpdateService = { volumes: [], lockVersion: 3, settings: { startCommand: null, health_check: null } };
  // @ts-expect-error: mounted where?
  const nowhere: UpdateService = { volumes: [{ dataServiceId: "v1" }] };
  // @ts-expect-error: one name for the volume is enough
  const twice: UpdateService = { volumes: [{ dataServiceId: "v1", volumeId: "v1", mountPath: "/m" }] };
  const service: CreateService = { name: "shop", source: { type: "template", ref: "t" }, replicas: 2, env: { A: "b" } };
  // @ts-expect-error: replicas are a number
  const many: CreateService = { name: "shop", replicas: "many" };
  void [mounts, inSettings, none, nowhere, twice, service, many];
  void [snake, camel, misspelled, text, nameless, attachment, nothing, both, hooked, idle, renamed];
});
