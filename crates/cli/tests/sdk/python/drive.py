"""Drives a server through the published Python SDK, unchanged, as a program of its users would.

The server's URL and key are in MIOSA_BASE_URL and MIOSA_API_KEY. Exits with 0 if every call returned what the SDK's own documentation
promises; the first one that did not ends the program with a traceback.
"""

import asyncio
import importlib.metadata
import os
import time

import miosa
from miosa import AsyncMiosa, Miosa
from miosa.errors import AuthenticationError, MiosaError, NotFoundError, ResourceStateError, ValidationError

# Exits on SIGTERM at once, so that no stop lasts its whole grace period.
STAY = "trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done"
NO_SUCH_ID = "00000000-0000-4000-8000-000000000000"


def refused(error, call, *arguments, code=None, status=None, **keywords):
    """Asserts that the call raises exactly this class of error, with this code and status. Returns the error."""
    try:
        returned = call(*arguments, **keywords)
    except MiosaError as raised:
        assert type(raised) is error, repr(raised)
        assert code is None or raised.code == code, repr(raised)
        assert status is None or raised.status_code == status, repr(raised)
        assert raised.request_id, f"no request ID in {raised!r}"
        return raised
    raise AssertionError(f"{call} returned {returned!r}")


def volumes_and_computers(client):
    volume = client.volumes.create(name="weights", size_gb=1)
    assert (volume["name"], volume["size_gb"], volume["status"]) == ("weights", 1, "available"), volume
    assert client.volumes.get(volume["id"])["id"] == volume["id"]
    assert [found["name"] for found in client.volumes.list()] == ["weights"]
    assert client.volumes.list(status="attached") == []

    computer = client.computers.create("box", size="small", metadata={"made": "by-sdk"}, env={"GREETING": "hello"})
    computer.wait_until_ready(timeout=120, poll_interval=0.05)
    assert (computer.name, computer.refresh().status) == ("box", "running")
    assert [found.id for found in client.computers.list()] == [computer.id]
    assert client.computers.get(computer.id).data.metadata == {"made": "by-sdk"}
    assert client.computers.update(computer.id, name="bigger-box").name == "bigger-box"
    assert computer.bash("echo $GREETING").output.strip() == "hello"

    attachment = client.volumes.attach(computer.id, volume["id"], "/mnt/weights")
    assert (attachment["mount_path"], attachment["state"]) == ("/mnt/weights", "attached"), attachment
    assert [found["id"] for found in client.volumes.list_attachments(computer.id)] == [attachment["id"]]
    done = computer.exec.bash("echo kept > /mnt/weights/file; cat /mnt/weights/file; echo oops >&2; exit 3")
    assert (done.exit_code, done.output, done.success, done.stderr) == (3, "kept\n", False, "oops\n"), done
    conflict = refused(MiosaError, client.volumes.attach, computer.id, volume["id"], code="VOLUME_ATTACHED", status=409)
    assert conflict.body["error"]["details"]["attachment"]["id"] == attachment["id"], conflict.body
    refused(MiosaError, client.volumes.delete, volume["id"], code="VOLUME_IN_USE", status=409)
    client.volumes.detach(computer.id, attachment["id"])
    assert client.volumes.list_attachments(computer.id) == []
    assert computer.bash("test -e /mnt/weights/file").exit_code == 1

    # The same through the computer's own handle, and without a path.
    attachment = computer.attach_volume(volume["id"], "/srv/weights")
    assert [found["id"] for found in computer.list_volumes()] == [attachment["id"]]
    assert computer.stop().status == "stopped"
    refused(ResourceStateError, computer.bash, "true", code="RESOURCE_STATE", status=409)
    assert computer.start().success
    computer.wait_until_ready(timeout=120, poll_interval=0.05)
    assert computer.restart().success
    computer.wait_until_ready(timeout=120, poll_interval=0.05)
    assert computer.bash("cat /srv/weights/file").output == "kept\n"
    assert isinstance(computer.logs.get(), (dict, list))
    computer.detach_volume(attachment["id"])
    assert client.volumes.attach(computer.id, volume["id"])["mount_path"] == "/mnt/data"
    assert computer.destroy().success

    wait_for_status(client, volume["id"], "available")
    client.volumes.delete(volume["id"])
    refused(NotFoundError, client.volumes.get, volume["id"], code="NOT_FOUND")
    assert client.volumes.list() == []


def wait_for_status(client, volume_id, status):
    """The end of a computer detaches its volumes in the background."""
    while client.volumes.get(volume_id)["status"] != status:
        time.sleep(0.05)


def errors(client):
    refused(ValidationError, client.volumes.create, name="", size_gb=1, code="VALIDATION_ERROR", status=422)
    refused(ValidationError, client.volumes.create, name="huge", size_gb=501, code="VALIDATION_ERROR")
    refused(NotFoundError, client.volumes.get, NO_SUCH_ID, code="NOT_FOUND", status=404)
    refused(NotFoundError, client.computers.get, NO_SUCH_ID, code="NOT_FOUND")
    refused(NotFoundError, client.services.get, NO_SUCH_ID, code="NOT_FOUND")
    refused(NotFoundError, client.projects.get, NO_SUCH_ID, code="NOT_FOUND")
    refused(NotFoundError, client.deployments.get, NO_SUCH_ID, code="NOT_FOUND")
    with Miosa(api_key="msk_u_" + "x" * 40) as stranger:
        refused(AuthenticationError, stranger.volumes.list, code="invalid_token", status=401)


def projects_and_data_services(client):
    project = client.projects.create("Clinic", description="of tests", metadata={"team": "one"})
    assert client.projects.get(project["id"])["description"] == "of tests"
    assert client.projects.update(project["id"], name="Clinic IQ")["name"] == "Clinic IQ"
    assert project["id"] in [found["id"] for found in client.projects.list()]
    assert [found["project_id"] for found in client.projects.environments(project["id"])] == [project["id"]]
    assert client.projects.capabilities()["data_service_types"] == ["volume"]

    # The SDK has no calls for data services, so its transport makes them.
    call = client._transport.request
    base = f"/projects/{project['id']}/data-services"
    made = call("POST", base, json_body={"name": "pages", "type": "volume", "size": 1})["data"]
    assert (made["name"], made["size_gb"], made["project_id"]) == ("pages", 1, project["id"]), made
    assert [found["id"] for found in call("GET", base)["data"]] == [made["id"]]
    changes = {"snapshot_schedule": "0 4 * * *"}
    assert call("PATCH", f"/data-services/{made['id']}", json_body=changes)["snapshot_schedule"] == "0 4 * * *"
    assert client.volumes.get(made["id"])["name"] == "pages"
    call("DELETE", f"/projects/data-services/{made['id']}")
    refused(NotFoundError, client.volumes.get, made["id"], code="NOT_FOUND")
    client.projects.delete(project["id"])
    refused(NotFoundError, client.projects.get, project["id"], code="NOT_FOUND")


def services(client):
    project = client.projects.create("Shop")
    volume = client.volumes.create(name="orders", size_gb=1)
    command = f"echo release $MIOSA_RELEASE; echo $MIOSA_RELEASE $COLOR >> /data/log; sync; {STAY}"
    service = client.services.create(
        project["id"],
        "API",
        type="worker",
        source={"type": "template", "ref": "miosa-default"},
        settings={
            "start_command": command,
            "volumes": [{"dataServiceId": volume["id"], "mountPath": "/data"}],
        },
    )
    sid = service["id"]
    assert (service["name"], service["project_id"]) == ("API", project["id"]), service
    first = wait_for_newest(client, sid, 1)
    assert [found["id"] for found in client.services.list(project["id"])] == [sid]
    assert client.services.get(sid)["state"] == "running"

    assert client.services.set_variables(sid, {"COLOR": "red", "SIZE": "9"})
    assert {found["name"] for found in client.services.variables(sid)} == {"COLOR", "SIZE"}
    client.services.delete_variables(sid, ["SIZE"])
    assert client.services.get(sid)["pending_changes"], "a changed variable waits for the next release"
    release = client.services.deploy(sid, message="red")
    assert client.services.release(sid, release["id"])["message"] == "red"
    second = wait_for_newest(client, sid, 2)
    assert second["id"] == release["id"]
    assert client.services.get(sid)["pending_changes"] is None
    assert client.services.events(sid, second["id"])
    effective = {found["name"]: found["value"] for found in client.services.effective_variables(sid)}
    assert (effective["COLOR"], effective["MIOSA_RELEASE"]) == ("red", "2"), effective

    scaled = client.services.scale(sid, replicas=2, idempotency_key="scale-once")
    assert client.services.scale(sid, replicas=2, idempotency_key="scale-once")["id"] == scaled["id"]
    wait_for_replicas(client, sid, 2)
    lock_version = client.services.get(sid)["lock_version"]
    assert client.services.update(sid, name="API two", lock_version=lock_version)["name"] == "API two"
    stale = refused(MiosaError, client.services.update, sid, name="late", lock_version=lock_version, status=409)
    assert stale.code == "STALE_SERVICE", stale
    refused(MiosaError, client.services.start, sid, code="SERVICE_STATE", status=409)

    # A release that fails is reported with its reason, and the good one is served again.
    client.services.update(sid, settings={"start_command": "exit 7"})
    bad = client.services.deploy(sid)
    try:
        client.services.wait_for_release(sid, bad["id"], timeout=120, interval=0.05)
        raise AssertionError("a release that exits is active")
    except MiosaError as failed:
        assert failed.code == "RELEASE_FAILED", repr(failed)
    client.services.update(sid, settings={"start_command": command})

    rolled = client.services.rollback(first["id"], idempotency_key="back-to-one")
    client.services.wait_for_release(sid, rolled["id"], timeout=120, interval=0.05)
    rolled = client.services.redeploy_release(second["id"])
    client.services.wait_for_release(sid, rolled["id"], timeout=120, interval=0.05)
    restarted = client.services.restart(sid)
    client.services.wait_for_release(sid, restarted["id"], timeout=120, interval=0.05)
    redeployed = client.services.redeploy(sid)
    client.services.wait_for_release(sid, redeployed["id"], timeout=120, interval=0.05)
    numbers = [found["number"] for found in client.services.releases(sid)]
    assert numbers == sorted(numbers, reverse=True) and len(numbers) >= 6, numbers
    refused(MiosaError, client.services.cancel_release, redeployed["id"], code="RELEASE_STATE", status=409)

    deployments(client, sid)
    assert client.services.stop(sid)["stopped"] == 2
    assert client.services.start(sid)
    wait_for_replicas(client, sid, 2)
    client.services.delete(sid)
    while sid in [found["id"] for found in client.services.list(project["id"])]:
        time.sleep(0.05)
    refused(NotFoundError, client.services.get, sid, code="NOT_FOUND")
    for left in client.volumes.list():
        wait_for_status(client, left["id"], "available")
        client.volumes.delete(left["id"])
    client.projects.delete(project["id"])


def wait_for_newest(client, service_id, number):
    """Waits for the newest release, which must have this number, and returns it."""
    newest = client.services.releases(service_id)[0]
    assert newest["number"] == number, newest
    return client.services.wait_for_release(service_id, newest["id"], timeout=120, interval=0.05)


def wait_for_replicas(client, service_id, replicas):
    while client.services.get(service_id)["ready_replicas"] != replicas:
        time.sleep(0.05)


def deployments(client, service_id):
    """The deployments API shows the same service, release and replicas."""
    assert service_id in [found.id for found in client.deployments.list()]
    deployment = client.deployments.get(service_id)
    assert deployment.state.value == "running", deployment
    assert client.deployments.update(service_id, name="API three").name == "API three"
    versions = client.deployments.versions(service_id)
    active = next(found for found in versions.list() if found.id == deployment.active_version_id)
    assert versions.get(active.id).version_number == active.version_number
    releases = client.deployments.releases(service_id)
    assert releases.get(releases.list()[0].id).id == releases.list()[0].id
    instances = client.deployments.runtime_instances(service_id)
    healthy = [found for found in instances.list() if found.state.value == "healthy"]
    assert len(healthy) == 2, healthy
    assert instances.get(healthy[0].id).id == healthy[0].id
    assert instances.logs(healthy[0].id)["logs"].startswith("release "), instances.logs(healthy[0].id)
    assert all(line["line"].startswith("release ") for line in client.deployments.get_logs(service_id, lines=10))
    for call in (
        lambda: client.deployments.redeploy(service_id),
        lambda: client.deployments.rollback(service_id),
        lambda: versions.promote(active.id),
    ):
        assert call().id == service_id
        newest = client.services.releases(service_id)[0]
        client.services.wait_for_release(service_id, newest["id"], timeout=120, interval=0.05)
    wait_for_replicas(client, service_id, 2)


async def asynchronous():
    async with AsyncMiosa() as client:
        volume = await client.volumes.create(name="async", size_gb=1)
        computer = await client.computers.create("async-box")
        await computer.wait_until_ready(timeout=120, poll_interval=0.05)
        attachment = await client.volumes.attach(computer.id, volume["id"], "/mnt/data")
        assert (await computer.bash("echo here > /mnt/data/file; cat /mnt/data/file")).output == "here\n"
        await client.volumes.detach(computer.id, attachment["id"])
        await computer.destroy()
        await client.volumes.delete(volume["id"])


def main():
    assert importlib.metadata.version("miosa") == "2.19.2", miosa.__file__
    # The SDK appends /api/v1 itself, and takes a base that has it.
    for base in (os.environ["MIOSA_BASE_URL"], os.environ["MIOSA_BASE_URL"] + "/api/v1"):
        with Miosa(base_url=base) as client:
            volumes_and_computers(client)
    with Miosa() as client:
        errors(client)
        projects_and_data_services(client)
        services(client)
    asyncio.run(asynchronous())


main()
