/**
 * Aim: the types take both spellings of every field, and refuse what the server would.
 *
 * Method: it compiles. A line marked as an expected error that is none does not.
 */

import { test } from "node:test";
import type { CreateAttachment, CreateSnapshot, CreateVolume, Exec, UpdateVolume, Volume } from "@miosa/sdk";

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
  void [snake, camel, misspelled, text, nameless, attachment, nothing, both, hooked, idle, renamed];
});
