/** Aim: a stream gives every event once and whole, however its bytes arrive and however often the connection breaks. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServerResponse } from "node:http";
import { ConnectionError, Miosa } from "@miosa/sdk";
import { KEY, ScriptedServer, lost, refused, type Reply } from "../support/scripted-server.js";
import { onTimer } from "../support/timers.js";

const line = (text: string, id: string) =>
  `event: log\nid: ${id}\ndata: ${JSON.stringify({ type: "log", stream: "stdout", line: text, message: text, timestamp: id })}\n\n`;

const STREAM = `: ping\n\n${line("grüße 🌍", "1")}event: log\r\nid: 2\r\ndata: {"line":\r\ndata: "two"}\r\n\r\nid: 3\ndata:{"line":"three"}\n\nevent: log\ndata: {"line":"half"}\n`;

/** A client whose one answer is this body, in these chunks: on a real connection they might be joined again. */
function clientOf(chunks: Uint8Array[]): Miosa {
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = chunks.shift();
      if (chunk) controller.enqueue(chunk);
      else controller.close();
    },
  });
  return new Miosa({ apiKey: KEY, fetch: async () => new Response(body) });
}

test("events are whole wherever the chunks end, in a character or a line's end too", async () => {
  const bytes = new TextEncoder().encode(STREAM);
  for (let size = 1; size <= bytes.length; size += 1) {
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.slice(at, at + size));
    const lines: string[] = [];
    for await (const { line } of clientOf(chunks).computers.followLogs("c1")) lines.push(line);
    assert.deepEqual(lines, ["grüße 🌍", "two", "three"], `chunks of ${size} bytes`);
  }
});

const stream =
  (text: string, end: "end" | "break"): Reply =>
  (response: ServerResponse) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(text, () => (end === "end" ? response.end() : response.destroy()));
  };

async function follow(miosa: Miosa): Promise<string[]> {
  const lines: string[] = [];
  for await (const { line } of miosa.computers.followLogs("c1", { lines: 5 })) lines.push(line);
  return lines;
}

test("a broken connection goes on behind the last line", async (t) => {
  const server = await ScriptedServer.start(t, [
    stream(line("one", "1") + line("two", "2"), "break"),
    refused(503, "UNAVAILABLE", { retryable: true }),
    stream(line("three", "3"), "end"),
  ]);
  assert.deepEqual(await follow(server.client()), ["one", "two", "three"]);
  assert.equal(server.calls[0], "GET /api/v1/computers/c1/logs/stream?lines=5");
  assert.equal(server.seen[0]?.headers.accept, "text/event-stream");
  assert.deepEqual(
    server.seen.map(({ headers }) => headers["last-event-id"]),
    [undefined, "2", "2"],
  );
});

test("a connection that only ever breaks is given up", async (t) => {
  const empty = stream(": ping\n\n", "break");
  const server = await ScriptedServer.start(t, [empty, empty, empty, empty]);
  await assert.rejects(follow(server.client({ maxRetries: 2 })), ConnectionError);
  assert.equal(server.seen.length, 3);
});

test("a log that cannot be opened is a refusal", async (t) => {
  const server = await ScriptedServer.start(t, [refused(404, "NOT_FOUND")]);
  await assert.rejects(follow(server.client()), { name: "NotFoundError" });
});

test("a log that cannot go on says why", async (t) => {
  const server = await ScriptedServer.start(t, [
    stream(`event: error\ndata: {"type":"error","code":"X","message":"the host is gone"}\n\n`, "end"),
  ]);
  await assert.rejects(follow(server.client()), /the host is gone/);
  assert.equal(server.seen.length, 1);
});

test("who leaves the loop hangs up", { timeout: 60_000 }, async (t) => {
  let hungUp: (() => void) | undefined;
  const closed = new Promise<void>((resolve) => (hungUp = resolve));
  const server = await ScriptedServer.start(t, [
    (response) => {
      response.on("close", () => hungUp?.());
      response.writeHead(200, { "content-type": "text/event-stream" }).write(line("one", "1"));
    },
  ]);
  for await (const { line } of server.client().computers.followLogs("c1")) {
    assert.equal(line, "one");
    break;
  }
  await closed;
});

test("an abort ends a stream that says nothing", { timeout: 60_000 }, async (t) => {
  const aborter = new AbortController();
  const reason = new Error("enough");
  const server = await ScriptedServer.start(t, [
    (response) => void response.writeHead(200, { "content-type": "text/event-stream" }).write(line("one", "1")),
  ]);
  const lines: string[] = [];
  await assert.rejects(async () => {
    for await (const { line } of server.client().computers.followLogs("c1", { signal: aborter.signal })) {
      lines.push(line);
      setImmediate(() => aborter.abort(reason));
    }
  }, reason);
  assert.deepEqual(lines, ["one"]);
  assert.equal(server.seen.length, 1);
});

// The head came in time; from then on the server may think for as long as it says so now and then.
test("the time limit of a call does not end its stream", async () => {
  const encoder = new TextEncoder();
  const slow: typeof fetch = async (_input, init) =>
    new Response(
      new ReadableStream({
        start(controller) {
          init?.signal?.addEventListener("abort", () => controller.error(init.signal?.reason));
          controller.enqueue(encoder.encode(line("one", "1")));
          // Timers go off in the order of their times: that of the limit, were there one, comes before.
          setTimeout(() => {
            controller.enqueue(encoder.encode(line("two", "2")));
            controller.close();
          }, 50);
        },
      }),
    );
  assert.deepEqual(await follow(new Miosa({ apiKey: KEY, fetch: slow, timeoutMs: 1, maxRetries: 0 })), ["one", "two"]);
});

// The server says something every 15 s. Here the 60 s of silence are over as soon as they begin.
test("a stream that falls silent has broken", async (t) => {
  onTimer(t, 60_000, (elapse) => elapse());
  let attempts = 0;
  const silent: typeof fetch = async (_input, init) => {
    attempts += 1;
    const body = new ReadableStream({
      start: (controller) => init?.signal?.addEventListener("abort", () => controller.error(init.signal?.reason)),
    });
    return new Response(body);
  };
  const miosa = new Miosa({ apiKey: KEY, fetch: silent, timeoutMs: Infinity, maxRetries: 1, retryDelayMs: 0 });
  await assert.rejects(follow(miosa), { name: "TimeoutError" });
  assert.equal(attempts, 2);
});

// Timers go off in the order of their times: that of silence, were it running, comes before the end of the pause.
test("a reader who takes his time loses nothing", async (t) => {
  const { setTimeout } = globalThis;
  t.after(() => (globalThis.setTimeout = setTimeout));
  const hurried = (work: () => void, ms: number) => setTimeout(work, ms === 60_000 ? 1 : ms);
  const encoder = new TextEncoder();
  const slowlyRead: typeof fetch = async (_input, init) => {
    const body = new ReadableStream({
      start(controller) {
        init?.signal?.addEventListener("abort", () => controller.error(init.signal?.reason));
        controller.enqueue(encoder.encode(line("one", "1")));
      },
      pull(controller) {
        controller.enqueue(encoder.encode(line("two", "2")));
        controller.close();
      },
    });
    return new Response(body);
  };
  const miosa = new Miosa({ apiKey: KEY, fetch: slowlyRead, timeoutMs: Infinity, maxRetries: 0 });
  globalThis.setTimeout = hurried as typeof setTimeout;
  const lines: string[] = [];
  for await (const { line } of miosa.computers.followLogs("c1")) {
    lines.push(line);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.deepEqual(lines, ["one", "two"]);
});

const execEvent = (type: string, fields: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;

test("a command tells what it writes, and ends with its exit code", async (t) => {
  const server = await ScriptedServer.start(t, [
    stream(
      execEvent("stdout", { data: "out\n" }) +
        execEvent("stderr", { data: "err\n" }) +
        execEvent("exit", { exit_code: 3, success: false, timed_out: false }),
      "end",
    ),
  ]);
  const events: unknown[] = [];
  for await (const event of server.client().computers.execStream("c1", { command: "x" })) events.push(event);
  assert.deepEqual(events, [
    { type: "stdout", data: "out\n" },
    { type: "stderr", data: "err\n" },
    { type: "exit", exit_code: 3, success: false, timed_out: false },
  ]);
  assert.equal(server.seen[0]?.headers.accept, "text/event-stream");
});

test("a command that cannot go on says why", async (t) => {
  const server = await ScriptedServer.start(t, [stream(execEvent("error", { message: "the host is gone" }), "end")]);
  await assert.rejects(async () => {
    for await (const event of server.client().computers.execStream("c1", { command: "x" })) assert.fail(event.type);
  }, /the host is gone/);
});

test("a command whose stream ends without an exit code has not ended well, and is not run again", async (t) => {
  const output = execEvent("stdout", { data: "out\n" });
  const server = await ScriptedServer.start(t, [stream(output, "end"), stream(output, "break"), lost]);
  const { computers } = server.client();
  const run = async () => {
    for await (const _ of computers.execStream("c1", { command: "x" }));
  };
  await assert.rejects(run, /before the command ended/);
  await assert.rejects(run, ConnectionError);
  await assert.rejects(run, ConnectionError);
  assert.equal(server.seen.length, 3);
});
