/** Aim: every method makes the call of the API that it is named after. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Miosa } from "@miosa/sdk";
import { ScriptedServer, page } from "../support/scripted-server.js";

type Case = [call: (miosa: Miosa) => PromiseLike<unknown>, request: string, body?: unknown];

const CASES: Case[] = [
  [({ volumes }) => volumes.list(), "GET /volumes"],
  [({ volumes }) => volumes.create({ name: "w", sizeGb: 1 }), "POST /volumes", { name: "w", sizeGb: 1 }],
  [({ volumes }) => volumes.get("v"), "GET /volumes/v"],
  [({ volumes }) => volumes.update("v", { name: "w" }), "PATCH /volumes/v", { name: "w" }],
  [({ volumes }) => volumes.delete("v"), "DELETE /volumes/v"],
  [({ volumes }) => volumes.delete("v", { purge: true }), "DELETE /volumes/v?purge=true"],
  [({ volumes }) => volumes.undelete("v"), "POST /volumes/v/undelete"],
  [({ volumes }) => volumes.resize("v", { size_gb: 2 }), "POST /volumes/v/resize", { size_gb: 2 }],
  [({ volumes }) => volumes.clone("v"), "POST /volumes/v/clone", {}],
  [({ volumes }) => volumes.restore("v", "s", { force: true }), "POST /volumes/v/snapshots/s/restore", { force: true }],
  [({ volumes }) => volumes.compact("v"), "POST /volumes/v/compact"],
  [({ volumes }) => volumes.events("v"), "GET /volumes/v/events"],
  [({ volumes }) => volumes.listAttachments("c"), "GET /computers/c/volumes"],
  [({ volumes }) => volumes.attach("c", { volume_id: "v" }), "POST /computers/c/volumes", { volume_id: "v" }],
  [({ volumes }) => volumes.getAttachment("a"), "GET /volume-attachments/a"],
  [({ volumes }) => volumes.detach("a"), "DELETE /volume-attachments/a"],
  [({ volumes }) => volumes.detach("a", { force: true }), "DELETE /volume-attachments/a?force=true"],
  [({ snapshots }) => snapshots.list(), "GET /volume-snapshots"],
  [({ snapshots }) => snapshots.create("v"), "POST /volumes/v/snapshots", {}],
  [({ snapshots }) => snapshots.get("s"), "GET /volume-snapshots/s"],
  [({ snapshots }) => snapshots.update("s", { name: "n" }), "PATCH /volume-snapshots/s", { name: "n" }],
  [({ snapshots }) => snapshots.delete("s"), "DELETE /volume-snapshots/s"],
  [({ snapshots }) => snapshots.restore("s", { name: "n" }), "POST /volume-snapshots/s/restore", { name: "n" }],
  [({ snapshots }) => snapshots.verify("s"), "POST /volume-snapshots/s/verify"],
  [({ snapshots }) => snapshots.diff("s", { to: "t" }), "GET /volume-snapshots/s/diff?to=t"],
  [({ snapshots }) => snapshots.prune({ dryRun: true }), "POST /volume-snapshots/prune", { dryRun: true }],
  [({ snapshots }) => snapshots.files.list("s"), "GET /volume-snapshots/s/files"],
  [({ snapshots }) => snapshots.files.stat("s", { path: "/f" }), "GET /volume-snapshots/s/files/stat?path=%2Ff"],
  [
    ({ snapshots }) => snapshots.files.download("s", { pathBase64: "L2Y=" }),
    "GET /volume-snapshots/s/files/download?path_base64=L2Y%3D",
  ],
  [({ computers }) => computers.list({ status: "running" }), "GET /computers?status=running"],
  [({ computers }) => computers.create(), "POST /computers", {}],
  [({ computers }) => computers.get("c"), "GET /computers/c"],
  [({ computers }) => computers.update("c", { name: "n" }), "PATCH /computers/c", { name: "n" }],
  [({ computers }) => computers.delete("c", { force: true }), "DELETE /computers/c?force=true"],
  [({ computers }) => computers.start("c"), "POST /computers/c/start"],
  [({ computers }) => computers.stop("c"), "POST /computers/c/stop"],
  [({ computers }) => computers.restart("c"), "POST /computers/c/restart"],
  [({ computers }) => computers.exec("c", { command: "x" }), "POST /computers/c/exec", { command: "x" }],
  [({ computers }) => computers.python("c", { code: "x" }), "POST /computers/c/exec/python", { code: "x" }],
  [({ computers }) => computers.logs("c", { lines: 3 }), "GET /computers/c/logs?lines=3"],
  [({ services }) => services.list({ projectId: "p" }), "GET /services?project_id=p"],
  [({ services }) => services.create({ name: "n", replicas: 2 }), "POST /services", { name: "n", replicas: 2 }],
  [({ services }) => services.get("s"), "GET /services/s"],
  [
    ({ services }) => services.update("s", { volumes: [{ dataServiceId: "v", mountPath: "/m" }] }),
    "PATCH /services/s",
    { volumes: [{ dataServiceId: "v", mountPath: "/m" }] },
  ],
  [({ services }) => services.delete("s"), "DELETE /services/s"],
  [({ services }) => services.deploy("s", { message: "m" }), "POST /services/s/deployments", { message: "m" }],
  [({ services }) => services.start("s"), "POST /services/s/start", {}],
  [({ services }) => services.stop("s"), "POST /services/s/stop"],
  [({ services }) => services.restart("s"), "POST /services/s/restart", {}],
  [({ services }) => services.scale("s", { replicas: 3 }), "POST /services/s/scale", { replicas: 3 }],
  [({ services }) => services.promote("s", { number: 2 }), "POST /services/s/promote", { number: 2 }],
  [({ services }) => services.rollback("s", { restoreData: true }), "POST /services/s/rollback", { restoreData: true }],
  [({ services }) => services.instances("s"), "GET /services/s/instances"],
  [({ services }) => services.logs("s", { replica: 1, since: "t" }), "GET /services/s/logs?since=t&replica=1"],
  [({ services }) => services.releases.list("s"), "GET /services/s/deployments"],
  [({ services }) => services.releases.get("s", "r"), "GET /services/s/deployments/r"],
  [({ services }) => services.releases.events("s", "r"), "GET /services/s/deployments/r/events"],
  [({ services }) => services.releases.cancel("r"), "POST /service-deployments/r/cancel"],
  [({ services }) => services.variables.list("s"), "GET /services/s/variables"],
  [
    ({ services }) => services.variables.set("s", { A: "b", C: null }),
    "PUT /services/s/variables",
    { variables: { A: "b", C: null } },
  ],
  [({ services }) => services.variables.delete("s", ["A", "B"]), "DELETE /services/s/variables/A%2CB"],
  [({ services }) => services.variables.effective("s"), "GET /services/s/variables/effective"],
  [({ deployments }) => deployments.list({ projectId: "p" }), "GET /deployments?project_id=p"],
  [({ deployments }) => deployments.create({ name: "n" }), "POST /deployments", { name: "n" }],
  [({ deployments }) => deployments.get("d"), "GET /deployments/d"],
  [({ deployments }) => deployments.update("d", { name: "n" }), "PATCH /deployments/d", { name: "n" }],
  [({ deployments }) => deployments.delete("d"), "DELETE /deployments/d"],
  [
    ({ deployments }) => deployments.rollback("d", { versionId: "v" }),
    "POST /deployments/d/rollback",
    { versionId: "v" },
  ],
  [({ deployments }) => deployments.scale("d", { instances: 2 }), "POST /deployments/d/scale", { instances: 2 }],
  [({ deployments }) => deployments.redeploy("d"), "POST /deployments/d/redeploy", {}],
  [({ deployments }) => deployments.stop("d"), "POST /deployments/d/stop"],
  [({ deployments }) => deployments.logs("d", { lines: 3 }), "GET /deployments/d/logs?lines=3"],
  [({ deployments }) => deployments.versions.list("d"), "GET /deployments/d/versions"],
  [({ deployments }) => deployments.versions.get("d", "v"), "GET /deployments/d/versions/v"],
  [({ deployments }) => deployments.versions.promote("d", "v"), "POST /deployments/d/versions/v/promote", {}],
  [({ deployments }) => deployments.runtimeInstances.list("d"), "GET /deployments/d/runtime-instances"],
  [({ deployments }) => deployments.runtimeInstances.get("d", "i"), "GET /deployments/d/runtime-instances/i"],
  [
    ({ deployments }) => deployments.runtimeInstances.logs("d", "i", { lines: 3 }),
    "GET /deployments/d/runtime-instances/i/logs?lines=3",
  ],
  [({ projects }) => projects.list(), "GET /projects"],
  [({ projects }) => projects.create({ name: "n" }), "POST /projects", { name: "n" }],
  [({ projects }) => projects.get("default"), "GET /projects/default"],
  [({ projects }) => projects.update("p", { name: "n" }), "PATCH /projects/p", { name: "n" }],
  [({ projects }) => projects.delete("p"), "DELETE /projects/p"],
  [({ projects }) => projects.environments("p"), "GET /projects/p/environments"],
  [({ projects }) => projects.capabilities(), "GET /project-capabilities"],
  [({ projects }) => projects.dataServices.list("p"), "GET /projects/p/data-services"],
  [
    ({ projects }) => projects.dataServices.create("p", { name: "n", type: "volume", size: "small" }),
    "POST /projects/p/data-services",
    { name: "n", type: "volume", size: "small" },
  ],
  [({ projects }) => projects.dataServices.get("v"), "GET /data-services/v"],
  [
    ({ projects }) => projects.dataServices.update("v", { snapshot_schedule: "0 4 * * *", snapshot_retention_days: 7 }),
    "PATCH /data-services/v",
    { snapshot_schedule: "0 4 * * *", snapshot_retention_days: 7 },
  ],
  [({ projects }) => projects.dataServices.delete("v"), "DELETE /data-services/v"],
];

for (const [call, request, body] of CASES) {
  test(request, async (t) => {
    const server = await ScriptedServer.start(t, [page([], null)]);
    await call(server.client());
    assert.deepEqual(server.calls, [request.replace(" ", " /api/v1")]);
    assert.deepEqual(server.seen[0]?.body, body);
  });
}

test("every method is among these", async () => {
  const { readFile } = await import("node:fs/promises");
  const covered = CASES.map(([call]) => String(call)).join();
  // These make no call of their own, or one that the tests of events and waits look at.
  const elsewhere = /^(constructor|waitUntil\w+|followLogs|execStream)$/;
  for (const noun of ["volumes", "snapshots", "computers", "services", "deployments", "projects", "data-services"]) {
    const source = await readFile(new URL(`../../src/${noun}.ts`, import.meta.url), "utf8");
    for (const [, method = ""] of source.matchAll(/^  (?:async )?\*?(\w+)\(/gm)) {
      if (!elsewhere.test(method)) assert.match(covered, new RegExp(String.raw`\.${method}\(`), `${noun}.${method}`);
    }
  }
});
