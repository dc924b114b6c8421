/** Aim: a program finds its server and key where it was told to, and is told at once when it cannot. */

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { ConfigurationError, Miosa } from "@miosa/sdk";
import { ScriptedServer, twin } from "../support/scripted-server.js";

const NAMES = ["MIOSA_API_KEY", "MIOSA_ENDPOINT", "MIOSA_BASE_URL"];

function setEnvironment(test: TestContext, values: Record<string, string>): void {
  const before = NAMES.map((name) => [name, process.env[name]] as const);
  test.after(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
  for (const name of NAMES) delete process.env[name];
  Object.assign(process.env, values);
}

for (const name of ["MIOSA_ENDPOINT", "MIOSA_BASE_URL"]) {
  test(`key and address come from the environment: ${name}`, async (t) => {
    const server = await ScriptedServer.start(t, [twin({ id: "v1" })]);
    setEnvironment(t, { MIOSA_API_KEY: "msk_u_from_environment\n", [name]: `${server.origin}/api/v1` });
    await new Miosa().volumes.get("v1");
    assert.equal(server.seen[0]?.headers.authorization, "Bearer msk_u_from_environment");
  });
}

test("options win over the environment, and MIOSA_ENDPOINT over MIOSA_BASE_URL as for the command line", async (t) => {
  const server = await ScriptedServer.start(t, [twin({ id: "v1" }), twin({ id: "v1" })]);
  setEnvironment(t, {
    MIOSA_API_KEY: "msk_u_environment",
    MIOSA_ENDPOINT: server.origin,
    MIOSA_BASE_URL: "http://127.0.0.1:1",
  });
  await new Miosa({ apiKey: "msk_u_option", maxRetries: 0 }).volumes.get("v1");
  assert.equal(server.seen[0]?.headers.authorization, "Bearer msk_u_option");
  process.env["MIOSA_ENDPOINT"] = "http://127.0.0.1:1";
  await new Miosa({ baseUrl: server.origin, maxRetries: 0 }).volumes.get("v1");
  assert.equal(server.seen[1]?.headers.authorization, "Bearer msk_u_environment");
});

test("without a key there is no client", (t) => {
  setEnvironment(t, {});
  assert.throws(() => new Miosa(), { name: "ConfigurationError", message: /MIOSA_API_KEY/ });
  assert.throws(() => new Miosa({ apiKey: " " }), ConfigurationError);
});

test("where there is no process, the options alone do", async (t) => {
  const server = await ScriptedServer.start(t, [twin({ id: "v1" })]);
  const global = globalThis as { process?: unknown };
  const { process } = global;
  let miosa: Miosa;
  try {
    delete global.process;
    assert.throws(() => new Miosa(), ConfigurationError);
    miosa = server.client();
  } finally {
    global.process = process;
  }
  assert.equal((await miosa.volumes.get("v1")).id, "v1");
});

test("an address that cannot be one is refused", () => {
  for (const baseUrl of [
    "",
    "localhost:7420",
    "ftp://host",
    "http://user:secret@host",
    "http://host/?key=secret",
    "http://host/#x",
  ]) {
    assert.throws(
      () => new Miosa({ apiKey: "msk_u_x", baseUrl }),
      (error) =>
        error instanceof ConfigurationError && /baseUrl/.test(error.message) && !error.message.includes("secret"),
      baseUrl,
    );
  }
});

test("numbers that are none are refused", () => {
  for (const options of [{ timeoutMs: 0 }, { timeoutMs: NaN }, { maxRetries: -1 }, { retryDelayMs: -1 }]) {
    assert.throws(() => new Miosa({ apiKey: "msk_u_x", ...options }), ConfigurationError, JSON.stringify(options));
  }
});
