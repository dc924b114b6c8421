/** Aim: each call is carried out once, however often it has to be sent, and says so on the wire as the server reads it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, ConnectionError, Miosa, MiosaError, TimeoutError } from "@miosa/sdk";
import { KEY, ScriptedServer, lost, page, refused, twin } from "../support/scripted-server.js";
import { onTimer } from "../support/timers.js";

const VOLUME = { id: "v1", name: "weights", status: "available" };

test("a call is sent with its key, and answered without its twin", async (t) => {
  const server = await ScriptedServer.start(t, [twin(VOLUME)]);
  const miosa = server.client({ tenant: "acme", workspace: "w1" });

  const volume = await miosa.volumes.create({ name: "weights", size_gb: 50 });

  assert.deepEqual(volume, VOLUME);
  const [request] = server.seen;
  assert.deepEqual(server.calls, ["POST /api/v1/volumes"]);
  assert.deepEqual(request?.body, { name: "weights", size_gb: 50 });
  assert.equal(request.headers.authorization, `Bearer ${KEY}`);
  assert.equal(request.headers["content-type"], "application/json");
  assert.equal(request.headers.accept, "application/json");
  assert.equal(request.headers["x-miosa-tenant"], "acme");
  assert.equal(request.headers["x-miosa-workspace"], "w1");
});

test("a call without a body claims none", async (t) => {
  const server = await ScriptedServer.start(t, [twin({ id: "c1" })]);
  await server.client().computers.start("c1");
  assert.equal(server.seen[0]?.body, undefined);
  assert.equal(server.seen[0]?.headers["content-type"], undefined);
});

for (const base of ["", "/", "/api/v1", "/api/v1/"]) {
  test(`the base URL may end in ${JSON.stringify(base)}`, async (t) => {
    const server = await ScriptedServer.start(t, [twin(VOLUME)]);
    await server.client({ baseUrl: server.origin + base }).volumes.get("v1");
    assert.deepEqual(server.calls, ["GET /api/v1/volumes/v1"]);
  });
}

test("a base URL keeps its own path", async (t) => {
  const server = await ScriptedServer.start(t, [twin(VOLUME)]);
  await server.client({ baseUrl: `${server.origin}/behind/proxy` }).volumes.get("v1");
  assert.deepEqual(server.calls, ["GET /behind/proxy/api/v1/volumes/v1"]);
});

for (const status of [429, 500, 502, 503, 504]) {
  test(`${status} is repeated, with the same key and body`, async (t) => {
    const server = await ScriptedServer.start(t, [
      refused(status, "PASSING"),
      refused(status, "PASSING"),
      twin(VOLUME),
    ]);

    await server.client().volumes.create({ name: "weights" });

    assert.equal(server.seen.length, 3);
    assert.equal(typeof server.keys[0], "string");
    assert.equal(new Set(server.keys).size, 1, "one key for all attempts");
    assert.deepEqual(new Set(server.seen.map(({ body }) => JSON.stringify(body))).size, 1);
  });
}

for (const code of ["IDEMPOTENCY_IN_PROGRESS", "COMPUTER_STARTING"]) {
  test(`409 ${code} is repeated while the server calls it retryable`, async (t) => {
    const server = await ScriptedServer.start(t, [refused(409, code, { retryable: true }), twin(VOLUME)]);
    await server.client().volumes.create({ name: "weights" });
    assert.equal(server.seen.length, 2);
  });
}

for (const status of [400, 401, 403, 404, 409, 413, 422]) {
  test(`${status} is not repeated`, async (t) => {
    const server = await ScriptedServer.start(t, [refused(status, "NO"), twin(VOLUME)]);
    await assert.rejects(server.client().volumes.get("v1"), { name: /Error$/, status, code: "NO" });
    assert.equal(server.seen.length, 1);
  });
}

test("a lost answer is asked for again with the same key", async (t) => {
  const server = await ScriptedServer.start(t, [lost, twin(VOLUME)]);
  assert.deepEqual(await server.client().volumes.update("v1", { name: "weights" }), VOLUME);
  assert.equal(server.seen.length, 2);
  assert.equal(new Set(server.keys).size, 1);
});

test("half an answer is a lost one", async (t) => {
  const half = JSON.stringify(VOLUME).slice(0, 10);
  const server = await ScriptedServer.start(t, [
    (response) => response.writeHead(200, { "content-length": "1000" }).write(half, () => response.destroy()),
    twin(VOLUME),
  ]);
  assert.deepEqual(await server.client().volumes.get("v1"), VOLUME);
  assert.equal(server.seen.length, 2);
});

test("two calls have two keys, and a call that reads has none", async (t) => {
  const server = await ScriptedServer.start(t, [twin(VOLUME), twin(VOLUME), twin(VOLUME)]);
  const miosa = server.client();
  await miosa.volumes.create({ name: "one" });
  await miosa.volumes.create({ name: "two" });
  await miosa.volumes.get("v1");
  const [one, two, none] = server.keys;
  assert.ok(one && two && one !== two);
  assert.equal(none, undefined);
});

for (const method of ["PATCH", "DELETE"] as const) {
  test(`${method} has a key too, and the caller's own wins`, async (t) => {
    const server = await ScriptedServer.start(t, [twin(VOLUME), twin(VOLUME)]);
    const { volumes } = server.client();
    const call = (options: { idempotencyKey?: string }) =>
      method === "PATCH" ? volumes.update("v1", {}, options) : volumes.delete("v1", {}, options);
    await call({});
    await call({ idempotencyKey: "mine" });
    assert.equal(server.seen[0]?.method, method);
    assert.equal(typeof server.keys[0], "string");
    assert.equal(server.keys[1], "mine");
  });
}

test("after maxRetries the last refusal is thrown", async (t) => {
  const server = await ScriptedServer.start(t, [
    refused(503, "ONE"),
    refused(503, "TWO"),
    refused(503, "THREE"),
    twin(VOLUME),
  ]);
  const miosa = server.client({ maxRetries: 2 });
  await assert.rejects(miosa.volumes.get("v1"), { code: "THREE", status: 503 });
  assert.equal(server.seen.length, 3);
});

test("a call may say its own maxRetries", async (t) => {
  const server = await ScriptedServer.start(t, [lost, twin(VOLUME)]);
  await assert.rejects(server.client().volumes.get("v1", { maxRetries: 0 }), ConnectionError);
  assert.equal(server.seen.length, 1);
});

// The client's own pause would outlast every test.
test("Retry-After wins over the client's own pause", { timeout: 60_000 }, async (t) => {
  const server = await ScriptedServer.start(t, [
    refused(429, "rate_limit_exceeded", { retry_after: 3600 }, { "retry-after": "0" }),
    refused(503, "UNAVAILABLE", { retry_after: 0 }),
    twin(VOLUME),
  ]);
  await server.client({ retryDelayMs: 2 ** 30 }).volumes.get("v1");
  assert.equal(server.seen.length, 3);
});

test("a Retry-After that nobody would wait for is passed on at once", { timeout: 60_000 }, async (t) => {
  const server = await ScriptedServer.start(t, [refused(429, "rate_limit_exceeded", {}, { "retry-after": "3600" })]);
  await assert.rejects(server.client().volumes.get("v1"), { name: "RateLimitError", retryAfter: 3600 });
  assert.equal(server.seen.length, 1);
});

test("a command is never run twice", async (t) => {
  const server = await ScriptedServer.start(t, [
    lost,
    refused(503, "UNAVAILABLE", { retryable: true }),
    refused(500, "INTERNAL_ERROR"),
  ]);
  const { computers } = server.client();
  const run = () => computers.exec("c1", { command: "date" });
  await assert.rejects(run, ConnectionError);
  await assert.rejects(run, { status: 503 });
  await assert.rejects(run, { status: 500 });
  assert.equal(server.seen.length, 3);
});

test("a command that was refused is sent again", async (t) => {
  const result = {
    exit_code: 0,
    stdout: "",
    stderr: "",
    output: "",
    success: true,
    timed_out: false,
    truncated: false,
  };
  const server = await ScriptedServer.start(t, [
    refused(409, "COMPUTER_STARTING", { retryable: true }),
    refused(429, "rate_limit_exceeded"),
    twin(result),
  ]);
  assert.deepEqual(await server.client().computers.exec("c1", { command: "date" }), result);
  assert.equal(server.seen.length, 3);
});

test("an abort ends a call that is under way, with the signal's reason", async (t) => {
  const aborter = new AbortController();
  const reason = new Error("enough");
  const server = await ScriptedServer.start(t, [() => aborter.abort(reason)]);
  await assert.rejects(server.client().volumes.get("v1", { signal: aborter.signal, maxRetries: 0 }), reason);
  assert.equal(server.seen.length, 1);
});

test("an abort ends the pause before a repeat", { timeout: 30_000 }, async (t) => {
  const aborter = new AbortController();
  const reason = new Error("enough");
  onTimer(t, 59_000, () => aborter.abort(reason));
  const server = await ScriptedServer.start(t, [refused(503, "UNAVAILABLE", {}, { "retry-after": "59" })]);
  await assert.rejects(server.client().volumes.get("v1", { signal: aborter.signal }), reason);
  assert.equal(server.seen.length, 1);
});

test("with an aborted signal nothing is sent", async (t) => {
  const server = await ScriptedServer.start(t, [twin(VOLUME)]);
  await assert.rejects(server.client().volumes.get("v1", { signal: AbortSignal.abort() }), { name: "AbortError" });
  assert.deepEqual(server.calls, []);
});

test("what takes too long is repeated, and then a TimeoutError", async () => {
  let attempts = 0;
  const silent: typeof fetch = (_input, init) => {
    attempts += 1;
    return new Promise((_, reject) => init?.signal?.addEventListener("abort", () => reject(init.signal?.reason)));
  };
  const miosa = new Miosa({ apiKey: KEY, fetch: silent, timeoutMs: 1, maxRetries: 1, retryDelayMs: 0 });
  await assert.rejects(
    miosa.volumes.get("v1"),
    (error) => error instanceof TimeoutError && /GET \/volumes\/v1/.test(error.message),
  );
  assert.equal(attempts, 2);
});

// A timer of more than 31 bits would go off at once.
test("no time limit is none", async (t) => {
  const server = await ScriptedServer.start(t, [twin(VOLUME)]);
  assert.deepEqual(await server.client({ timeoutMs: Infinity, maxRetries: 0 }).volumes.get("v1"), VOLUME);
});

test("a server that cannot be reached is a ConnectionError that says why", async (t) => {
  const server = await ScriptedServer.start(t, []);
  // Of ports that nobody listens on this is the one that never changes.
  const miosa = server.client({ baseUrl: "http://127.0.0.1:1", maxRetries: 0 });
  await assert.rejects(
    miosa.volumes.get("v1"),
    (error) => error instanceof ConnectionError && error.message.startsWith("GET /volumes/v1: "),
  );
});

test("an answer of something else is an error, not an object", async (t) => {
  const html = (response: import("node:http").ServerResponse) =>
    void response.writeHead(200, { "content-type": "text/html" }).end("<html>welcome");
  const server = await ScriptedServer.start(t, [html]);
  await assert.rejects(
    server.client().volumes.get("v1"),
    (error) => error instanceof MiosaError && /<html>welcome/.test(error.message),
  );
});

test("a redirect is not followed: the key stays here", async (t) => {
  const elsewhere = await ScriptedServer.start(t, [twin(VOLUME)]);
  const server = await ScriptedServer.start(t, [
    { status: 302, headers: { location: `${elsewhere.origin}/api/v1/volumes/v1` }, json: {} },
  ]);
  await assert.rejects(server.client().volumes.get("v1"), (error) => error instanceof ApiError && error.status === 302);
  assert.deepEqual(elsewhere.calls, []);
});

test("an id names no other route", async (t) => {
  const server = await ScriptedServer.start(t, [twin(VOLUME)]);
  const { volumes } = server.client();
  await volumes.get("../computers/c1?x#y");
  assert.deepEqual(server.calls, ["GET /api/v1/volumes/..%2Fcomputers%2Fc1%3Fx%23y"]);
  for (const id of ["", ".", "..", undefined as unknown as string]) {
    await assert.rejects(async () => volumes.delete(id), { name: "MiosaError" }, `id ${JSON.stringify(id)}`);
  }
  assert.equal(server.seen.length, 1, "none of these was sent");
});

test("queries are spelled as the server reads them, bodies as they are", async (t) => {
  const server = await ScriptedServer.start(t, [page([], null), twin({ id: "a1" })]);
  const { volumes } = server.client();
  await volumes.list({ attachedTo: "c1", pageSize: 5, status: undefined });
  await volumes.attach("c1", { volumeId: "v1", mountPath: "/mnt/data", readOnly: true });
  assert.equal(server.calls[0], "GET /api/v1/volumes?attached_to=c1&page_size=5");
  assert.deepEqual(server.seen[1]?.body, { volumeId: "v1", mountPath: "/mnt/data", readOnly: true });
});
