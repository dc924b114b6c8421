/** Aim: a program can tell refusals apart and act on them, and no error gives the key away. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import * as sdk from "@miosa/sdk";
import {
  ApiError,
  ConfigurationError,
  ConflictError,
  Miosa,
  MiosaError,
  NotFoundError,
  VolumeAttachedError,
  VolumeInUseError,
} from "@miosa/sdk";
import { KEY, ScriptedServer, lost, refusal, refused } from "../support/scripted-server.js";

const CLASSES = [
  [400, "INVALID_ID", sdk.BadRequestError],
  [401, "invalid_token", sdk.AuthenticationError],
  [403, "insufficient_scope", sdk.PermissionError],
  [404, "NOT_FOUND", sdk.NotFoundError],
  [409, "PROTECTED", sdk.ConflictError],
  [409, "VOLUME_ATTACHED", sdk.VolumeAttachedError],
  [409, "VOLUME_IN_USE", sdk.VolumeInUseError],
  [410, "RELEASE_GONE", sdk.ApiError],
  [422, "VALIDATION_ERROR", sdk.ValidationError],
  [429, "rate_limit_exceeded", sdk.RateLimitError],
  [500, "INTERNAL_ERROR", sdk.ServerError],
  [503, "UNAVAILABLE", sdk.ServerError],
  // A code that is the name of something every object has.
  [409, "constructor", sdk.ConflictError],
] as const;

for (const [status, code, ErrorClass] of CLASSES) {
  test(`${status} ${code} is a ${ErrorClass.name}`, async (t) => {
    const server = await ScriptedServer.start(t, [
      refused(status, code, { details: { of: "it" }, retryable: true, retry_after: 7 }),
    ]);
    const error = await server
      .client({ maxRetries: 0 })
      .volumes.get("v1")
      .catch((error: unknown) => error);

    assert.ok(
      error instanceof ErrorClass && error instanceof ApiError && error instanceof MiosaError && error instanceof Error,
    );
    assert.equal(error.constructor, ErrorClass);
    assert.equal(error.name, ErrorClass.name);
    assert.deepEqual(
      {
        status: error.status,
        code: error.code,
        message: error.message,
        requestId: error.requestId,
        details: error.details,
        retryable: error.retryable,
        retryAfter: error.retryAfter,
      },
      {
        status,
        code,
        message: `it is ${code}`,
        requestId: "req_1",
        details: { of: "it" },
        retryable: true,
        retryAfter: 7,
      },
    );
  });
}

test("fields at fault are named", async (t) => {
  const body = {
    ...(refusal("VALIDATION_ERROR", "two fields") as object),
    errors: { size_gb: ["must be 1..500"], name: ["must not be empty"] },
  };
  const server = await ScriptedServer.start(t, [{ status: 422, json: body }]);
  await assert.rejects(server.client().volumes.create({ name: "" }), {
    fields: { size_gb: ["must be 1..500"], name: ["must not be empty"] },
  });
});

test("who holds a volume, what excludes an attachment, and when an object was deleted", async (t) => {
  const holders = [{ pid: 2864, command: "sleep 100" }];
  const attachment = { id: "a1", volume_id: "v1", computer_id: "c2" };
  const server = await ScriptedServer.start(t, [
    refused(409, "VOLUME_IN_USE", { details: { holders } }),
    refused(409, "VOLUME_IN_USE"),
    refused(409, "VOLUME_ATTACHED", { details: { attachment } }),
    refused(404, "NOT_FOUND", { details: { deleted_at: "2026-05-17T10:00:00Z" } }),
  ]);
  const { volumes } = server.client();
  const errorOf = (call: Promise<unknown>) =>
    call.then(
      () => assert.fail("it was not refused"),
      (error: unknown) => error,
    );

  const inUse = await errorOf(volumes.detach("a1"));
  assert.ok(inUse instanceof VolumeInUseError && inUse instanceof ConflictError);
  assert.deepEqual(inUse.holders, holders);
  const attached = await errorOf(volumes.delete("v1"));
  assert.ok(attached instanceof VolumeInUseError);
  assert.deepEqual(attached.holders, []);
  const taken = await errorOf(volumes.attach("c1", { volume_id: "v1" }));
  assert.ok(taken instanceof VolumeAttachedError);
  assert.deepEqual(taken.attachment, attachment);
  const gone = await errorOf(volumes.get("v1"));
  assert.ok(gone instanceof NotFoundError);
  assert.equal(gone.deletedAt, "2026-05-17T10:00:00Z");
});

test("a refusal by somebody between here and the server still says which call and what", async (t) => {
  const server = await ScriptedServer.start(t, [
    (response) => void response.writeHead(413, "Too Large", { "x-request-id": "req_of_proxy" }).end("<html>"),
  ]);
  await assert.rejects(server.client().volumes.create({ name: "weights" }), {
    status: 413,
    code: "HTTP_413",
    message: "POST /volumes: 413 Too Large",
    requestId: "req_of_proxy",
    details: {},
    fields: {},
    retryable: false,
  });
});

test("an error that is a word, as of the device login, is read too", async (t) => {
  const server = await ScriptedServer.start(t, [
    { status: 400, json: { error: "authorization_pending", message: "not yet" } },
  ]);
  await assert.rejects(server.client().volumes.get("v1"), { code: "HTTP_400", message: "not yet" });
});

test("the key is in nothing that may be logged", async (t) => {
  const server = await ScriptedServer.start(t, [refused(401, "invalid_token"), lost, () => undefined]);
  const miosa = server.client({ maxRetries: 0, timeoutMs: 20 });
  const errors: unknown[] = [];
  for (let call = 0; call < 3; call += 1) {
    await miosa.volumes.get("v1").catch((error: unknown) => errors.push(error));
  }
  assert.equal(errors.length, 3);
  for (const thing of [miosa, miosa.volumes, miosa.volumes.list(), ...errors]) {
    const shown = inspect(thing, { depth: Infinity, showHidden: true }) + JSON.stringify(thing) + String(thing);
    assert.ok(!shown.includes(KEY), shown);
    assert.ok(!shown.includes(KEY.slice(6, 20)), shown);
  }
});

test("a key that no header can carry is refused without showing it", () => {
  for (const apiKey of ["msk_u_secret\nsecret", "msk_u_secret secret", "msk_u_sécret"]) {
    assert.throws(
      () => new Miosa({ apiKey }),
      (error) => error instanceof ConfigurationError && !inspect(error).includes("cret"),
    );
  }
});
