/** Aim: commands, streams and logs of a real computer are what its processes wrote. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExecEvent } from "@miosa/sdk";
import { fixture, leavingNothing, miosa, patience } from "../support/fixture.js";

test("a computer starts, stops and starts again", () =>
  leavingNothing(async () => {
    const { id } = await miosa.computers.create({ name: "box", metadata: { of: "test" }, env: { GREETING: "hello" } });
    assert.equal((await miosa.computers.waitUntilRunning(id)).status, "running");
    assert.equal((await miosa.computers.exec(id, { command: "echo $GREETING" })).output, "hello\n");
    assert.equal((await miosa.computers.update(id, { name: "renamed" })).name, "renamed");
    await miosa.computers.stop(id);
    assert.equal((await miosa.computers.waitUntilStopped(id)).status, "stopped");
    await assert.rejects(miosa.computers.exec(id, { command: "true" }), { code: "RESOURCE_STATE" });
    await miosa.computers.start(id);
    await miosa.computers.waitUntilRunning(id);
    await miosa.computers.restart(id);
    await miosa.computers.waitUntilRunning(id);
    assert.ok((await miosa.computers.list({ status: "running" }).all()).some((computer) => computer.id === id));
    assert.equal((await miosa.computers.delete(id, { force: true })).deleted, true);
  }));

test("a command has its output, its exit code and its time", () =>
  leavingNothing(async () => {
    const { computerId } = await fixture("computerId");
    const failed = await miosa.computers.exec(computerId, { command: "echo out; echo err >&2; exit 3" });
    assert.deepEqual([failed.exit_code, failed.stdout, failed.stderr, failed.success], [3, "out\n", "err\n", false]);
    const late = await miosa.computers.exec(computerId, { command: "sleep 600", timeout: 1 });
    assert.deepEqual([late.exit_code, late.timed_out], [124, true]);
    const events: ExecEvent[] = [];
    for await (const event of miosa.computers.execStream(computerId, { command: "echo out; echo err >&2; exit 3" }))
      events.push(event);
    const dataOf = (type: string) =>
      events.map((event) => (event.type === type && "data" in event ? event.data : "")).join("");
    assert.deepEqual(
      [dataOf("stdout"), dataOf("stderr"), events.at(-1)],
      ["out\n", "err\n", { type: "exit", exit_code: 3, success: false, timed_out: false }],
    );
  }));

test("leaving the loop ends the command", () =>
  leavingNothing(async () => {
    const { computerId } = await fixture("computerId");
    for await (const event of miosa.computers.execStream(computerId, {
      command: "echo begun; exec sleep 4711",
      timeout: 600,
    })) {
      assert.deepEqual(event, { type: "stdout", data: "begun\n" });
      break;
    }
    const gone = await miosa.computers.exec(computerId, {
      command: "while pgrep -f 'sleep [4]711'; do sleep 0.1; done; echo gone",
    });
    assert.match(gone.stdout, /gone/);
  }));

test("a log is read, and followed as it is written", () =>
  leavingNothing(async () => {
    const command = "echo one; while [ ! -e /root/go ]; do sleep 0.1; done; echo two; exec sleep 600";
    const { id } = await miosa.computers.create({ name: "talker", command });
    await miosa.computers.waitUntilRunning(id);
    const seen: string[] = [];
    for await (const { line, stream } of miosa.computers.followLogs(id, { signal: patience() })) {
      seen.push(line);
      assert.equal(stream, "stdout");
      if (line === "one") await miosa.computers.exec(id, { command: "touch /root/go" });
      if (line === "two") break;
    }
    assert.deepEqual(seen, ["one", "two"]);
    const { lines, logs } = await miosa.computers.logs(id, { lines: 1 });
    assert.deepEqual([logs, lines.length], ["two\n", 1]);
  }));
