/** Aim: a list gives every object once, and asks for no more pages than somebody wants. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ScriptedServer, page, refused } from "../support/scripted-server.js";

const [A, B, C] = ["a", "b", "c"].map((id) => ({ id }));

test("awaited, it is its first page, which leads to the next", async (t) => {
  const server = await ScriptedServer.start(t, [page([A, B], "after-b", 3), page([C], null, 3)]);
  const first = await server.client().volumes.list({ limit: 2, page: 1, name: "x" });
  assert.deepEqual(first.data, [A, B]);
  assert.equal(first.total, 3);
  const second = await first.next();
  assert.deepEqual(second?.data, [C]);
  assert.equal(second.nextCursor, undefined);
  assert.equal(await second.next(), undefined);
  // The filter and the size stay; a page by number would contradict the cursor.
  assert.deepEqual(server.calls, [
    "GET /api/v1/volumes?limit=2&page=1&name=x",
    "GET /api/v1/volumes?limit=2&name=x&cursor=after-b",
  ]);
});

test("iterated, it is every object of all pages", async (t) => {
  const server = await ScriptedServer.start(t, [page([A], "after-a"), page([], "after-nothing"), page([B, C], null)]);
  const seen: unknown[] = [];
  for await (const volume of server.client().volumes.list()) seen.push(volume);
  assert.deepEqual(seen, [A, B, C]);
  assert.deepEqual(server.calls, [
    "GET /api/v1/volumes",
    "GET /api/v1/volumes?cursor=after-a",
    "GET /api/v1/volumes?cursor=after-nothing",
  ]);
});

test("all of them at once", async (t) => {
  const server = await ScriptedServer.start(t, [page([A], "after-a"), page([B], null)]);
  assert.deepEqual(await server.client().snapshots.list({ volumeId: "v1" }).all(), [A, B]);
  assert.equal(server.calls[1], "GET /api/v1/volume-snapshots?volume_id=v1&cursor=after-a");
});

test("a list that nobody looks at is not asked for, and one that is left early asks no further", async (t) => {
  const server = await ScriptedServer.start(t, [page([A, B], "after-b")]);
  const list = server.client().volumes.list();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(server.calls, []);
  for await (const volume of list) {
    assert.deepEqual(volume, A);
    break;
  }
  assert.equal((await list).data.length, 2, "the page that is there already");
  assert.equal(server.seen.length, 1);
});

test("a page that is refused ends the iteration with the refusal", async (t) => {
  const server = await ScriptedServer.start(t, [page([A], "after-a"), refused(422, "VALIDATION_ERROR")]);
  const seen: unknown[] = [];
  await assert.rejects(
    async () => {
      for await (const volume of server.client().volumes.list()) seen.push(volume);
    },
    { code: "VALIDATION_ERROR" },
  );
  assert.deepEqual(seen, [A]);
});

test("the signal counts for every page", async (t) => {
  const aborter = new AbortController();
  const server = await ScriptedServer.start(t, [page([A], "after-a"), page([B], null)]);
  const seen: unknown[] = [];
  await assert.rejects(
    async () => {
      for await (const volume of server.client().volumes.list({}, { signal: aborter.signal })) {
        seen.push(volume);
        aborter.abort();
      }
    },
    { name: "AbortError" },
  );
  assert.deepEqual(seen, [A]);
  assert.equal(server.seen.length, 1);
});

test("folders go on behind their last name", async (t) => {
  const part = (names: string[], next: string | null) => ({
    json: { data: names.map((name) => ({ name })), entries: [], path: "/d", next },
  });
  const server = await ScriptedServer.start(t, [part(["a", "b"], "b"), part(["c"], null)]);
  const names: string[] = [];
  for await (const { name } of server.client().snapshots.files.list("s1", { path: "/d" })) names.push(name);
  assert.deepEqual(names, ["a", "b", "c"]);
  assert.deepEqual(server.calls, [
    "GET /api/v1/volume-snapshots/s1/files?path=%2Fd",
    "GET /api/v1/volume-snapshots/s1/files?path=%2Fd&after=b",
  ]);
});
