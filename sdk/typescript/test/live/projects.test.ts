/** Aim: projects hold what is made in them, and a deployment is the service by another name. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ConflictError, NotFoundError } from "@miosa/sdk";
import { fixture, leavingNothing, miosa, patience } from "../support/fixture.js";

test("a project holds what is made in it, and goes when it is empty", () =>
  leavingNothing(async () => {
    const { projects } = miosa;
    const project = await projects.create({ name: "shop", metadata: { team: "web" } });
    assert.deepEqual([project.name, project.metadata, project.is_default], ["shop", { team: "web" }, false]);
    assert.equal((await projects.update(project.id, { description: "everything" })).description, "everything");

    const volume = await projects.dataServices.create(project.id, { name: "data", size_gb: 1 });
    assert.equal(volume.project_id, project.id);
    assert.deepEqual(
      (await projects.dataServices.list(project.id).all()).map(({ id }) => id),
      [volume.id],
    );
    await assert.rejects(projects.delete(project.id), ConflictError);
    await miosa.volumes.waitUntilAvailable(volume.id);
    await projects.dataServices.delete(volume.id);
    assert.equal((await projects.delete(project.id)).deleted, true);
    await assert.rejects(projects.get(project.id), NotFoundError);
  }));

test("the default project stays, with its one environment", async () => {
  const { projects } = miosa;
  const project = await projects.get("default");
  assert.equal(project.is_default, true);
  await assert.rejects(projects.delete(project.id), ConflictError);
  const environments = await projects.environments(project.id).all();
  assert.deepEqual(
    environments.map(({ name }) => name),
    ["production"],
  );
  assert.ok((await projects.list().all()).some(({ id }) => id === project.id));
  assert.ok((await projects.capabilities()).data_service_types.includes("volume"));
});

test("a deployment is the service, its versions are the releases", () =>
  leavingNothing(async () => {
    const { deployments, services } = miosa;
    const { projectId } = await fixture("projectId");
    const source = { type: "template", ref: "miosa-default" } as const;
    const settings = (word: string) => ({ start_command: `echo ${word}; exec sleep 86400`, stop_grace_seconds: 1 });
    const deployment = await deployments.create({ name: "shop", projectId, source, settings: settings("one") });
    const { id } = deployment;
    assert.equal((await deployments.waitUntilRunning(id)).project_id, projectId);
    assert.equal((await services.get(id)).id, id);
    await services.deploy(id, { settings: settings("two") });
    await services.waitUntilActive(id);

    const versions = await deployments.versions.list(id).all();
    assert.deepEqual(
      versions.map(({ version_number, state }) => [version_number, state]),
      [
        [2, "ready"],
        [1, "archived"],
      ],
    );
    const first = await deployments.versions.get(id, versions[1]?.id ?? "");
    assert.equal(first.version_number, 1);
    assert.equal((await deployments.versions.promote(id, first.id)).id, id);
    assert.equal((await services.waitUntilActive(id)).serves_again, 1);
    assert.equal((await deployments.rollback(id, { versionId: versions[0]?.id })).id, id);
    assert.equal((await services.waitUntilActive(id)).serves_again, 2);

    await deployments.scale(id, { instances: 2 });
    assert.equal((await deployments.waitUntilRunning(id)).ready_instances, 2);
    const instances = await deployments.runtimeInstances.list(id).all();
    assert.deepEqual(
      instances.map(({ replica, state }) => [replica, state]),
      [
        [0, "healthy"],
        [1, "healthy"],
      ],
    );
    const [instance] = instances;
    assert.ok(instance);
    assert.equal((await deployments.runtimeInstances.get(id, instance.id)).id, instance.id);
    assert.match((await deployments.runtimeInstances.logs(id, instance.id)).logs, /two/);
    assert.ok((await deployments.logs(id)).some(({ line }) => line === "two"));
    for await (const { line } of deployments.followLogs(id, { signal: patience() })) if (line === "two") break;

    assert.equal((await deployments.update(id, { name: "renamed" })).name, "renamed");
    assert.ok((await deployments.list({ projectId }).all()).some((one) => one.id === id));
    assert.equal((await deployments.redeploy(id)).id, id);
    await services.waitUntilActive(id);
    assert.equal((await deployments.stop(id)).id, id);
    assert.equal((await deployments.delete(id)).deleted, true);
  }));
