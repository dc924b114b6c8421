/** Aim: a service mounts what the product's page says it mounts, over releases and replicas, and a wait for it tells how it went. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ConflictError, ValidationError, WaitError } from "@miosa/sdk";
import { fixture, leavingNothing, miosa, patience } from "../support/fixture.js";

const source = { type: "template", ref: "miosa-default" } as const;
/** The first process ignores SIGTERM, as every first process that says nothing about it. */
const stop_grace_seconds = 1;
/** Says what is in the volume, then runs. */
const start_command = "cat /var/models/file; exec sleep 86400";

test("a service finds what a computer has written, and keeps it over releases", () =>
  leavingNothing(async () => {
    const { services } = miosa;
    const { volumeId, computerId } = await fixture("volumeId", "computerId");
    const attachment = await miosa.volumes.attach(computerId, { volumeId, mountPath: "/mnt/data" });
    await miosa.computers.exec(computerId, { command: "echo weights > /mnt/data/file" });

    const service = await services.create({
      name: "inference",
      source,
      settings: { start_command, stop_grace_seconds },
    });
    const serviceId = service.id;
    assert.equal((await services.waitUntilActive(serviceId)).number, 1);
    // The volume is elsewhere, so the service cannot have it yet.
    const volumes = [{ dataServiceId: volumeId, mountPath: "/var/models" }];
    await assert.rejects(services.update(serviceId, { volumes }), ConflictError);
    await miosa.volumes.detach(attachment.id);

    const updated = await services.update(serviceId, {
      volumes: [{ dataServiceId: volumeId, mountPath: "/var/models" }],
    });
    assert.deepEqual(
      updated.volumes.map(({ dataServiceId, data_service_id, mountPath, mount_path }) => [
        dataServiceId,
        data_service_id,
        mountPath,
        mount_path,
      ]),
      [[volumeId, volumeId, "/var/models", "/var/models"]],
    );
    assert.equal((await services.waitUntilActive(serviceId)).number, 2);
    const [instance] = await services.instances(serviceId).all();
    assert.equal(instance?.state, "healthy");
    assert.deepEqual(
      instance.volumes_mounted.map(({ volume_id, mount_path }) => [volume_id, mount_path]),
      [[volumeId, "/var/models"]],
    );
    for await (const { line, replica } of services.followLogs(serviceId, { signal: patience() })) {
      if (line !== "weights") continue;
      assert.equal(replica, 0);
      break;
    }

    const release = await services.deploy(serviceId, { message: "again" });
    const active = await services.waitUntilActive(serviceId, { releaseId: release.id });
    assert.deepEqual([active.id, active.number, active.message], [release.id, 3, "again"]);
    assert.deepEqual(
      (await services.releases.list(serviceId).all()).map(({ number }) => number),
      [3, 2, 1],
    );
    assert.ok((await services.releases.events(serviceId, release.id).all()).some(({ type }) => type === "active"));
    const lines = (await services.logs(serviceId)).map(({ line }) => line);
    assert.ok(lines.includes("weights"), lines.join());

    assert.equal((await services.update(serviceId, { volumes: [] })).volumes.length, 0);
    await services.waitUntilActive(serviceId);
    await miosa.volumes.waitUntilAvailable(volumeId);
  }));

for (const shared of [false, true]) {
  test(`two replicas with shared: ${shared}`, () =>
    leavingNothing(async () => {
      const { services } = miosa;
      const { volumeId } = await fixture("volumeId");
      const volumes = [{ data_service_id: volumeId, mount_path: "/data", shared }];
      const { id } = await services.create({
        name: "pair",
        source,
        startCommand: "exec sleep 86400",
        stop_grace_seconds,
        volumes,
      });
      await services.waitUntilActive(id);
      await services.scale(id, { replicas: 2 });
      assert.equal((await services.waitUntilRunning(id)).ready_replicas, 2);
      const mounted = (await services.instances(id).all()).map(({ volumes_mounted }) => volumes_mounted[0]?.volume_id);
      assert.equal(mounted.length, 2);
      assert.ok(mounted.includes(volumeId));
      assert.equal(new Set(mounted).size, shared ? 1 : 2);
      assert.equal((await services.stop(id)).stopped, 2);
      await miosa.volumes.waitUntilAvailable(volumeId);
    }));
}

test("a release that fails ends the wait for it with its reason, and the good one stays", () =>
  leavingNothing(async () => {
    const { services } = miosa;
    const { serviceId } = await fixture("serviceId");
    const bad = await services.deploy(serviceId, { settings: { startCommand: "exit 7" } });
    const failed = await services.waitUntilActive(serviceId, { releaseId: bad.id }).catch((error: unknown) => error);
    assert.ok(failed instanceof WaitError && !failed.timedOut, String(failed));
    assert.match(failed.message, new RegExp(`release ${bad.number} of service ${serviceId}.* will not be active: .+`));
    assert.equal((await services.releases.get(serviceId, bad.id)).state, "failed");
    assert.equal((await services.get(serviceId)).active_release_number, 1);
  }));

test("a rollback serves the earlier release under a new number, with the data of its time", () =>
  leavingNothing(async () => {
    const { services } = miosa;
    const { volumeId } = await fixture("volumeId");
    const settings = (command: string) => ({
      start_command: `${command}; cat /data/file; exec sleep 86400`,
      stop_grace_seconds,
    });
    const volumes = [{ volumeId, mountPath: "/data" }];
    const { id } = await services.create({
      name: "shop",
      source,
      settings: settings("[ -e /data/file ] || echo one > /data/file"),
      volumes,
    });
    await services.waitUntilActive(id);
    const two = await services.deploy(id, { settings: settings("echo two > /data/file"), snapshotBefore: true });
    await services.waitUntilActive(id, { releaseId: two.id });
    const three = await services.rollback(id, { restore_data: true });
    await services.waitUntilActive(id, { releaseId: three.id });
    assert.deepEqual([two.number, three.number, three.serves_again], [2, 3, 1]);
    for await (const { line } of services.followLogs(id, { signal: patience() })) {
      assert.equal(line, "one");
      break;
    }
  }));

test("variables wait for a release, which gives them to its replicas", () =>
  leavingNothing(async () => {
    const { services } = miosa;
    const { variables } = services;
    const settings = { start_command: 'echo "$GREETING"; exec sleep 86400', stop_grace_seconds };
    const { id } = await services.create({ name: "greeter", source, settings, env: { OTHER: "stays" } });
    await services.waitUntilActive(id);
    const set = await variables.set(id, { GREETING: "hello", GONE: "soon" });
    assert.deepEqual(set, [
      { name: "GONE", value: "soon" },
      { name: "GREETING", value: "hello" },
      { name: "OTHER", value: "stays" },
    ]);
    assert.deepEqual((await variables.delete(id, ["GONE", "NEVER"])).length, 2);
    assert.ok((await services.get(id)).pending_changes);
    assert.ok(!(await variables.effective(id).all()).some(({ name }) => name === "GREETING"), "not yet");
    await services.deploy(id);
    await services.waitUntilActive(id);
    assert.equal((await variables.list(id).all()).length, 2);
    assert.ok(
      (await variables.effective(id).all()).some(({ name, value }) => name === "GREETING" && value === "hello"),
    );
    for await (const { line } of services.followLogs(id, { signal: patience() })) {
      assert.equal(line, "hello");
      break;
    }
  }));

test("what a service cannot be is refused", () =>
  leavingNothing(async () => {
    const { services } = miosa;
    const { serviceId, volumeId } = await fixture("serviceId", "volumeId");
    const mount = { dataServiceId: volumeId, mountPath: "/m" };
    await assert.rejects(services.update(serviceId, { volumes: [mount, mount] }), ValidationError);
    const unknown = { dataServiceId: "00000000-0000-7000-8000-000000000000", mountPath: "/m" };
    await assert.rejects(services.update(serviceId, { volumes: [unknown] }), ValidationError);
    const { lock_version } = await services.get(serviceId);
    assert.equal((await services.update(serviceId, { name: "renamed", lock_version })).name, "renamed");
    await assert.rejects(services.update(serviceId, { name: "late", lock_version }), { code: "STALE_SERVICE" });
    await assert.rejects(services.start(serviceId), { code: "SERVICE_STATE" });
    const listed = await services.list({ status: "running" }).all();
    assert.ok(listed.some(({ id }) => id === serviceId));
  }));
