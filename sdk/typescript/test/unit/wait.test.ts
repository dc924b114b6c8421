/** Aim: a wait ends when what it waits for is there, and at once when it never will be. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { WaitError, type Volume } from "@miosa/sdk";
import { ScriptedServer, page, refused, twin } from "../support/scripted-server.js";
import { onTimer } from "../support/timers.js";

const volume = (status: string, more: object = {}) =>
  twin({ id: "v1", name: "weights", status, state: status, ...more });
const snapshot = (status: string, more: object = {}) => twin({ id: "s1", volume_name: "weights", status, ...more });
const computer = (status: string, more: object = {}) => twin({ id: "c1", name: "box", status, ...more });

test("it looks until the object is there", async (t) => {
  const server = await ScriptedServer.start(t, [
    volume("creating"),
    volume("attached"),
    volume("detaching"),
    volume("available"),
  ]);
  const there = await server.client().volumes.waitUntilAvailable("v1", { pollMs: 0 });
  assert.equal(there.status, "available");
  assert.deepEqual(server.calls, Array(4).fill("GET /api/v1/volumes/v1"));
});

const release = (number: number, state: string, more: object = {}) => ({
  id: `r${number}`,
  service_id: "svc1",
  number,
  state,
  ...more,
});

test("a service is as active as its newest release", async (t) => {
  const server = await ScriptedServer.start(t, [
    page([release(3, "deploying")], "more"),
    page([release(4, "queued")], "more"),
    page([release(4, "active")], "more"),
    twin(release(3, "active")),
  ]);
  const { services } = server.client();
  assert.equal((await services.waitUntilActive("svc1", { pollMs: 0 })).number, 4);
  assert.equal((await services.waitUntilActive("svc1", { pollMs: 0, releaseId: "r3" })).number, 3);
  assert.equal(server.calls[0], "GET /api/v1/services/svc1/deployments?limit=1");
  assert.equal(server.calls[3], "GET /api/v1/services/svc1/deployments/r3");
});

test("a service without a release never becomes active", async (t) => {
  const server = await ScriptedServer.start(t, [page([], null)]);
  await assert.rejects(server.client().services.waitUntilActive("svc1"), { name: "WaitError", message: /no release/ });
});

test("each noun has its own word for it", async (t) => {
  const server = await ScriptedServer.start(t, [
    snapshot("creating"),
    snapshot("ready"),
    computer("provisioning"),
    computer("running"),
    computer("stopping"),
    computer("stopped"),
    twin({ id: "d1", state: "building" }),
    twin({ id: "d1", state: "running" }),
    twin({ id: "svc1", status: "deploying" }),
    twin({ id: "svc1", status: "running" }),
  ]);
  const { snapshots, computers, deployments, services } = server.client();
  assert.equal((await snapshots.waitUntilReady("s1", { pollMs: 0 })).status, "ready");
  assert.equal((await computers.waitUntilRunning("c1", { pollMs: 0 })).status, "running");
  assert.equal((await computers.waitUntilStopped("c1", { pollMs: 0 })).status, "stopped");
  assert.equal((await deployments.waitUntilRunning("d1", { pollMs: 0 })).state, "running");
  assert.equal((await services.waitUntilRunning("svc1", { pollMs: 0 })).status, "running");
  assert.equal(server.seen.length, 10);
});

const ENDS = [
  [
    "volumes",
    volume("error", { error: "its image is damaged" }),
    /volume weights \(v1\).* will not be available: its image is damaged/,
  ],
  ["volumes", volume("deleting"), /being deleted/],
  ["volumes", volume("deleted"), /being deleted/],
  [
    "snapshots",
    snapshot("failed", { error: "no space" }),
    /snapshot s1 of volume weights.* will not be ready: no space/,
  ],
  ["snapshots", snapshot("deleting"), /being deleted/],
  [
    "computers",
    computer("error", { error: "no such template" }),
    /computer box \(c1\).* will not be running: no such template/,
  ],
  ["computers", computer("stopped", { exit_code: 1 }), /stopped \(exit code 1\)/],
  ["computers", computer("destroyed"), /destroyed/],
  [
    "services",
    page([release(2, "failed", { reason: { code: "HEALTH_CHECK", detail: "nobody answers" } })], null),
    /release 2 of service svc1.* will not be active: HEALTH_CHECK: nobody answers/,
  ],
  [
    "deployments",
    twin({ id: "d1", name: "shop", state: "failed", error: "nobody answers" }),
    /deployment shop \(d1\).* will not be running: nobody answers/,
  ],
  [
    "replicas",
    twin({
      id: "svc1",
      name: "shop",
      status: "failed",
      ready_replicas: 1,
      replicas: 2,
      error: "replica 1 has no volume",
    }),
    /service shop \(svc1\), which is failed, 1 of 2 replicas healthy, will not be running: replica 1 has no volume/,
  ],
  ["services", page([release(2, "canceled", { reason: null })], null), /canceled/],
] as const;

for (const [noun, end, message] of ENDS) {
  test(`it fails at once: ${message.source}`, { timeout: 60_000 }, async (t) => {
    const server = await ScriptedServer.start(t, [end]);
    const { volumes, snapshots, computers, services, deployments } = server.client();
    // A second look would come after the end of this test.
    const options = { pollMs: 2 ** 30, maxWaitMs: 2 ** 31 };
    const wait = {
      volumes: () => volumes.waitUntilAvailable("v1", options),
      snapshots: () => snapshots.waitUntilReady("s1", options),
      computers: () => computers.waitUntilRunning("c1", options),
      deployments: () => deployments.waitUntilRunning("d1", options),
      replicas: () => services.waitUntilRunning("svc1", options),
      services: () => services.waitUntilActive("svc1", options),
    };
    await assert.rejects(
      wait[noun],
      (error) => error instanceof WaitError && !error.timedOut && message.test(error.message),
    );
  });
}

test("when the time is over it fails with what there is", async (t) => {
  const server = await ScriptedServer.start(t, [volume("attached", { attached_to: "c9" })]);
  await assert.rejects(
    server.client().volumes.waitUntilAvailable("v1", { maxWaitMs: 0 }),
    (error) =>
      error instanceof WaitError &&
      error.timedOut &&
      (error.object as Volume).status === "attached" &&
      /which is attached to c9, is not available after 0 ms/.test(error.message),
  );
  assert.equal(server.seen.length, 1, "it looked once");
});

test("what is gone is a refusal", async (t) => {
  const server = await ScriptedServer.start(t, [refused(404, "NOT_FOUND")]);
  await assert.rejects(server.client().volumes.waitUntilAvailable("v1"), { name: "NotFoundError" });
});

test("an abort ends the pause between two looks", { timeout: 30_000 }, async (t) => {
  const aborter = new AbortController();
  const pollMs = 2 ** 30;
  onTimer(t, pollMs, () => aborter.abort());
  const server = await ScriptedServer.start(t, [volume("creating")]);
  const options = { signal: aborter.signal, pollMs, maxWaitMs: 2 ** 31 };
  await assert.rejects(server.client().volumes.waitUntilAvailable("v1", options), { name: "AbortError" });
  assert.equal(server.seen.length, 1);
});
