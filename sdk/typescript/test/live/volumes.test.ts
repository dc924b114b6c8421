/** Aim: against a real server, what the types promise is what comes, and what is done to a volume is done to real files. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { NotFoundError, ValidationError, VolumeAttachedError, VolumeInUseError, WaitError } from "@miosa/sdk";
import { fixture, leavingNothing, miosa } from "../support/fixture.js";

test("a volume keeps its files from computer to computer", () =>
  leavingNothing(async () => {
    const volume = await miosa.volumes.create({ name: "model-weights", sizeBytes: 2 ** 30, metadata: { team: "ml" } });
    assert.equal(volume.size_gb, 1);
    assert.deepEqual(volume.metadata, { team: "ml" });
    assert.ok(!("data" in volume), "no twin");
    await miosa.volumes.waitUntilAvailable(volume.id);
    const { computerId } = await fixture("computerId");

    const attachment = await miosa.volumes.attach(computerId, { volumeId: volume.id, mountPath: "/var/models" });
    assert.equal(attachment.mount_path, "/var/models");
    assert.equal((await miosa.volumes.get(volume.id)).attached_to, computerId);
    assert.deepEqual(await miosa.volumes.getAttachment(attachment.id), attachment);
    const written = await miosa.computers.exec(computerId, { command: "echo kept > /var/models/file && sync" });
    assert.deepEqual([written.exit_code, written.success, written.timed_out], [0, true, false]);

    const again = await miosa.volumes.attach(computerId, { volume_id: volume.id }).catch((error: unknown) => error);
    assert.ok(again instanceof VolumeAttachedError);
    assert.equal(again.attachment?.id, attachment.id);
    assert.match(again.requestId ?? "", /^req_/);

    await miosa.computers.exec(computerId, { command: "cd /var/models && sleep 600 > /dev/null 2>&1 &" });
    const busy = await miosa.volumes.detach(attachment.id).catch((error: unknown) => error);
    assert.ok(busy instanceof VolumeInUseError);
    assert.match(busy.holders.map(({ command }) => command).join(), /sleep 600/);
    assert.equal((await miosa.volumes.detach(attachment.id, { force: true })).status, "detached");
    assert.deepEqual(await miosa.volumes.listAttachments(computerId).all(), []);

    await miosa.volumes.attach(computerId, { volumeId: volume.id, mountPath: "/mnt/other", readOnly: true });
    const read = await miosa.computers.exec(computerId, { command: "cat file; touch file", cwd: "/mnt/other" });
    assert.equal(read.stdout, "kept\n");
    assert.notEqual(read.exit_code, 0, "it is read-only");
  }));

test("the trash gives back, and what is gone says since when", () =>
  leavingNothing(async () => {
    const { volumeId } = await fixture("volumeId");
    assert.equal((await miosa.volumes.delete(volumeId)).deleted, true);
    const gone = await miosa.volumes.get(volumeId).catch((error: unknown) => error);
    assert.ok(gone instanceof NotFoundError);
    assert.ok(gone.deletedAt !== undefined && Date.parse(gone.deletedAt) > 0);
    const trash = await miosa.volumes.list({ status: "deleted" }).all();
    assert.ok(trash.some(({ id }) => id === volumeId));
    assert.equal((await miosa.volumes.undelete(volumeId)).status, "available");
  }));

test("one idempotency key is one volume", () =>
  leavingNothing(async () => {
    const idempotencyKey = `test-${Date.now()}-${Math.random()}`;
    const first = await miosa.volumes.create({ name: "once", size_gb: 1 }, { idempotencyKey });
    const second = await miosa.volumes.create({ name: "once", size_gb: 1 }, { idempotencyKey });
    assert.equal(second.id, first.id);
    await assert.rejects(miosa.volumes.create({ name: "other", size_gb: 1 }, { idempotencyKey }), {
      code: "IDEMPOTENCY_KEY_REUSED",
    });
  }));

test("a list of several pages has everything once, newest first", () =>
  leavingNothing(async () => {
    const made: string[] = [];
    for (let number = 0; number < 5; number += 1) {
      made.push((await miosa.volumes.create({ name: "paged", size_gb: 1 })).id);
    }
    const page = await miosa.volumes.list({ limit: 2, name: "paged" });
    assert.deepEqual([page.data.length, page.total], [2, 5]);
    const ids = (await miosa.volumes.list({ pageSize: 2, name: "paged" }).all()).map(({ id }) => id);
    assert.deepEqual(ids, made.reverse());
  }));

test("a data service is the volume, by the words of the product's page", () =>
  leavingNothing(async () => {
    const { projects } = miosa;
    const service = await projects.dataServices.create("default", { type: "volume", name: "weights", size: "small" });
    assert.deepEqual([service.type, service.size_gb], ["volume", 10]);
    const volumeId = service.id;
    await projects.dataServices.update(volumeId, { snapshot_schedule: "0 4 * * *", snapshot_retention_days: 7 });
    assert.equal((await miosa.volumes.get(volumeId)).snapshot_schedule, "0 4 * * *");
    const camel = await projects.dataServices.update(volumeId, {
      snapshotSchedule: "@daily",
      snapshotRetentionDays: 30,
    });
    assert.deepEqual([camel.snapshot_schedule, camel.snapshot_retention_days], ["@daily", 30]);
    const bad = await projects.dataServices
      .update(volumeId, { snapshotSchedule: "whenever" })
      .catch((error: unknown) => error);
    assert.ok(bad instanceof ValidationError);
    assert.ok(bad.fields["snapshot_schedule"]?.length);
    assert.equal(
      (await projects.dataServices.update(volumeId, { snapshot_schedule: null })).snapshot_schedule ?? null,
      null,
    );
    assert.equal((await projects.dataServices.get(volumeId)).id, volumeId);
    assert.ok((await projects.dataServices.list("default").all()).some(({ id }) => id === volumeId));
    assert.equal((await projects.dataServices.delete(volumeId)).deleted, true);
  }));

test("snapshots hold an instant, show their files, and bring it back", () =>
  leavingNothing(async () => {
    const { volumeId, computerId } = await fixture("volumeId", "computerId");
    const sh = async (command: string) => (await miosa.computers.exec(computerId, { command })).stdout.trim();
    const attachment = await miosa.volumes.attach(computerId, { volumeId, mountPath: "/mnt/data" });
    await sh("echo then > /mnt/data/file; mkdir /mnt/data/folder; ln -s file /mnt/data/link");

    const { id } = await miosa.snapshots.create(volumeId, { name: "then", metadata: { kept: "yes" } });
    const snapshot = await miosa.snapshots.waitUntilReady(id);
    assert.deepEqual([snapshot.name, snapshot.trigger, snapshot.volume_id], ["then", "manual", volumeId]);
    await sh("echo now > /mnt/data/file; touch /mnt/data/new");

    const { files } = miosa.snapshots;
    const names = (await files.list(id, { path: "/", limit: 1 }).all()).map(({ name }) => name);
    assert.deepEqual(names.filter((name) => name !== "lost+found").sort(), ["file", "folder", "link"]);
    assert.equal((await files.stat(id, { path: "/link" })).symlink_target, "file");
    assert.equal(await (await files.download(id, { path: "/file" })).text(), "then\n");
    assert.equal(await (await files.download(id, { path: "/file", range: "bytes=1-2" })).text(), "he");
    await assert.rejects(files.download(id, { path: "/none" }), NotFoundError);

    const later = await miosa.snapshots.waitUntilReady((await miosa.snapshots.create(volumeId)).id);
    const diff = await miosa.snapshots.diff(id, { to: later.id });
    assert.deepEqual(diff.files.map(({ change, path }) => [change, path]).sort(), [
      ["added", "/new"],
      ["modified", "/file"],
    ]);

    const copy = await miosa.snapshots.restore(id, { name: "copy" });
    assert.deepEqual([copy.name, (await miosa.volumes.waitUntilAvailable(copy.id)).status], ["copy", "available"]);
    const fork = await miosa.volumes.clone(volumeId, { name: "fork", ttl: "1h" });
    assert.ok(fork.expires_at);

    await assert.rejects(miosa.volumes.restore(volumeId, id), VolumeInUseError);
    await miosa.volumes.detach(attachment.id);
    await miosa.volumes.waitUntilAvailable(volumeId);
    await miosa.volumes.restore(volumeId, id);
    await miosa.volumes.waitUntilAvailable(volumeId);
    await miosa.volumes.attach(computerId, { volumeId, mountPath: "/mnt/data" });
    assert.equal(await sh("cat /mnt/data/file; ls /mnt/data"), "then\nfile\nfolder\nlink\nlost+found");

    const triggers = (await miosa.snapshots.list({ volumeId }).all()).map(({ trigger }) => trigger);
    assert.deepEqual(triggers.sort(), ["manual", "manual", "safety"]);
    assert.equal((await miosa.snapshots.update(id, { protected: true })).protected, true);
    await assert.rejects(miosa.snapshots.delete(id), { code: "PROTECTED", status: 409 });
    await miosa.snapshots.update(id, { protected: false });
    assert.equal((await miosa.snapshots.prune({ volumeId, dryRun: true })).dry_run, true);
    assert.equal((await miosa.snapshots.verify(id)).id, id);
    assert.ok((await miosa.volumes.events(volumeId).all()).some(({ kind }) => kind === "volume.restored"));
    const [attached] = await miosa.volumes.listAttachments(computerId).all();
    await miosa.volumes.detach(attached?.id ?? "");
  }));

test("a wait for what will never be ends", () =>
  leavingNothing(async () => {
    const { id } = await miosa.computers.create({ name: "idle", auto_start: false });
    const failed = await miosa.computers.waitUntilRunning(id).catch((error: unknown) => error);
    assert.ok(failed instanceof WaitError && !failed.timedOut);
    assert.match(failed.message, /idle.*stopped/);
  }));
