/** Aim: a wait ends when what it waits for is there, and at once when it never will be. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { WaitError, type Volume } from "@miosa/sdk";
import { ScriptedServer, refused, twin } from "../support/scripted-server.js";

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

test("each noun has its own word for it", async (t) => {
  const server = await ScriptedServer.start(t, [
    snapshot("creating"),
    snapshot("ready"),
    computer("provisioning"),
    computer("running"),
    computer("stopping"),
    computer("stopped"),
  ]);
  const { snapshots, computers } = server.client();
  assert.equal((await snapshots.waitUntilReady("s1", { pollMs: 0 })).status, "ready");
  assert.equal((await computers.waitUntilRunning("c1", { pollMs: 0 })).status, "running");
  assert.equal((await computers.waitUntilStopped("c1", { pollMs: 0 })).status, "stopped");
  assert.equal(server.seen.length, 6);
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
] as const;

for (const [noun, end, message] of ENDS) {
  test(`it fails at once: ${message.source}`, { timeout: 60_000 }, async (t) => {
    const server = await ScriptedServer.start(t, [end]);
    const { volumes, snapshots, computers } = server.client();
    // A second look would come after the end of this test.
    const options = { pollMs: 2 ** 30, maxWaitMs: 2 ** 31 };
    const wait = {
      volumes: () => volumes.waitUntilAvailable("v1", options),
      snapshots: () => snapshots.waitUntilReady("s1", options),
      computers: () => computers.waitUntilRunning("c1", options),
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

test("an abort ends the pause between two looks", { timeout: 60_000 }, async (t) => {
  const aborter = new AbortController();
  const server = await ScriptedServer.start(t, [
    (response) => {
      response.on("close", () => setImmediate(() => aborter.abort()));
      response
        .writeHead(200, { "content-type": "application/json" })
        .end(JSON.stringify({ id: "v1", status: "creating" }));
    },
  ]);
  const options = { signal: aborter.signal, pollMs: 2 ** 30, maxWaitMs: 2 ** 31 };
  await assert.rejects(server.client().volumes.waitUntilAvailable("v1", options), { name: "AbortError" });
  assert.equal(server.seen.length, 1);
});
