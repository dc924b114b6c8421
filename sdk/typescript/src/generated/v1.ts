// Written by `npm run generate` from openapi/v1.json.

export interface paths {
    "/computers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List computers, newest first. */
        get: operations["list_computers"];
        put?: never;
        /** Create a computer. It boots by itself. */
        post: operations["create_computer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/computers/{computer_id}/volumes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List a computer's attachments, newest first. */
        get: operations["list_attachments"];
        put?: never;
        /**
         * Attach a volume to a computer, running or stopped.
         * @description The answer waits until the files are visible inside, for at most 15 seconds; after that it is `attaching`.
         */
        post: operations["attach_volume"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/computers/{computer_id}/volumes/{attachment_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get one of a computer's attachments. */
        get: operations["get_computer_attachment"];
        put?: never;
        post?: never;
        /**
         * Detach a volume from a computer.
         * @description Everything written is flushed first. While processes hold files open, the call waits up to 5 seconds for them, then answers
         *     `VOLUME_IN_USE` with the processes in `details.holders` and changes nothing.
         */
        delete: operations["detach_volume"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/computers/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a computer. */
        get: operations["get_computer"];
        /**
         * Change a computer's name, visibility or metadata.
         * @description The same as `PATCH`: fields left out stay as they are.
         */
        put: operations["replace_computer"];
        /**
         * Change a computer's name, visibility or metadata.
         * @description The same as `PATCH`: fields left out stay as they are.
         */
        post: operations["post_computer"];
        /** Destroy a computer. Its attachments go with it; its volumes stay. */
        delete: operations["delete_computer"];
        options?: never;
        head?: never;
        /** Change a computer's name, visibility or metadata. */
        patch: operations["update_computer"];
        trace?: never;
    };
    "/computers/{id}/clone": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Copy a computer. Not available yet. */
        post: operations["clone_computer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/computers/{id}/exec": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Run a command in a computer.
         * @description A failing command is still a 200. With `Accept: text/event-stream` the answer is events `stdout {"data"}`,
         *     `stderr {"data"}` and `exit {"exit_code"}`.
         */
        post: operations["exec"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/computers/{id}/exec/python": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Run a Python program in a computer. */
        post: operations["exec_python"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/computers/{id}/logs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a computer's log. */
        get: operations["get_logs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/computers/{id}/logs/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Follow a computer's log as server-sent events.
         * @description Each event is a line; its `id` is the line's timestamp, and `Last-Event-ID` goes on from there.
         */
        get: operations["stream_logs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/computers/{id}/move": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Move a computer to another host. Not available yet. */
        post: operations["move_computer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/computers/{id}/resize": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Change a computer's size. Not available yet. */
        post: operations["resize_computer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/computers/{id}/restart": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Restart a computer. Its attachments keep their ids. */
        post: operations["restart_computer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/computers/{id}/start": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Start a computer. One that runs stays as it is. */
        post: operations["start_computer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/computers/{id}/stop": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Stop a computer. One that is stopped stays as it is. */
        post: operations["stop_computer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/data-services": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List data services, newest first. Takes the filters of `GET /volumes`, too. */
        get: operations["list_data_services"];
        put?: never;
        /**
         * Create a data service.
         * @description A volume: all fields of `POST /volumes`, and `type` and `size`. A name is made up when none is given.
         */
        post: operations["create_data_service"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/data-services/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a data service.
         * @description What is below `/volumes/{id}` is below this path as well, in all three spellings; `backups` there means `snapshots`.
         */
        get: operations["get_data_service"];
        /**
         * Change a data service.
         * @description The same as `PATCH`: fields left out stay as they are.
         */
        put: operations["replace_data_service"];
        post?: never;
        /** Move a data service to the trash. */
        delete: operations["delete_data_service"];
        options?: never;
        head?: never;
        /** Change a data service. */
        patch: operations["update_data_service"];
        trace?: never;
    };
    "/deployments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List deployments, newest first. */
        get: operations["list_deployments"];
        put?: never;
        /** Create a deployment, which is a service. With a source, version 1 is made and its instances start. */
        post: operations["create_deployment"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/deployments/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a deployment. */
        get: operations["get_deployment"];
        /**
         * Rename a deployment.
         * @description The same as `PATCH`: fields left out stay as they are.
         */
        put: operations["replace_deployment"];
        post?: never;
        /** Delete a deployment. Its instances end in the background; its volumes stay. */
        delete: operations["delete_deployment"];
        options?: never;
        head?: never;
        /** Rename a deployment. */
        patch: operations["update_deployment"];
        trace?: never;
    };
    "/deployments/{id}/logs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A deployment's log: a list, or events (followed) with `Accept: text/event-stream`. */
        get: operations["deployment_logs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/deployments/{id}/redeploy": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Deploy the present settings as a new version. */
        post: operations["redeploy_deployment"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/deployments/{id}/releases": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List a deployment's releases, newest first. */
        get: operations["list_deployment_releases"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/deployments/{id}/releases/{release_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a release of a deployment. */
        get: operations["get_deployment_release"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/deployments/{id}/releases/{release_id}/promote": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Serve a release again, under a new number. */
        post: operations["promote_deployment_release"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/deployments/{id}/rollback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Serve the version in `version_id` again, or the previous good one. */
        post: operations["rollback_deployment"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/deployments/{id}/runtime-instances": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List a deployment's runtime instances, by replica. */
        get: operations["list_deployment_instances"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/deployments/{id}/runtime-instances/{instance_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a runtime instance. */
        get: operations["get_deployment_instance"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/deployments/{id}/runtime-instances/{instance_id}/logs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What a runtime instance wrote, as one text. */
        get: operations["deployment_instance_logs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/deployments/{id}/scale": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Change how many instances there are. */
        post: operations["scale_deployment"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/deployments/{id}/stop": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Stop a deployment: it stays stopped until it is deployed again. */
        post: operations["stop_deployment"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/deployments/{id}/versions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List a deployment's versions, newest first. */
        get: operations["list_versions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/deployments/{id}/versions/{version_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a version. */
        get: operations["get_version"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/deployments/{id}/versions/{version_id}/promote": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Serve a version again, under a new number. */
        post: operations["promote_version"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/deployments/{id}/versions/{version_id}/release": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get the release of a version. */
        get: operations["get_version_release"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Does the server live? The spelling that the published clients use. */
        get: operations["health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Does the server live? */
        get: operations["healthz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Counts and latencies for Prometheus. */
        get: operations["metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This document. */
        get: operations["openapi_json"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/project-capabilities": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What projects of this server can have. */
        get: operations["project_capabilities"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/projects": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List projects, newest first. */
        get: operations["list_projects"];
        put?: never;
        /** Create a project. */
        post: operations["create_project"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/projects/data-services/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a data service of any project. */
        get: operations["get_any_data_service"];
        /**
         * Change a data service of any project.
         * @description The same as `PATCH`: fields left out stay as they are.
         */
        put: operations["replace_any_data_service"];
        post?: never;
        /** Move a data service of any project to the trash. */
        delete: operations["delete_any_data_service"];
        options?: never;
        head?: never;
        /** Change a data service of any project. */
        patch: operations["update_any_data_service"];
        trace?: never;
    };
    "/projects/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a project. */
        get: operations["get_project"];
        /**
         * Change a project.
         * @description The same as `PATCH`: fields left out stay as they are.
         */
        put: operations["replace_project"];
        post?: never;
        /** Delete a project that is empty: without volumes, computers and services. */
        delete: operations["delete_project"];
        options?: never;
        head?: never;
        /** Change a project. */
        patch: operations["update_project"];
        trace?: never;
    };
    "/projects/{id}/environments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List a project's environments: `production`. */
        get: operations["list_environments"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/projects/{project_id}/data-services": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List a project's data services, newest first. */
        get: operations["list_project_data_services"];
        put?: never;
        /** Create a data service in a project. */
        post: operations["create_project_data_service"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/projects/{project_id}/data-services/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a project's data service. */
        get: operations["get_project_data_service"];
        /**
         * Change a project's data service.
         * @description The same as `PATCH`: fields left out stay as they are.
         */
        put: operations["replace_project_data_service"];
        post?: never;
        /** Move a project's data service to the trash. */
        delete: operations["delete_project_data_service"];
        options?: never;
        head?: never;
        /** Change a project's data service. */
        patch: operations["update_project_data_service"];
        trace?: never;
    };
    "/projects/{project_id}/deployments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Create a deployment in a project. */
        post: operations["create_project_deployment"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/projects/{project_id}/services": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List a project's services, newest first. */
        get: operations["list_project_services"];
        put?: never;
        /** Create a service in a project. */
        post: operations["create_project_service"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Is the server ready for work? */
        get: operations["readyz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/releases/{release_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a release, whatever its deployment. */
        get: operations["get_any_release"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/service-deployments/{release_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** The same as `cancel`. */
        delete: operations["delete_release"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/service-deployments/{release_id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Give up a release that is not served yet; the last good one stays, or is served again. */
        post: operations["cancel_release"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/service-deployments/{release_id}/redeploy": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The same as `rollback`. */
        post: operations["redeploy_release"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/service-deployments/{release_id}/rollback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Serve a release again, under a new number. */
        post: operations["rollback_release"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/services": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List services, newest first. */
        get: operations["list_services"];
        put?: never;
        /** Create a service. With a source, release 1 is made and its replicas start. */
        post: operations["create_service"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/services/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a service. */
        get: operations["get_service"];
        /**
         * Change a service.
         * @description The same as `PATCH`: fields left out stay as they are.
         */
        put: operations["replace_service"];
        post?: never;
        /** Delete a service. Its replicas end in the background; its volumes stay. */
        delete: operations["delete_service"];
        options?: never;
        head?: never;
        /**
         * Change a service.
         * @description A changed list of volumes makes a release by itself and rolls the replicas; other changed settings wait in
         *     `pending_changes` for the next release. A stopped service stays stopped.
         */
        patch: operations["update_service"];
        trace?: never;
    };
    "/services/{id}/builds/{build_id}/logs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The log of a build, which is empty: nothing is built here, templates run as they are. */
        get: operations["build_logs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/services/{id}/deployments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List a service's releases, newest first. */
        get: operations["list_releases"];
        put?: never;
        /** Deploy: a new release with the service's present settings, and those of the body. */
        post: operations["deploy_service"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/services/{id}/deployments/{release_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a release. */
        get: operations["get_release"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/services/{id}/deployments/{release_id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What became of a release, oldest first; as events until it is settled with `Accept: text/event-stream`. */
        get: operations["list_release_events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/services/{id}/instances": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List a service's replicas, by index. */
        get: operations["list_instances"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/services/{id}/instances/{instance_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a replica. */
        get: operations["get_instance"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/services/{id}/logs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A service's log: a list, or events (followed) with `Accept: text/event-stream`. */
        get: operations["service_logs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/services/{id}/promote": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Serve an earlier release again, under a new number. */
        post: operations["promote_service"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/services/{id}/public-address": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Refused: services have no public addresses here. */
        put: operations["set_public_address"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/services/{id}/redeploy": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Deploy the service's present settings as a new release. */
        post: operations["redeploy_service"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/services/{id}/restart": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Restart a service: the active release once more, under a new number. */
        post: operations["restart_service"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/services/{id}/rollback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Serve the previous good release again, with its data if that is asked for. */
        post: operations["rollback_service"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/services/{id}/runtime-instances": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The same as `instances`. */
        get: operations["list_runtime_instances"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/services/{id}/scale": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Change how many replicas there are. What their volumes need is checked for all of them before anything changes. */
        post: operations["scale_service"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/services/{id}/start": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Start a stopped service: a release with its present settings. */
        post: operations["start_service"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/services/{id}/stop": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Stop a service: it stays stopped, whatever is changed, until it is started or deployed. */
        post: operations["stop_service"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/services/{id}/variables": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the variables that a service gives its replicas. */
        get: operations["list_variables"];
        /**
         * Set variables; those that are not named stay. What changes waits in `pending_changes` for the next release.
         * @description Also read: a list of names and values, there or as the whole body, and an object of names and values as the whole body. A null
         *     value removes a variable.
         */
        put: operations["set_variables"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/services/{id}/variables/effective": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List what replica 0 has in its environment: the variables of the release that is served, and those that the server adds. */
        get: operations["list_effective_variables"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/services/{id}/variables/{names}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Remove variables; one that is not there is removed already. */
        delete: operations["delete_variables"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volume-attachments/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get an attachment by its id alone. */
        get: operations["get_attachment"];
        put?: never;
        post?: never;
        /** Detach a volume by the attachment's id alone. */
        delete: operations["delete_attachment"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volume-snapshots": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the snapshots of all volumes, newest first, also of volumes that are gone. */
        get: operations["list_all_snapshots"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volume-snapshots/prune": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Remove the snapshots that have expired, as it also happens by itself; a dry run only says which. */
        post: operations["prune_snapshots"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volume-snapshots/{snapshot_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a snapshot, whether its volume is there or not. */
        get: operations["get_snapshot"];
        /**
         * Change a snapshot's name, metadata or protection. Its data never changes.
         * @description The same as `PATCH`: fields left out stay as they are.
         */
        put: operations["replace_snapshot"];
        post?: never;
        /** Delete a snapshot. The answer waits until its space is given back, for at most 15 seconds. */
        delete: operations["delete_snapshot"];
        options?: never;
        head?: never;
        /** Change a snapshot's name, metadata or protection. Its data never changes. */
        patch: operations["update_snapshot"];
        trace?: never;
    };
    "/volume-snapshots/{snapshot_id}/diff": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Say what differs between two snapshots of one volume.
         * @description As seen from the first one: a file that only `to` has is added.
         */
        get: operations["diff_snapshots"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volume-snapshots/{snapshot_id}/files": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List a folder in a snapshot.
         * @description In the order of the names. The list of what is not a folder is that one entry; a symlink is shown, not followed.
         */
        get: operations["list_snapshot_files"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volume-snapshots/{snapshot_id}/files/download": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Download a file from a snapshot.
         * @description `Range: bytes=from-to` answers a part of it. A symlink is followed inside the snapshot; then the whole file comes, without a
         *     `Content-Length`.
         */
        get: operations["download_snapshot_file"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volume-snapshots/{snapshot_id}/files/stat": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Look at one file or folder in a snapshot. */
        get: operations["stat_snapshot_file"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volume-snapshots/{snapshot_id}/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Restore a snapshot as a new volume, whether its own is there or not. */
        post: operations["restore_snapshot"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volume-snapshots/{snapshot_id}/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Compare a snapshot's data with the checksum that it was taken with.
         * @description The answer waits until that is done, for at most 15 seconds; after that `verification` is `running`.
         */
        post: operations["verify_snapshot"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volumes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List volumes, newest first. */
        get: operations["list_volumes"];
        put?: never;
        /**
         * Create a volume.
         * @description The answer waits until the volume is durable on its host, for at most 15 seconds; after that it is `creating`.
         */
        post: operations["create_volume"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volumes/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a volume. */
        get: operations["get_volume"];
        /**
         * Change a volume: its name, metadata, delete protection, snapshot schedule, retention or hooks.
         * @description The same as `PATCH`: fields left out stay as they are.
         */
        put: operations["replace_volume"];
        post?: never;
        /**
         * Move a volume to the trash.
         * @description It answers 404 from then on and can be brought back with `undelete` while the trash keeps it.
         */
        delete: operations["delete_volume"];
        options?: never;
        head?: never;
        /** Change a volume: its name, metadata, delete protection, snapshot schedule, retention or hooks. */
        patch: operations["update_volume"];
        trace?: never;
    };
    "/volumes/{id}/clone": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Fork a volume as it is now, or as one of its snapshots was: a writable volume, independent from then on. */
        post: operations["clone_volume"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volumes/{id}/compact": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Compact a volume's image, so that its writers hardly wait for the next snapshot. They go on meanwhile.
         * @description The answer waits until that is done or given up, for at most 15 seconds; after that `compaction` is `running`.
         */
        post: operations["compact_volume"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volumes/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List what happened to a volume, newest first.
         * @description Of a deleted volume as well, as long as the server remembers it.
         */
        get: operations["list_volume_events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volumes/{id}/resize": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Change a volume's size.
         * @description Growing in place is not available yet: any other than the present size is refused (422). A fork or a restore as a new
         *     volume may be larger.
         */
        post: operations["resize_volume"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volumes/{id}/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Restore a volume to one of its snapshots: in place, or as a new volume when it has a `name` or `as_new`.
         * @description In place, the present is saved in a safety snapshot first, so that a restore can be undone. Computers that use the volume
         *     refuse it, or with `force` are stopped before and started again afterwards.
         */
        post: operations["restore_volume"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volumes/{id}/snapshots": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List a volume's snapshots, newest first. */
        get: operations["list_snapshots"];
        put?: never;
        /**
         * Take a snapshot of a volume, in use or not.
         * @description Everything written before the call is in it, and nothing written after its instant (`taken_at`). The answer waits until it
         *     is `ready`, for at most 15 seconds; after that it is `creating`, and `phase` says what is being done. One that failed
         *     stays for a day to be looked at; it is in `error.details.snapshot`.
         */
        post: operations["create_snapshot"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volumes/{id}/snapshots/{snapshot_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a snapshot of a volume. */
        get: operations["get_volume_snapshot"];
        /**
         * Change a snapshot's name, metadata or protection. Its data never changes.
         * @description The same as `PATCH`: fields left out stay as they are.
         */
        put: operations["replace_volume_snapshot"];
        post?: never;
        /** Delete a snapshot. The answer waits until its space is given back, for at most 15 seconds. */
        delete: operations["delete_volume_snapshot"];
        options?: never;
        head?: never;
        /** Change a snapshot's name, metadata or protection. Its data never changes. */
        patch: operations["update_volume_snapshot"];
        trace?: never;
    };
    "/volumes/{id}/snapshots/{snapshot_id}/diff": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Say what differs between two of a volume's snapshots. */
        get: operations["diff_volume_snapshots"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volumes/{id}/snapshots/{snapshot_id}/files": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List a folder in one of a volume's snapshots.
         * @description As below `/volume-snapshots`.
         */
        get: operations["list_volume_snapshot_files"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volumes/{id}/snapshots/{snapshot_id}/files/download": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Download a file from one of a volume's snapshots.
         * @description As below `/volume-snapshots`.
         */
        get: operations["download_volume_snapshot_file"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volumes/{id}/snapshots/{snapshot_id}/files/stat": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Look at one file or folder in one of a volume's snapshots. */
        get: operations["stat_volume_snapshot_file"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volumes/{id}/snapshots/{snapshot_id}/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Restore a snapshot: in place, or as a new volume when it has a `name` or `as_new`. */
        post: operations["restore_volume_snapshot"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volumes/{id}/snapshots/{snapshot_id}/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Compare a snapshot's data with the checksum that it was taken with.
         * @description The answer waits until that is done, for at most 15 seconds; after that `verification` is `running`.
         */
        post: operations["verify_volume_snapshot"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volumes/{id}/undelete": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Bring a volume back from the trash. */
        post: operations["undelete_volume"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Attachment: {
            computer_id: string;
            created_at: string;
            /** @description The block device on the host while the volume is mounted there, for example `/dev/loop7`. */
            device?: string | null;
            /** @description Why the attachment is `failed`. */
            error?: string | null;
            host_id: string;
            id: string;
            instance_id?: string | null;
            mount_path: string;
            read_only: boolean;
            /** @description Of a service's replica: the service, and the runtime instance, which has the id `computer_id`. */
            service_id?: string | null;
            /** @description Other replicas may write beside it. */
            shared: boolean;
            /** Format: int64 */
            size_gb: number;
            /** @description attaching, attached, detaching or failed. */
            state: components["schemas"]["AttachmentState"];
            /** @description The same as `state`. */
            status: components["schemas"]["AttachmentState"];
            updated_at: string;
            volume_id: string;
            volume_name: string;
        };
        /** @enum {string} */
        AttachmentState: "attaching" | "attached" | "detaching" | "failed";
        /** @enum {string} */
        Backend: "local";
        ChangedFile: {
            /** @description added, removed or modified. */
            change: components["schemas"]["FileChange"];
            path: string;
            /** @description Present only when the path is not UTF-8. */
            path_base64?: string | null;
            /** Format: int64 */
            size: number;
            /** @description file, dir, symlink or other. */
            type: components["schemas"]["FileType"];
        };
        /** @description Body of `POST /volumes/{id}/clone`. */
        CloneVolume: {
            metadata?: Record<string, unknown> | null;
            /** @description `<name>-fork` when left out. */
            name?: string | null;
            /** @description Fork it however long writers wait. */
            now?: boolean | null;
            project_id?: string | null;
            /** Format: int64 */
            size_bytes?: number | null;
            /** Format: int64 */
            size_gb?: number | null;
            /** @description The volume as it is now when left out. */
            snapshot_id?: string | null;
            /** @description After it the fork goes to the trash: `3d`, `12h`, `30m`, or seconds. */
            ttl?: string | null;
        };
        Command: string | string[];
        /** @description The last compaction of the volume's image. */
        Compaction: {
            /** Format: int64 */
            extents_before?: number | null;
            /** Format: int64 */
            extents_now?: number | null;
            /** @description Why it stopped. */
            message?: string | null;
            /** Format: int32 */
            progress_percent?: number | null;
            /** @description pending, running, done or stopped. */
            state: components["schemas"]["CompactionState"];
        };
        /** @enum {string} */
        CompactionState: "pending" | "running" | "done" | "stopped";
        /** @description A computer as clients see it. */
        Computer: {
            attachments: components["schemas"]["Attachment"][];
            /** @description The first process; the template's own when null. */
            command?: string[] | null;
            created_at: string;
            desktop_url?: string | null;
            /** @description Why the computer is in `error`. */
            error?: string | null;
            /**
             * Format: int32
             * @description Of the last process that ended, if known.
             */
            exit_code?: number | null;
            external_project_id?: string | null;
            external_user_id?: string | null;
            external_workspace_id?: string | null;
            host_id: string;
            id: string;
            ip_address?: string | null;
            /** Format: int64 */
            memory_mb: number;
            metadata: {
                [key: string]: string;
            };
            name: string;
            /** @description `isolated` (loopback only) or `host`. */
            network: components["schemas"]["Network"];
            owner_user_id?: string | null;
            preview_domain?: string | null;
            project_id: string;
            region: string;
            /**
             * Format: int32
             * @description How often the first process ended by itself since the computer was started.
             */
            restart_count: number;
            sandbox_url?: string | null;
            selected_apps: string[];
            settings: Record<string, unknown>;
            size?: components["schemas"]["ComputerSize"] | null;
            slug: string;
            /** @description The same as `status`. */
            state: components["schemas"]["ComputerStatus"];
            /** @description provisioning, starting, running, stopping, stopped, error, destroying or destroyed. */
            status: components["schemas"]["ComputerStatus"];
            template_type: string;
            tenant_id: string;
            updated_at: string;
            /** Format: int32 */
            vcpus: number;
            visibility?: components["schemas"]["Visibility"] | null;
            vm_id?: string | null;
            workspace_id?: string | null;
        };
        /** @description Answer to start, stop and restart: the whole computer, and what was done. */
        ComputerAction: components["schemas"]["Computer"] & {
            message: string;
            success: boolean;
        };
        /** @description Answer to `GET /computers`: the only list with a third key, which two published clients read. */
        ComputerList: components["schemas"]["List_Computer"] & {
            meta: components["schemas"]["ListMeta"];
        };
        /** @enum {string} */
        ComputerSize: "xs" | "small" | "medium" | "large" | "xl";
        /** @enum {string} */
        ComputerStatus: "provisioning" | "starting" | "running" | "stopping" | "stopped" | "error" | "destroying" | "destroyed";
        /** @description Body of `POST /computers/{id}/volumes`. */
        CreateAttachment: {
            /** @description Default `/mnt/data`, or `/mnt/<volume name>` when that is taken. */
            mount_path?: string | null;
            read_only?: boolean | null;
            volume_id?: string | null;
        };
        /** @description Body of `POST /computers`. Further fields are ignored. */
        CreateComputer: {
            /** @description Default true. */
            auto_start?: boolean | null;
            command?: components["schemas"]["Command"] | null;
            env?: {
                [key: string]: string;
            } | null;
            external_project_id?: string | null;
            external_user_id?: string | null;
            external_workspace_id?: string | null;
            host_id?: string | null;
            metadata?: Record<string, unknown> | null;
            /** @description Generated when absent. */
            name?: string | null;
            network?: components["schemas"]["Network"] | null;
            project_id?: string | null;
            region?: string | null;
            size?: components["schemas"]["ComputerSize"] | null;
            /** @description Default `miosa-desktop`. */
            template_type?: string | null;
            visibility?: components["schemas"]["Visibility"] | null;
            workspace_id?: string | null;
        };
        /** @description Body of `POST /data-services`: what a volume is made from, and two fields more. */
        CreateDataService: components["schemas"]["DataServiceFields"] & components["schemas"]["CreateVolume"];
        /** @description Body of `POST /deployments`. What is run may stand at the top level or in `settings`, as for services. */
        CreateDeployment: components["schemas"]["RunFields"] & {
            kind?: components["schemas"]["DeploymentKind"] | null;
            name?: string | null;
            project_id?: string | null;
            /** @description See `ServiceSettings`. */
            settings?: Record<string, unknown> | null;
            slug?: string | null;
            source?: components["schemas"]["NewSource"] | null;
            /** @description Refused: nothing is built here, so there are only templates, and they are named in `source`. */
            source_type?: string | null;
            /** @description Short for a source of the type `template`. */
            template_ref?: string | null;
        };
        /** @description Body of `POST /projects`. Further fields are ignored. */
        CreateProject: {
            description?: string | null;
            metadata?: Record<string, unknown> | null;
            name?: string | null;
            /** @description Made of the name when absent. */
            slug?: string | null;
            workspace_id?: string | null;
            /** @description Read when there is no `workspace_id`. */
            workspace_slug?: string | null;
        };
        /** @description Body of `POST /services`. What a service runs may stand at the top level or in `settings`. */
        CreateService: components["schemas"]["RunFields"] & {
            build?: Record<string, unknown> | null;
            kind?: components["schemas"]["ServiceKind"] | null;
            name?: string | null;
            project_id?: string | null;
            /** @description See `ServiceSettings`. */
            settings?: Record<string, unknown> | null;
            slug?: string | null;
            source?: components["schemas"]["NewSource"] | null;
            /** @description Short for a source of the type `template`. */
            template_ref?: string | null;
            type?: components["schemas"]["ServiceKind"] | null;
        };
        /** @description Body of `POST /volumes/{id}/snapshots`. */
        CreateSnapshot: {
            after_snapshot?: string | null;
            /** @description In place of the volume's own; an empty text runs none. */
            before_snapshot?: string | null;
            /** Format: int64 */
            hook_timeout_seconds?: number | null;
            /** @description Values that are not strings are kept as their JSON text. */
            metadata?: Record<string, unknown> | null;
            name?: string | null;
            /** @description Take it however long writers wait; without it, an image in too many pieces is compacted first. */
            now?: boolean | null;
            protected?: boolean | null;
            /** @description How long it is kept: `3d`, `12h`, `30m`, or seconds. Until it is deleted when left out. */
            ttl?: string | null;
        };
        /** @description Body of `POST /volumes`. One of the sizes; without any, 10 GB. */
        CreateVolume: {
            /** @description Run after each snapshot, always; empty for none. */
            after_snapshot?: string | null;
            backend?: components["schemas"]["Backend"] | null;
            /** @description Run in the computer before each snapshot; empty for none. */
            before_snapshot?: string | null;
            delete_protection?: boolean | null;
            /**
             * Format: int64
             * @description Of each hook: 1 to 600; 30 when left out.
             */
            hook_timeout_seconds?: number | null;
            /** @description Values that are not strings are kept as their JSON text. */
            metadata?: Record<string, unknown> | null;
            /** @description 1 to 255 characters. Need not be unique. */
            name?: string | null;
            project_id?: string | null;
            region?: string | null;
            /**
             * Format: int64
             * @description Rounded up to 1 MiB.
             */
            size_bytes?: number | null;
            /** Format: int64 */
            size_gb?: number | null;
            /**
             * Format: int64
             * @description 1 to 365; 7 when left out.
             */
            snapshot_retention_days?: number | null;
            /** @description Five cron fields in UTC, or `@daily` and the like; empty for none. */
            snapshot_schedule?: string | null;
            workspace_id?: string | null;
        };
        /** @description What a data service is created with besides the fields of a volume. */
        DataServiceFields: {
            size?: components["schemas"]["DataServiceSize"] | null;
            type?: components["schemas"]["DataServiceType"] | null;
        };
        /** @description How the size of a data service is written. */
        DataServiceSize: number | string;
        /** @enum {string} */
        DataServiceType: "volume";
        /** @description Answer to a DELETE of a volume, a snapshot, a computer or an attachment. */
        Deleted: {
            deleted: boolean;
            id: string;
            /**
             * @description `deleted` (a volume, now in the trash, or a snapshot), `destroying` (a computer) or `detached` (an attachment);
             *     `deleting` when the host has not done it yet.
             */
            status: components["schemas"]["DeletedState"];
            success: boolean;
        };
        /** @enum {string} */
        DeletedState: "deleted" | "destroying" | "detached" | "deleting" | "detaching" | "destroyed";
        /** @description Body of the calls that make a release. */
        DeployService: {
            environment?: components["schemas"]["EnvironmentName"] | null;
            message?: string | null;
            /**
             * Format: int64
             * @description The same by its number.
             */
            number?: number | null;
            /** @description On a promotion or rollback: the release to serve, by its id. A rollback without one takes the previous good one. */
            release_id?: string | null;
            /** @description On a rollback or promotion: bring the volumes back to the snapshots that were taken when that release was left. */
            restore_data?: boolean | null;
            /** @description Merged into the service's own first. */
            settings?: Record<string, unknown> | null;
            /** @description Take a snapshot of every volume that is written to, named by the release, before anything is replaced. */
            snapshot_before?: boolean | null;
            source?: components["schemas"]["NewSource"] | null;
        };
        /** @description A service, as a deployment. */
        Deployment: {
            /** @description The same as `active_version_id`. */
            active_release_id?: string | null;
            /** @description The version that is served. */
            active_version_id?: string | null;
            /** Format: int64 */
            active_version_number?: number | null;
            /** @description Always false: a version is made by a call. */
            auto_deploy: boolean;
            created_at: string;
            environment_id: string;
            /** @description Why the newest version is not served, or an instance does not run. */
            error?: string | null;
            /** @description The service's id. */
            id: string;
            /**
             * Format: int32
             * @description How many runtime instances there should be.
             */
            instances: number;
            metadata: {
                [key: string]: string;
            };
            name: string;
            project_id: string;
            /**
             * Format: int32
             * @description Those that are healthy.
             */
            ready_instances: number;
            slug: string;
            source?: components["schemas"]["ServiceSource"] | null;
            /** @description Always null: what runs is a template, and no repository, upload or sandbox. */
            source_type?: string | null;
            /** @description pending, building, running, failed or stopped. */
            state: components["schemas"]["DeploymentState"];
            /** @description The same as `state`. */
            status: components["schemas"]["DeploymentState"];
            tenant_id: string;
            updated_at: string;
            url?: string | null;
        };
        /** @enum {string} */
        DeploymentKind: "dynamic";
        /** @description A service's release, as the release of a version. */
        DeploymentRelease: {
            /** @description The template that it runs. */
            artifact_manifest: Record<string, unknown>;
            created_at: string;
            deployment_id: string;
            /** @description The version of the same id. */
            deployment_version_id: string;
            /** @description Always `production`. */
            environment: components["schemas"]["EnvironmentName"];
            id: string;
            /** @description Always `dynamic`. */
            kind: components["schemas"]["DeploymentKind"];
            metadata: {
                [key: string]: string;
            };
            /** @description created, building, ready (it is served), failed or archived. */
            state: components["schemas"]["VersionState"];
            /** @description The same as `state`. */
            status: components["schemas"]["VersionState"];
            tenant_id: string;
            updated_at: string;
            /** Format: int64 */
            version_number: number;
        };
        /** @enum {string} */
        DeploymentState: "pending" | "building" | "running" | "failed" | "stopped";
        /** @description A service's release, as a version. */
        DeploymentVersion: {
            /** @description The template that it runs. */
            artifact_manifest: Record<string, unknown>;
            created_at: string;
            deployment_id: string;
            /** @description Why it is not, or no longer, served. */
            error?: string | null;
            /** @description The release's id. */
            id: string;
            /** @description Always `dynamic`. */
            kind: components["schemas"]["DeploymentKind"];
            message?: string | null;
            metadata: {
                [key: string]: string;
            };
            source?: components["schemas"]["ServiceSource"] | null;
            /** @description Always null, as for the deployment. */
            source_type?: string | null;
            /** @description created, building, ready (it is served), failed or archived. */
            state: components["schemas"]["VersionState"];
            /** @description The same as `state`. */
            status: components["schemas"]["VersionState"];
            tenant_id: string;
            updated_at: string;
            /**
             * Format: int64
             * @description Counted from 1 within the deployment.
             */
            version_number: number;
        };
        /** @enum {string} */
        DesiredRun: "running" | "stopped" | "destroyed";
        /** @description A variable as a replica has it. */
        EffectiveVariable: {
            name: string;
            /** @description `service`, or `server` for what is added to every replica. */
            source: components["schemas"]["VariableSource"];
            value: string;
        };
        /** @description Where a project's services run. Each project has one, `production`, with the project's id. */
        Environment: {
            created_at: string;
            id: string;
            is_default: boolean;
            name: string;
            project_id: string;
            slug: string;
            updated_at: string;
        };
        /** @enum {string} */
        EnvironmentName: "production";
        ErrorBody: {
            /** @description Stable; see the list in docs/reference/errors.md. */
            code: string;
            details: Record<string, unknown>;
            message: string;
            request_id: string;
            /** Format: int64 */
            retry_after?: number | null;
            /** Format: int64 */
            retry_after_ms?: number | null;
            /** @description Whether the same call may succeed a moment later. */
            retryable: boolean;
        };
        /**
         * @description ```json
         *     {"error":{"code":"NOT_FOUND","message":"volume not found","request_id":"req_..","details":{},"retryable":false},
         *      "message":"volume not found","code":"NOT_FOUND","request_id":"req_..","errors":{"size_gb":["must be 1..500"]}}
         *     ```
         */
        ErrorEnvelope: {
            code: string;
            error: components["schemas"]["ErrorBody"];
            /** @description Texts per field; absent when no field is at fault. */
            errors?: {
                [key: string]: string[];
            };
            message: string;
            request_id: string;
            /**
             * Format: int64
             * @description Whole seconds after which the call may be repeated; the same as the `Retry-After` header.
             */
            retry_after?: number | null;
        };
        /** @description Something that happened to a volume. */
        Event: {
            at: string;
            id: string;
            /** @description For example `snapshot.taken`; docs/reference/events.md lists them all. */
            kind: components["schemas"]["EventKind"];
            message: string;
            /** @description Another volume that it has to do with: the fork, or what was forked. */
            other_volume_id?: string | null;
            /** Format: int64 */
            size_bytes?: number | null;
            snapshot_id?: string | null;
            volume_id: string;
        };
        /** @enum {string} */
        EventKind: "volume.created" | "volume.forked" | "volume.restored" | "volume.restore_failed" | "volume.compacted" | "volume.deleted" | "volume.undeleted" | "volume.expired" | "snapshot.taken" | "snapshot.failed" | "snapshot.deleted" | "snapshot.pruned" | "snapshot.damaged" | "schedule.paused" | "schedule.resumed" | "schedule.changed";
        /** @description Body of `POST /computers/{id}/exec`. */
        Exec: {
            /** @description Run by `/bin/sh -c`, or bash where there is one. */
            command?: string | null;
            cwd?: string | null;
            env?: {
                [key: string]: string;
            } | null;
            /**
             * Format: int64
             * @description Seconds; default 60, at most 600.
             */
            timeout?: number | null;
        };
        /** @description Body of `POST /computers/{id}/exec/python`. */
        ExecPython: {
            /** @description The program's source, run by `python3 -c`. `command` is another spelling. */
            code?: string | null;
            cwd?: string | null;
            env?: {
                [key: string]: string;
            } | null;
            /**
             * Format: int64
             * @description Seconds; default 60, at most 600.
             */
            timeout?: number | null;
        };
        ExecResult: {
            /**
             * Format: int32
             * @description 124 when the time ran out.
             */
            exit_code: number;
            /** @description The same as `stdout`. */
            output: string;
            stderr: string;
            stdout: string;
            /** @description Whether the exit code is 0. */
            success: boolean;
            timed_out: boolean;
            /** @description Whether output beyond 8 MiB a stream was dropped. */
            truncated: boolean;
        };
        /** @enum {string} */
        FileChange: "added" | "removed" | "modified";
        /**
         * Format: binary
         * @description A file's bytes as they are.
         */
        FileContent: string;
        /**
         * @description A file or folder in a snapshot. Its name may hold bytes that are not UTF-8: those are shown as U+FFFD, and `path_base64` is
         *     exact.
         */
        FileEntry: {
            /** Format: int32 */
            gid: number;
            is_dir: boolean;
            is_symlink: boolean;
            /**
             * Format: int32
             * @description Permission bits as a number.
             */
            mode: number;
            modified_at: string;
            name: string;
            path: string;
            /** @description The whole path, present only when it is not UTF-8. Accepted in place of `path`. */
            path_base64?: string | null;
            /** Format: int64 */
            size: number;
            symlink_target?: string | null;
            /** @description Present only when the target is not UTF-8. */
            symlink_target_base64?: string | null;
            /** @description file, dir, symlink or other. */
            type: components["schemas"]["FileType"];
            /** Format: int32 */
            uid: number;
        };
        /** @description A folder's entries. Not a twin: clients read `data` or `entries`. */
        FileList: {
            data: components["schemas"]["FileEntry"][];
            entries: components["schemas"]["FileEntry"][];
            /** @description Opaque. Given as `after`, it continues the list; absent at its end. */
            next?: string | null;
            path: string;
        };
        /** @enum {string} */
        FileType: "file" | "dir" | "symlink" | "other";
        /** @enum {string} */
        Filesystem: "ext4";
        /** @description Answer to `GET /healthz` and `GET /health`: the process serves requests, and nothing more. */
        Health: {
            /** @description Always `ok`. */
            status: string;
        };
        /** @enum {string} */
        HealthCheckType: "command" | "http";
        /** @description What a runtime instance wrote. */
        InstanceLogs: {
            deployment_id: string;
            /** @description Always null: the log is answered here. */
            log_path?: string | null;
            /** @description The newest lines, oldest first. */
            logs: string;
            runtime_instance_id: string;
        };
        /** @enum {string} */
        KeptReason: "newest" | "protected" | "in_use";
        KeptSnapshot: {
            id: string;
            /** @description newest, protected or in_use. */
            reason: components["schemas"]["KeptReason"];
            volume_id: string;
        };
        ListMeta: {
            /** Format: int64 */
            page: number;
            /** Format: int64 */
            per_page: number;
            /** Format: int64 */
            total: number;
        };
        List_Attachment: {
            data: components["schemas"]["Attachment"][];
            page: components["schemas"]["Page"];
        };
        List_Computer: {
            data: {
                attachments: components["schemas"]["Attachment"][];
                /** @description The first process; the template's own when null. */
                command?: string[] | null;
                created_at: string;
                desktop_url?: string | null;
                /** @description Why the computer is in `error`. */
                error?: string | null;
                /**
                 * Format: int32
                 * @description Of the last process that ended, if known.
                 */
                exit_code?: number | null;
                external_project_id?: string | null;
                external_user_id?: string | null;
                external_workspace_id?: string | null;
                host_id: string;
                id: string;
                ip_address?: string | null;
                /** Format: int64 */
                memory_mb: number;
                metadata: {
                    [key: string]: string;
                };
                name: string;
                /** @description `isolated` (loopback only) or `host`. */
                network: components["schemas"]["Network"];
                owner_user_id?: string | null;
                preview_domain?: string | null;
                project_id: string;
                region: string;
                /**
                 * Format: int32
                 * @description How often the first process ended by itself since the computer was started.
                 */
                restart_count: number;
                sandbox_url?: string | null;
                selected_apps: string[];
                settings: Record<string, unknown>;
                size?: components["schemas"]["ComputerSize"] | null;
                slug: string;
                /** @description The same as `status`. */
                state: components["schemas"]["ComputerStatus"];
                /** @description provisioning, starting, running, stopping, stopped, error, destroying or destroyed. */
                status: components["schemas"]["ComputerStatus"];
                template_type: string;
                tenant_id: string;
                updated_at: string;
                /** Format: int32 */
                vcpus: number;
                visibility?: components["schemas"]["Visibility"] | null;
                vm_id?: string | null;
                workspace_id?: string | null;
            }[];
            page: components["schemas"]["Page"];
        };
        List_Deployment: {
            data: components["schemas"]["Deployment"][];
            page: components["schemas"]["Page"];
        };
        List_DeploymentRelease: {
            data: components["schemas"]["DeploymentRelease"][];
            page: components["schemas"]["Page"];
        };
        List_DeploymentVersion: {
            data: components["schemas"]["DeploymentVersion"][];
            page: components["schemas"]["Page"];
        };
        List_EffectiveVariable: {
            data: components["schemas"]["EffectiveVariable"][];
            page: components["schemas"]["Page"];
        };
        List_Environment: {
            data: components["schemas"]["Environment"][];
            page: components["schemas"]["Page"];
        };
        List_Event: {
            data: components["schemas"]["Event"][];
            page: components["schemas"]["Page"];
        };
        List_Project: {
            data: components["schemas"]["Project"][];
            page: components["schemas"]["Page"];
        };
        List_Release: {
            data: components["schemas"]["Release"][];
            page: components["schemas"]["Page"];
        };
        List_ReleaseEvent: {
            data: components["schemas"]["ReleaseEvent"][];
            page: components["schemas"]["Page"];
        };
        List_RuntimeInstance: {
            data: components["schemas"]["RuntimeInstance"][];
            page: components["schemas"]["Page"];
        };
        List_Service: {
            data: components["schemas"]["Service"][];
            page: components["schemas"]["Page"];
        };
        List_ServiceLogLine: {
            data: components["schemas"]["ServiceLogLine"][];
            page: components["schemas"]["Page"];
        };
        List_Snapshot: {
            data: components["schemas"]["Snapshot"][];
            page: components["schemas"]["Page"];
        };
        List_Variable: {
            data: components["schemas"]["Variable"][];
            page: components["schemas"]["Page"];
        };
        List_Volume: {
            data: components["schemas"]["Volume"][];
            page: components["schemas"]["Page"];
        };
        LogLine: {
            line: string;
            /** @description The same as `line`. */
            message: string;
            /** @description `stdout` or `stderr`. */
            stream: components["schemas"]["OutputStream"];
            timestamp: string;
        };
        /** @description Answer to `GET /computers/{id}/logs`. */
        Logs: {
            lines: components["schemas"]["LogLine"][];
            /** @description The lines as one text. */
            logs: string;
        };
        MountedVolume: {
            mount_path: string;
            read_only: boolean;
            shared: boolean;
            /** @description attaching, attached, detaching or failed. */
            state: components["schemas"]["AttachmentState"];
            volume_id: string;
            volume_name: string;
        };
        /** @enum {string} */
        Network: "isolated" | "host";
        /** @description A volume as a body names it. */
        NewServiceVolume: {
            data_service_id?: string | null;
            mount_path?: string | null;
            /** @description Default false. */
            read_only?: boolean | null;
            /** @description Default false. */
            shared?: boolean | null;
        };
        /** @description A source as a body names it: an object, or the name of a template alone. */
        NewSource: string | {
            ref?: string | null;
            type?: components["schemas"]["SourceType"] | null;
        };
        /** @enum {string} */
        OriginKind: "snapshot" | "volume";
        /** @enum {string} */
        OutputStream: "stdout" | "stderr";
        Page: {
            has_more: boolean;
            /** @description Opaque; stable while objects are added. Absent on the last page. */
            next_cursor?: string | null;
            /**
             * Format: int64
             * @description From 1.
             */
            page: number;
            /** Format: int64 */
            page_size: number;
            /** Format: int64 */
            per_page: number;
            /** Format: int64 */
            total: number;
        };
        Project: {
            created_at: string;
            description?: string | null;
            id: string;
            /** @description The one that everything goes into that names none; it cannot be deleted. */
            is_default: boolean;
            metadata: {
                [key: string]: string;
            };
            name: string;
            slug: string;
            tenant_id: string;
            updated_at: string;
            workspace_id?: string | null;
        };
        /** @description What projects of this server can have. */
        ProjectCapabilities: {
            data_service_types: components["schemas"]["DataServiceType"][];
            /** Format: int32 */
            replicas_max: number;
            service_kinds: components["schemas"]["ServiceKind"][];
            source_types: components["schemas"]["SourceType"][];
            /** Format: int64 */
            volume_max_gb: number;
            /** Format: int32 */
            volumes_per_project: number;
        };
        /** @description What a prune removes, or would remove, and what stays only because of a rule. */
        PrunePlan: {
            dry_run: boolean;
            /**
             * Format: int64
             * @description Sum of the exclusive bytes of `pruned`, as far as they are known: at least so much becomes free.
             */
            freed_bytes: number;
            /** @description Expired, and kept all the same. */
            kept: components["schemas"]["KeptSnapshot"][];
            pruned: components["schemas"]["Snapshot"][];
        };
        /** @description Body of `POST /volume-snapshots/prune`. */
        PruneSnapshots: {
            /** @description Only say what would go. */
            dry_run?: boolean | null;
            /** @description Only of this volume. */
            volume_id?: string | null;
        };
        /**
         * @description Answer to `GET /readyz` when everything is there. A 503 is an error envelope whose `details` hold the same three flags and
         *     `reasons`, the list of what is missing.
         */
        Ready: {
            agent_connected: boolean;
            /** @description The agent has looked at everything its ledger asks for and adopted the running instances. */
            agent_recovered: boolean;
            /** @description The database answers. */
            database: boolean;
            /** @description Always `ready`. */
            status: string;
        };
        /** @enum {string} */
        ReasonCode: "CRASH_LOOP" | "NOT_HEALTHY" | "CANNOT_START" | "SNAPSHOT_FAILED" | "RESTORE_FAILED" | "SUPERSEDED" | "STOPPED";
        /** @description A numbered version of a service, which never changes. */
        Release: {
            /** @description deploy, restart, start, volumes, promote or rollback. */
            cause: components["schemas"]["ReleaseCause"];
            created_at: string;
            /**
             * Format: int64
             * @description The longest time in which a replica's volumes were with nobody, from the end of the old first process to the start of
             *     the new one. Null when no volume changed hands.
             */
            handover_ms?: number | null;
            id: string;
            message?: string | null;
            /**
             * Format: int64
             * @description Counted from 1 within the service.
             */
            number: number;
            reason?: components["schemas"]["ReleaseReason"] | null;
            /**
             * Format: int64
             * @description The number of the release whose settings it serves again.
             */
            serves_again?: number | null;
            service_id: string;
            settings: components["schemas"]["ServiceSettings"];
            /** @description When it became active, or failed, or was canceled. */
            settled_at?: string | null;
            /** @description Taken before it was deployed. */
            snapshots: components["schemas"]["ReleaseSnapshot"][];
            source?: components["schemas"]["ServiceSource"] | null;
            /** @description queued, deploying, active, failed, canceled, stopped (another one is served now) or removed. */
            state: components["schemas"]["ReleaseState"];
            /** @description The same as `state`. */
            status: components["schemas"]["ReleaseState"];
            tenant_id: string;
            updated_at: string;
        };
        /** @enum {string} */
        ReleaseCause: "deploy" | "restart" | "start" | "volumes" | "promote" | "rollback";
        /** @description One step of a release's life. */
        ReleaseEvent: {
            message: string;
            timestamp: string;
            /** @description queued, deploying, active, failed, canceled, stopped or removed. */
            type: components["schemas"]["ReleaseState"];
        };
        ReleaseReason: {
            code: components["schemas"]["ReasonCode"];
            detail: string;
        };
        ReleaseSnapshot: {
            snapshot_id: string;
            volume_id: string;
        };
        /** @enum {string} */
        ReleaseState: "queued" | "deploying" | "active" | "failed" | "canceled" | "stopped" | "removed";
        /** @enum {string} */
        ReplicaState: "provisioning" | "starting" | "healthy" | "unhealthy" | "error" | "stopped" | "destroyed";
        /** @description A volume of one replica. */
        ReplicaVolume: {
            /** @description False for a replica that was scaled down; its volume is kept, and used again. */
            in_use: boolean;
            mount_path: string;
            name: string;
            /**
             * Format: int32
             * @description Null for a volume that all replicas share.
             */
            replica?: number | null;
            volume_id: string;
        };
        /** @description Body of `POST /volumes/{id}/resize`. One of the sizes. */
        ResizeVolume: {
            /** Format: int64 */
            size_bytes?: number | null;
            /**
             * Format: int64
             * @description Growth is not available yet: refused unless it is the present size.
             */
            size_gb?: number | null;
        };
        /** @enum {string} */
        RestartPolicy: "always" | "on-failure" | "no";
        /**
         * @description Body of `POST /volumes/{id}/restore`, of `POST /volumes/{id}/snapshots/{snapshot_id}/restore` (which knows the snapshot),
         *     and of `POST /volume-snapshots/{snapshot_id}/restore` (always a new volume).
         */
        RestoreSnapshot: {
            as_new?: boolean | null;
            /** @description In place: stop the computers that use the volume, and start them again afterwards. */
            force?: boolean | null;
            metadata?: Record<string, unknown> | null;
            /** @description Name of a new volume. Without it and without `as_new`, the volume itself goes back in place. */
            name?: string | null;
            project_id?: string | null;
            /** Format: int64 */
            size_bytes?: number | null;
            /**
             * Format: int64
             * @description Of a new volume; the snapshot's size when left out, never less.
             */
            size_gb?: number | null;
            snapshot_id?: string | null;
            /** @description After it a new volume goes to the trash. */
            ttl?: string | null;
        };
        /** @description Settings that may stand at the top level of a body; they win over those in `settings`. */
        RunFields: {
            env?: {
                [key: string]: string;
            } | null;
            health_check?: Record<string, unknown> | null;
            network?: string | null;
            /** Format: int32 */
            port?: number | null;
            /** Format: int32 */
            replicas?: number | null;
            restart_policy?: string | null;
            size?: string | null;
            start_command?: string | null;
            /** Format: int32 */
            start_timeout_seconds?: number | null;
            /** Format: int32 */
            stop_grace_seconds?: number | null;
            /** @description The whole list; it takes the place of the old one. */
            volumes?: components["schemas"]["NewServiceVolume"][] | null;
        };
        /** @description One replica. */
        RuntimeInstance: {
            created_at: string;
            /** @description The same as `service_id`. */
            deployment_id: string;
            /** @description running, stopped or destroyed. */
            desired_state: components["schemas"]["DesiredRun"];
            /** @description Why it is not healthy; names the volume when one cannot be mounted. */
            error_message?: string | null;
            /** Format: int32 */
            exit_code?: number | null;
            host_id: string;
            id: string;
            ip_address?: string | null;
            metadata: {
                [key: string]: string;
            };
            /** Format: int32 */
            port?: number | null;
            release_id: string;
            /** Format: int64 */
            release_number?: number | null;
            /** Format: int32 */
            replica: number;
            /**
             * Format: int32
             * @description How often the first process ended by itself.
             */
            restart_count: number;
            service_id: string;
            started_at?: string | null;
            /** @description provisioning, starting, healthy, unhealthy, error, stopped or destroyed. */
            state: components["schemas"]["ReplicaState"];
            /** @description The same as `state`. */
            status: components["schemas"]["ReplicaState"];
            stopped_at?: string | null;
            tenant_id: string;
            updated_at: string;
            volumes_mounted: components["schemas"]["MountedVolume"][];
        };
        /** @description Body of `POST /services/{id}/scale`. */
        ScaleService: {
            region?: string | null;
            /**
             * Format: int64
             * @description 0 to 50.
             */
            replicas?: number | null;
        };
        /** @enum {string} */
        ScheduleState: "off" | "ok" | "paused" | "failing";
        /** @description A service as clients see it. */
        Service: {
            /** @description The last release that was good. */
            active_release_id?: string | null;
            /** Format: int64 */
            active_release_number?: number | null;
            build?: Record<string, unknown> | null;
            created_at: string;
            /** @description The release that is being deployed; null when none is. */
            deploying_release_id?: string | null;
            /**
             * Format: int32
             * @description The same as `replicas`.
             */
            desired_replicas: number;
            /** @description Each project has one environment, `production`, with the project's id. */
            environment_id: string;
            /** @description Why the newest release is not served, or a replica does not run. */
            error?: string | null;
            host_id: string;
            id: string;
            /** @description server or worker. */
            kind: components["schemas"]["ServiceKind"];
            /**
             * Format: int64
             * @description One more with every change; give it with an update to have it refused when somebody else was faster.
             */
            lock_version: number;
            name: string;
            /** @description Settings that differ from those of the active release, with the values that the next one will have; null for none. */
            pending_changes?: Record<string, unknown> | null;
            project_id: string;
            /**
             * Format: int32
             * @description Replicas that are healthy.
             */
            ready_replicas: number;
            /** @description Each replica's volumes: the named ones, and those of the replicas' own. */
            replica_volumes: components["schemas"]["ReplicaVolume"][];
            /** Format: int32 */
            replicas: number;
            /** @description What the next release will run. */
            settings: components["schemas"]["ServiceSettings"];
            slug: string;
            source?: components["schemas"]["ServiceSource"] | null;
            /** @description The same as `status`. */
            state: components["schemas"]["ServiceState"];
            /** @description pending, deploying, running, failed, stopped or destroying. */
            status: components["schemas"]["ServiceState"];
            tenant_id: string;
            /** @description The same as `kind`. */
            type: components["schemas"]["ServiceKind"];
            updated_at: string;
            url?: string | null;
            /** @description The same as `settings.volumes`. */
            volumes: components["schemas"]["ServiceVolume"][];
            /** @description What is worth knowing, such as the caveat of a volume with several writers. */
            warnings: string[];
        };
        /** @description A question that a healthy replica answers: a command that ends with 0, or a `GET` that answers 200 to 399. */
        ServiceHealthCheck: {
            /** @description Run inside the replica by its shell. */
            command?: string | null;
            /** Format: int32 */
            interval_seconds: number;
            /** @description Asked for inside the replica's network. */
            path?: string | null;
            /** Format: int32 */
            port?: number | null;
            /**
             * Format: int32
             * @description So many bad answers in a row make a healthy replica unhealthy.
             */
            retries: number;
            /** Format: int32 */
            timeout_seconds: number;
            /** @description `command` or `http`. */
            type: components["schemas"]["HealthCheckType"];
        };
        /** @enum {string} */
        ServiceKind: "server" | "worker";
        /** @description A line of a service's log. */
        ServiceLogLine: {
            instance_id: string;
            line: string;
            /** @description The same as `line`. */
            message: string;
            /** Format: int32 */
            replica: number;
            /** @description stdout or stderr. */
            stream: components["schemas"]["OutputStream"];
            timestamp: string;
            /** @description `log`. */
            type: string;
        };
        /** @description What decides how replicas run. */
        ServiceSettings: {
            env: {
                [key: string]: string;
            };
            health_check?: components["schemas"]["ServiceHealthCheck"] | null;
            /** @description `isolated` (loopback only) or `host`. */
            network: components["schemas"]["Network"];
            /**
             * Format: int32
             * @description Given to the replicas as `PORT`.
             */
            port?: number | null;
            /** Format: int32 */
            replicas: number;
            /** @description always, on-failure or no. */
            restart_policy: components["schemas"]["RestartPolicy"];
            /** @description xs, small, medium, large or xl: processors and memory of each replica. */
            size: components["schemas"]["ComputerSize"];
            /** @description Run by `/bin/sh -c`; the template's own first process when null. */
            start_command?: string | null;
            /**
             * Format: int32
             * @description A release whose replica is not healthy so long after its start has failed.
             */
            start_timeout_seconds: number;
            /**
             * Format: int32
             * @description Between SIGTERM and SIGKILL.
             */
            stop_grace_seconds: number;
            template: string;
            volumes: components["schemas"]["ServiceVolume"][];
        };
        /** @description Where a release's files come from. */
        ServiceSource: {
            ref: string;
            /** @description `template` or `image`: both name a template of the host. */
            type: components["schemas"]["SourceType"];
        };
        /** @enum {string} */
        ServiceState: "pending" | "deploying" | "running" | "failed" | "stopped" | "destroying";
        /** @description A volume that a service mounts; each field in both spellings, because clients read either. */
        ServiceVolume: {
            dataServiceId: string;
            data_service_id: string;
            mountPath: string;
            mount_path: string;
            readOnly: boolean;
            /** @description Every replica mounts this volume, and nobody writes. */
            read_only: boolean;
            /** @description Every replica mounts this volume. Otherwise replica 0 does, and each further one has a volume of its own. */
            shared: boolean;
            /** @description The same as `data_service_id`. */
            volume_id: string;
        };
        /** @description Body of `PUT /services/{id}/variables`. */
        SetVariables: {
            /** @description Values by name. */
            variables: {
                [key: string]: string | null;
            };
        };
        /** @description A snapshot as clients see it. */
        Snapshot: {
            /** @description BLAKE3 of its data, computed in the background after it is ready. */
            checksum?: string | null;
            /** @description The image was compacted before, to keep the wait short. */
            compacted: boolean;
            created_at: string;
            error?: string | null;
            /**
             * Format: int64
             * @description Bytes of the pool that only this snapshot holds, as of `exclusive_bytes_at`.
             */
            exclusive_bytes?: number | null;
            exclusive_bytes_at?: string | null;
            /** @description When it is pruned; absent when it stays until it is deleted. */
            expires_at?: string | null;
            /**
             * Format: int64
             * @description Pieces that the image lay in.
             */
            extents?: number | null;
            host_id: string;
            id: string;
            metadata: {
                [key: string]: string;
            };
            name?: string | null;
            phase?: components["schemas"]["SnapshotPhase"] | null;
            /**
             * Format: int32
             * @description Of the phase, where it is known.
             */
            progress_percent?: number | null;
            project_id: string;
            /** @description It cannot be deleted, and does not expire. */
            protected: boolean;
            region: string;
            /**
             * Format: int64
             * @description The volume's size at that instant.
             */
            size_bytes: number;
            /**
             * Format: int64
             * @description `size_bytes` in GB (2^30 bytes), rounded up.
             */
            size_gb: number;
            /**
             * Format: double
             * @description How long writers of the volume waited.
             */
            stall_ms?: number | null;
            /** @description The same as `status`. */
            state: components["schemas"]["SnapshotState"];
            /** @description creating, ready, failed or deleting. */
            status: components["schemas"]["SnapshotState"];
            /** @description The instant: everything written before the call is in it, nothing written later than this. RFC 3339 in UTC. */
            taken_at?: string | null;
            tenant_id: string;
            /** @description manual, schedule or safety (taken before a restore in place). */
            trigger: components["schemas"]["Trigger"];
            updated_at: string;
            /**
             * Format: int64
             * @description Bytes of the pool that it occupies, shared ones included.
             */
            used_bytes: number;
            verification?: components["schemas"]["SnapshotVerification"] | null;
            volume_id: string;
            /** @description As it was when the snapshot was made; the volume may be gone. */
            volume_name: string;
        };
        /** @description What differs between two snapshots of one volume. */
        SnapshotDiff: {
            /**
             * Format: int64
             * @description Bytes of the block device that may differ, in so many ranges. Nothing outside of them does.
             */
            changed_bytes: number;
            /** Format: int64 */
            changed_ranges: number;
            /** @description In the order of the paths, at most `limit`. */
            files: components["schemas"]["ChangedFile"][];
            /** Format: int64 */
            files_added: number;
            /** Format: int64 */
            files_modified: number;
            /** Format: int64 */
            files_removed: number;
            from: string;
            to: string;
            /** @description There are more than were asked for. */
            truncated: boolean;
        };
        /** @enum {string} */
        SnapshotPhase: "waiting" | "compacting" | "taking";
        /** @enum {string} */
        SnapshotState: "creating" | "ready" | "failed" | "deleting";
        /** @description The last time that the data was compared with the checksum. */
        SnapshotVerification: {
            at: string;
            message?: string | null;
            /** Format: int32 */
            progress_percent?: number | null;
            /** @description running, intact, damaged or unreadable. */
            state: components["schemas"]["VerificationState"];
        };
        /** @enum {string} */
        SourceType: "template" | "image";
        /** @description Answer to `POST /services/{id}/stop`. */
        StoppedService: {
            id: string;
            status: components["schemas"]["ServiceState"];
            /**
             * Format: int32
             * @description Replicas that ran before.
             */
            stopped: number;
            success: boolean;
        };
        /** @enum {string} */
        Trigger: "manual" | "schedule" | "safety";
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_Attachment: components["schemas"]["Attachment"] & {
            data: components["schemas"]["Attachment"];
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_Computer: components["schemas"]["Computer"] & {
            data: components["schemas"]["Computer"];
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_ComputerAction: components["schemas"]["ComputerAction"] & {
            data: components["schemas"]["ComputerAction"];
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_Deleted: components["schemas"]["Deleted"] & {
            data: components["schemas"]["Deleted"];
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_Deployment: components["schemas"]["Deployment"] & {
            data: components["schemas"]["Deployment"];
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_DeploymentRelease: components["schemas"]["DeploymentRelease"] & {
            data: components["schemas"]["DeploymentRelease"];
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_DeploymentVersion: components["schemas"]["DeploymentVersion"] & {
            data: components["schemas"]["DeploymentVersion"];
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_ExecResult: components["schemas"]["ExecResult"] & {
            data: components["schemas"]["ExecResult"];
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_FileEntry: components["schemas"]["FileEntry"] & {
            data: components["schemas"]["FileEntry"];
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_InstanceLogs: components["schemas"]["InstanceLogs"] & {
            data: components["schemas"]["InstanceLogs"];
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_Logs: components["schemas"]["Logs"] & {
            data: components["schemas"]["Logs"];
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_Project: components["schemas"]["Project"] & {
            data: components["schemas"]["Project"];
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_ProjectCapabilities: components["schemas"]["ProjectCapabilities"] & {
            data: components["schemas"]["ProjectCapabilities"];
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_PrunePlan: components["schemas"]["PrunePlan"] & {
            data: components["schemas"]["PrunePlan"];
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_Release: components["schemas"]["Release"] & {
            data: components["schemas"]["Release"];
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_RuntimeInstance: components["schemas"]["RuntimeInstance"] & {
            data: components["schemas"]["RuntimeInstance"];
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_Service: components["schemas"]["Service"] & {
            data: components["schemas"]["Service"];
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_Snapshot: components["schemas"]["Snapshot"] & {
            data: components["schemas"]["Snapshot"];
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_SnapshotDiff: components["schemas"]["SnapshotDiff"] & {
            data: components["schemas"]["SnapshotDiff"];
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_StoppedService: components["schemas"]["StoppedService"] & {
            data: components["schemas"]["StoppedService"];
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_Volume: components["schemas"]["Volume"] & {
            data: components["schemas"]["Volume"];
        };
        /** @description Body of `PATCH /computers/{id}`. Fields left out stay as they are. */
        UpdateComputer: {
            metadata?: Record<string, unknown> | null;
            name?: string | null;
            visibility?: components["schemas"]["Visibility"] | null;
        };
        /** @description Body of `PATCH /deployments/{id}`. */
        UpdateDeployment: {
            name?: string | null;
        };
        /** @description Body of `PATCH /projects/{id}`. */
        UpdateProject: {
            description?: string | null;
            metadata?: Record<string, unknown> | null;
            name?: string | null;
            slug?: string | null;
        };
        /** @description Body of `PATCH /services/{id}`. Settings are merged; null takes one back to its default. */
        UpdateService: components["schemas"]["RunFields"] & {
            /**
             * Format: int64
             * @description `STALE_SERVICE` when the service has another one by now.
             */
            lock_version?: number | null;
            name?: string | null;
            settings?: Record<string, unknown> | null;
            source?: components["schemas"]["NewSource"] | null;
        };
        /** @description Body of `PATCH /volumes/{id}/snapshots/{snapshot_id}`. Fields left out stay as they are. */
        UpdateSnapshot: {
            metadata?: Record<string, unknown> | null;
            name?: string | null;
            protected?: boolean | null;
        };
        /** @description Body of `PATCH /volumes/{id}`. Fields left out stay as they are. */
        UpdateVolume: {
            /** @description Run after each snapshot, always; empty for none. */
            after_snapshot?: string | null;
            /** @description Run in the computer before each snapshot; empty for none. */
            before_snapshot?: string | null;
            delete_protection?: boolean | null;
            /**
             * Format: int64
             * @description Of each hook: 1 to 600; 30 when left out.
             */
            hook_timeout_seconds?: number | null;
            metadata?: Record<string, unknown> | null;
            name?: string | null;
            /** Format: int64 */
            size_bytes?: number | null;
            /**
             * Format: int64
             * @description Growth is not available yet: refused unless it is the present size.
             */
            size_gb?: number | null;
            /**
             * Format: int64
             * @description 1 to 365; 7 when left out.
             */
            snapshot_retention_days?: number | null;
            /** @description Five cron fields in UTC, or `@daily` and the like; null or empty switches it off. */
            snapshot_schedule?: string | null;
        };
        /** @description A variable in the environment of a service's replicas. */
        Variable: {
            name: string;
            value: string;
        };
        /** @enum {string} */
        VariableSource: "service" | "server";
        /** @enum {string} */
        VerificationState: "running" | "intact" | "damaged" | "unreadable";
        /** @enum {string} */
        VersionState: "created" | "building" | "ready" | "failed" | "archived";
        /** @enum {string} */
        Visibility: "public" | "tenant" | "key";
        /** @description A volume as clients see it. */
        Volume: {
            /** @description The first attachment's computer. */
            attached_to?: string | null;
            attachments: components["schemas"]["VolumeAttachment"][];
            /** @description Always `local` today. */
            backend: components["schemas"]["Backend"];
            compaction?: components["schemas"]["Compaction"] | null;
            /** @description RFC 3339 in UTC. */
            created_at: string;
            delete_protection: boolean;
            /** @description When it went to the trash; absent otherwise. */
            deleted_at?: string | null;
            /** @description Why the volume is in `error` or `unavailable`. */
            error?: string | null;
            /** @description When it goes to the trash by itself; absent unless it was made with a `ttl`. */
            expires_at?: string | null;
            /** @description Always `ext4`. */
            filesystem: components["schemas"]["Filesystem"];
            host_id: string;
            id: string;
            metadata: {
                [key: string]: string;
            };
            name: string;
            origin?: components["schemas"]["VolumeOrigin"] | null;
            project_id: string;
            /** @description When the trash lets go of it for good; absent otherwise. */
            purge_after?: string | null;
            region: string;
            /** Format: int64 */
            size_bytes: number;
            /**
             * Format: int64
             * @description `size_bytes` in GB (2^30 bytes), rounded up.
             */
            size_gb: number;
            /**
             * Format: int32
             * @description Scheduled snapshots are kept for so long.
             */
            snapshot_retention_days: number;
            /** @description Five cron fields, in UTC. */
            snapshot_schedule?: string | null;
            snapshots?: components["schemas"]["VolumeSnapshots"];
            space?: components["schemas"]["VolumeSpace"] | null;
            /** @description The same as `status`. */
            state: components["schemas"]["VolumeState"];
            /** @description creating, available, attaching, attached, detaching, deleting, deleted, restoring, error or unavailable. */
            status: components["schemas"]["VolumeState"];
            tenant_id: string;
            /** @description `volume`: every volume is a data service of that type. */
            type?: components["schemas"]["DataServiceType"];
            updated_at: string;
            /**
             * Format: int64
             * @description Bytes of the pool that the volume really occupies, as last reported by its host.
             */
            used_bytes: number;
            workspace_id?: string | null;
        };
        /** @description An attachment as its volume lists it. */
        VolumeAttachment: {
            computer_id?: string | null;
            id: string;
            instance_id?: string | null;
            mount_path: string;
            read_only: boolean;
            service_id?: string | null;
            /** @description attaching, attached, detaching or failed. */
            state: components["schemas"]["AttachmentState"];
        };
        VolumeOrigin: {
            id: string;
            /** @description snapshot or volume. */
            kind: components["schemas"]["OriginKind"];
        };
        /** @description A volume's snapshots and their schedule, in short. */
        VolumeSnapshots: {
            /** @description Run after each snapshot, always. */
            after_snapshot?: string | null;
            /** @description Run in the computer before each snapshot; if it fails, no snapshot is taken. */
            before_snapshot?: string | null;
            /**
             * Format: int64
             * @description Those that are ready.
             */
            count: number;
            /**
             * Format: int32
             * @description Failed runs in a row.
             */
            failures: number;
            /** Format: int32 */
            hook_timeout_seconds: number;
            /** @description When the newest of them was taken. */
            last_taken_at?: string | null;
            /** @description The next three times of the schedule. Each is taken up to 30 seconds later, so that not all volumes come at once. */
            next: string[];
            /** @description When the schedule's next snapshot is really taken, or tried again. */
            next_run_at?: string | null;
            /** @description Why it is paused or failing. */
            schedule_message?: string | null;
            /** @description off, ok, paused (the pool is nearly full) or failing. */
            schedule_state: components["schemas"]["ScheduleState"];
        };
        /** @description Where the bytes are, measured in the background. */
        VolumeSpace: {
            /**
             * Format: int64
             * @description What the image occupies in the pool.
             */
            allocated_bytes: number;
            /**
             * Format: int64
             * @description Pieces that the image lies in.
             */
            extents: number;
            /**
             * Format: int64
             * @description What the filesystem counts as used; absent while the volume is not attached.
             */
            filesystem_used_bytes?: number | null;
            /**
             * Format: int64
             * @description What only this volume's snapshots still hold.
             */
            held_by_snapshots_bytes: number;
            measured_at: string;
            /**
             * Format: int32
             * @description How long writers would wait if a snapshot were taken now.
             */
            predicted_stall_ms: number;
        };
        /** @enum {string} */
        VolumeState: "creating" | "available" | "attaching" | "attached" | "detaching" | "deleting" | "deleted" | "restoring" | "error" | "unavailable";
    };
    responses: {
        /** @description `INVALID_ID`, `INVALID_JSON` or `MISSING_PARAM`. */
        BadRequest: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"];
            };
        };
        /** @description `insufficient_scope`: the key is known and not allowed to do this. */
        Forbidden: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"];
            };
        };
        /** @description `VALIDATION_ERROR`, with texts per field in `errors`, or another code for a value. */
        Invalid: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"];
            };
        };
        /** @description `NOT_FOUND`: absent, deleted, or another tenant's. */
        NotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"];
            };
        };
        /** @description `rate_limit_exceeded`: repeat after `Retry-After` seconds. */
        TooManyRequests: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"];
            };
        };
        /** @description `invalid_token`: the key is missing, malformed, unknown or revoked. */
        Unauthorized: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ErrorEnvelope"];
            };
        };
    };
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    list_computers: {
        parameters: {
            query?: {
                /** @description From 1. */
                page?: number;
                /** @description More than 100 is taken as 100. */
                page_size?: number;
                /** @description The same as `page_size`. */
                per_page?: number;
                /** @description More than 1000 is taken as 1000. */
                limit?: number;
                offset?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Only computers in this status. */
                status?: components["schemas"]["ComputerStatus"];
                /** @description The same as `status`. */
                state?: components["schemas"]["ComputerStatus"];
                name?: string;
                project_id?: string;
                workspace_id?: string;
                region?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of computers. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ComputerList"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    create_computer: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "build-box",
                 *       "size": "small"
                 *     }
                 */
                "application/json": components["schemas"]["CreateComputer"];
            };
        };
        responses: {
            /** @description The computer, `provisioning`. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Computer"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `INSUFFICIENT_CAPACITY`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    list_attachments: {
        parameters: {
            query?: {
                /** @description From 1. */
                page?: number;
                /** @description More than 100 is taken as 100. */
                page_size?: number;
                /** @description The same as `page_size`. */
                per_page?: number;
                /** @description More than 1000 is taken as 1000. */
                limit?: number;
                offset?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description Computer */
                computer_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of attachments. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Attachment"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    attach_volume: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Computer */
                computer_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "mount_path": "/mnt/data",
                 *       "volume_id": "0198c0de-0000-7000-8000-000000000001"
                 *     }
                 */
                "application/json": components["schemas"]["CreateAttachment"];
            };
        };
        responses: {
            /** @description The attachment. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Attachment"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `VOLUME_ATTACHED` (with the attachment in `details`), `MOUNT_PATH_IN_USE`, `VOLUME_HOST_MISMATCH`, `VOLUME_NOT_READY`, `INSUFFICIENT_CAPACITY`, `RESOURCE_STATE` or `MANAGED_BY_SERVICE`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    get_computer_attachment: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Computer */
                computer_id: string;
                /** @description Attachment */
                attachment_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The attachment. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Attachment"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    detach_volume: {
        parameters: {
            query?: {
                /** @description End the processes that hold files open. */
                force?: boolean;
            };
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Computer */
                computer_id: string;
                /** @description Attachment */
                attachment_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The volume is available again. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Deleted"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `VOLUME_IN_USE`, `RESOURCE_STATE` or `MANAGED_BY_SERVICE`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    get_computer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Computer */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The computer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Computer"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    replace_computer: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Computer */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "build-box-2"
                 *     }
                 */
                "application/json": components["schemas"]["UpdateComputer"];
            };
        };
        responses: {
            /** @description The computer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Computer"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    post_computer: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Computer */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "build-box-2"
                 *     }
                 */
                "application/json": components["schemas"]["UpdateComputer"];
            };
        };
        responses: {
            /** @description The computer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Computer"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    delete_computer: {
        parameters: {
            query?: {
                /** @description Kill at once instead of after 10 seconds of grace. */
                force?: boolean;
            };
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Computer */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The computer is going away. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Deleted"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    update_computer: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Computer */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "build-box-2"
                 *     }
                 */
                "application/json": components["schemas"]["UpdateComputer"];
            };
        };
        responses: {
            /** @description The computer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Computer"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    clone_computer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Computer */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description Always `RESOURCE_STATE`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    exec: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Computer */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "command": "df -h /mnt/data",
                 *       "timeout": 30
                 *     }
                 */
                "application/json": components["schemas"]["Exec"];
            };
        };
        responses: {
            /** @description What the command wrote, and its exit code. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_ExecResult"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `RESOURCE_STATE`, `COMPUTER_STARTING` while it boots, or `EXEC_FAILED`: the command may have run. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    exec_python: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Computer */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "code": "print(1 + 1)"
                 *     }
                 */
                "application/json": components["schemas"]["ExecPython"];
            };
        };
        responses: {
            /** @description What the program wrote, and its exit code. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_ExecResult"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description As for `POST /computers/{id}/exec`; `PYTHON_NOT_FOUND` if the template has no python3. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    get_logs: {
        parameters: {
            query?: {
                /** @description At most this many of the newest lines; default 100, at most 10000. */
                lines?: number;
                /** @description Only lines later than this: RFC 3339, or seconds since 1970. */
                since?: string;
            };
            header?: never;
            path: {
                /** @description Computer */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Lines of the first process, oldest first. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Logs"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    stream_logs: {
        parameters: {
            query?: {
                /** @description At most this many of the newest lines; default 100, at most 10000. */
                lines?: number;
                /** @description Only lines later than this: RFC 3339, or seconds since 1970. */
                since?: string;
            };
            header?: never;
            path: {
                /** @description Computer */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Events `log` with a line each. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    move_computer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Computer */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description Always `RESOURCE_STATE`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    resize_computer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Computer */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description Always `RESOURCE_STATE`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    restart_computer: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Computer */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The computer, `running`, or `starting` after 15 seconds. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_ComputerAction"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    start_computer: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Computer */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The computer, `running`, or `starting` after 15 seconds. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_ComputerAction"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    stop_computer: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Computer */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The computer, `stopped`, or `stopping` after 15 seconds. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_ComputerAction"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    list_data_services: {
        parameters: {
            query?: {
                /** @description From 1. */
                page?: number;
                /** @description More than 100 is taken as 100. */
                page_size?: number;
                /** @description The same as `page_size`. */
                per_page?: number;
                /** @description More than 1000 is taken as 1000. */
                limit?: number;
                offset?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Only volumes in this state; `deleted` lists the trash. */
                status?: components["schemas"]["VolumeState"];
                /** @description The same as `status`. */
                state?: components["schemas"]["VolumeState"];
                name?: string;
                project_id?: string;
                workspace_id?: string;
                region?: string;
                /** @description Only volumes attached to this computer. */
                attached_to?: string;
                /** @description Only of this type: `volume`. */
                type?: components["schemas"]["DataServiceType"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of data services. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Volume"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    create_data_service: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "shop-db",
                 *       "size": "medium",
                 *       "type": "volume"
                 *     }
                 */
                "application/json": components["schemas"]["CreateDataService"];
            };
        };
        responses: {
            /** @description The volume. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Volume"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `VOLUME_LIMIT_REACHED` or `INSUFFICIENT_CAPACITY`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    get_data_service: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Volume */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The volume. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Volume"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    replace_data_service: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Volume */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "snapshot_retention_days": 7,
                 *       "snapshot_schedule": "0 4 * * *"
                 *     }
                 */
                "application/json": components["schemas"]["UpdateVolume"];
            };
        };
        responses: {
            /** @description The volume. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Volume"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    delete_data_service: {
        parameters: {
            query?: {
                /** @description Remove it for good. Not available yet: 422 when true. */
                purge?: boolean;
            };
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Volume */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The volume is in the trash. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Deleted"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `VOLUME_IN_USE`, `PROTECTED` or `VOLUME_NOT_READY`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    update_data_service: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Volume */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "snapshot_retention_days": 7,
                 *       "snapshot_schedule": "0 4 * * *"
                 *     }
                 */
                "application/json": components["schemas"]["UpdateVolume"];
            };
        };
        responses: {
            /** @description The volume. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Volume"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    list_deployments: {
        parameters: {
            query?: {
                /** @description From 1. */
                page?: number;
                /** @description More than 100 is taken as 100. */
                page_size?: number;
                /** @description The same as `page_size`. */
                per_page?: number;
                /** @description More than 1000 is taken as 1000. */
                limit?: number;
                offset?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Only deployments in this state. */
                status?: components["schemas"]["DeploymentState"];
                name?: string;
                project_id?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of deployments. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Deployment"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    create_deployment: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "shop",
                 *       "port": 8080,
                 *       "source": {
                 *         "ref": "miosa-default",
                 *         "type": "template"
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["CreateDeployment"];
            };
        };
        responses: {
            /** @description The deployment. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Deployment"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description As for `POST /services`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    get_deployment: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The deployment. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Deployment"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    replace_deployment: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "shop"
                 *     }
                 */
                "application/json": components["schemas"]["UpdateDeployment"];
            };
        };
        responses: {
            /** @description The deployment. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Deployment"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    delete_deployment: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The deployment is going away. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Deleted"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    update_deployment: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "shop"
                 *     }
                 */
                "application/json": components["schemas"]["UpdateDeployment"];
            };
        };
        responses: {
            /** @description The deployment. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Deployment"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    deployment_logs: {
        parameters: {
            query?: {
                /** @description At most this many of the newest lines of each replica; default 100, at most 10000. */
                lines?: number;
                /** @description The same as `lines`. */
                tail?: number;
                /** @description Only lines later than this: RFC 3339, or seconds since 1970. */
                since?: string;
                /** @description With `Accept: text/event-stream`: go on with new lines (default true), or end after those that are there. */
                follow?: boolean;
                /** @description Only this replica. */
                replica?: number;
            };
            header?: never;
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Lines of all instances, by time. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_ServiceLogLine"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    redeploy_deployment: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /** @example {} */
                "application/json": components["schemas"]["DeployService"];
            };
        };
        responses: {
            /** @description The deployment. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Deployment"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description As for `POST /services`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    list_deployment_releases: {
        parameters: {
            query?: {
                /** @description From 1. */
                page?: number;
                /** @description More than 100 is taken as 100. */
                page_size?: number;
                /** @description The same as `page_size`. */
                per_page?: number;
                /** @description More than 1000 is taken as 1000. */
                limit?: number;
                offset?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Only releases in this state. */
                status?: components["schemas"]["VersionState"];
            };
            header?: never;
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of releases. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_DeploymentRelease"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    get_deployment_release: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Service */
                id: string;
                /** @description Release */
                release_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The release. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_DeploymentRelease"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    promote_deployment_release: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Service */
                id: string;
                /** @description Release */
                release_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "environment": "production"
                 *     }
                 */
                "application/json": components["schemas"]["DeployService"];
            };
        };
        responses: {
            /** @description The deployment. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Deployment"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `RELEASE_STATE`: it was never healthy. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            /** @description `RELEASE_GONE`. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    rollback_deployment: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /** @example {} */
                "application/json": components["schemas"]["DeployService"];
            };
        };
        responses: {
            /** @description The deployment. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Deployment"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `RELEASE_STATE`: it was never healthy; `SERVICE_STATE`: there is none; `NO_SNAPSHOT_AVAILABLE`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            /** @description `RELEASE_GONE`. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    list_deployment_instances: {
        parameters: {
            query?: {
                /** @description From 1. */
                page?: number;
                /** @description More than 100 is taken as 100. */
                page_size?: number;
                /** @description The same as `page_size`. */
                per_page?: number;
                /** @description More than 1000 is taken as 1000. */
                limit?: number;
                offset?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of runtime instances. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_RuntimeInstance"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    get_deployment_instance: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Service */
                id: string;
                /** @description Runtime instance */
                instance_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The runtime instance. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_RuntimeInstance"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    deployment_instance_logs: {
        parameters: {
            query?: {
                /** @description At most this many of the newest lines; default 100, at most 10000. */
                lines?: number;
                /** @description Only lines later than this: RFC 3339, or seconds since 1970. */
                since?: string;
            };
            header?: never;
            path: {
                /** @description Service */
                id: string;
                /** @description Runtime instance */
                instance_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The log. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_InstanceLogs"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    scale_deployment: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "instances": 4
                 *     }
                 */
                "application/json": components["schemas"]["ScaleService"];
            };
        };
        responses: {
            /** @description The deployment. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Deployment"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description As for `POST /services/{id}/scale`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    stop_deployment: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The deployment. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Deployment"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    list_versions: {
        parameters: {
            query?: {
                /** @description From 1. */
                page?: number;
                /** @description More than 100 is taken as 100. */
                page_size?: number;
                /** @description The same as `page_size`. */
                per_page?: number;
                /** @description More than 1000 is taken as 1000. */
                limit?: number;
                offset?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Only versions in this state. */
                status?: components["schemas"]["VersionState"];
            };
            header?: never;
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of versions. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_DeploymentVersion"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    get_version: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Service */
                id: string;
                /** @description Release */
                version_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The version. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_DeploymentVersion"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    promote_version: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Service */
                id: string;
                /** @description Release */
                version_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "environment": "production"
                 *     }
                 */
                "application/json": components["schemas"]["DeployService"];
            };
        };
        responses: {
            /** @description The deployment. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Deployment"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `RELEASE_STATE`: it was never healthy. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            /** @description `RELEASE_GONE`: a volume that it mounts is no longer there. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    get_version_release: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Service */
                id: string;
                /** @description Release */
                version_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The release. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_DeploymentRelease"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The process serves requests. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    healthz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The process serves requests. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Prometheus text format, version 0.0.4. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
        };
    };
    openapi_json: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The OpenAPI document. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, unknown>;
                };
            };
        };
    };
    project_capabilities: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The capabilities. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_ProjectCapabilities"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    list_projects: {
        parameters: {
            query?: {
                /** @description From 1. */
                page?: number;
                /** @description More than 100 is taken as 100. */
                page_size?: number;
                /** @description The same as `page_size`. */
                per_page?: number;
                /** @description More than 1000 is taken as 1000. */
                limit?: number;
                offset?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                name?: string;
                workspace_id?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of projects. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Project"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    create_project: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "metadata": {
                 *         "team": "web"
                 *       },
                 *       "name": "shop"
                 *     }
                 */
                "application/json": components["schemas"]["CreateProject"];
            };
        };
        responses: {
            /** @description The project. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Project"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    get_any_data_service: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Volume */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The volume. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Volume"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    replace_any_data_service: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Volume */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "snapshot_retention_days": 7,
                 *       "snapshot_schedule": "0 4 * * *"
                 *     }
                 */
                "application/json": components["schemas"]["UpdateVolume"];
            };
        };
        responses: {
            /** @description The volume. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Volume"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    delete_any_data_service: {
        parameters: {
            query?: {
                /** @description Remove it for good. Not available yet: 422 when true. */
                purge?: boolean;
            };
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Volume */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The volume is in the trash. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Deleted"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `VOLUME_IN_USE`, `PROTECTED` or `VOLUME_NOT_READY`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    update_any_data_service: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Volume */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "snapshot_retention_days": 7,
                 *       "snapshot_schedule": "0 4 * * *"
                 *     }
                 */
                "application/json": components["schemas"]["UpdateVolume"];
            };
        };
        responses: {
            /** @description The volume. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Volume"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    get_project: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Project: its id, or `default`. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The project. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Project"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    replace_project: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Project: its id, or `default`. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "description": "everything behind shop.example"
                 *     }
                 */
                "application/json": components["schemas"]["UpdateProject"];
            };
        };
        responses: {
            /** @description The project. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Project"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    delete_project: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Project: its id, or `default`. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The project is gone. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Deleted"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `PROJECT_IN_USE`: it is the default one, or not empty. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    update_project: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Project: its id, or `default`. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "description": "everything behind shop.example"
                 *     }
                 */
                "application/json": components["schemas"]["UpdateProject"];
            };
        };
        responses: {
            /** @description The project. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Project"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    list_environments: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Project: its id, or `default`. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Environment"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    list_project_data_services: {
        parameters: {
            query?: {
                /** @description From 1. */
                page?: number;
                /** @description More than 100 is taken as 100. */
                page_size?: number;
                /** @description The same as `page_size`. */
                per_page?: number;
                /** @description More than 1000 is taken as 1000. */
                limit?: number;
                offset?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Only volumes in this state; `deleted` lists the trash. */
                status?: components["schemas"]["VolumeState"];
                /** @description The same as `status`. */
                state?: components["schemas"]["VolumeState"];
                name?: string;
                project_id?: string;
                workspace_id?: string;
                region?: string;
                /** @description Only volumes attached to this computer. */
                attached_to?: string;
                /** @description Only of this type: `volume`. */
                type?: components["schemas"]["DataServiceType"];
            };
            header?: never;
            path: {
                /** @description Project: its id, or `default`. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of data services. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Volume"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    create_project_data_service: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Project: its id, or `default`. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "shop-db",
                 *       "size": 10,
                 *       "type": "volume"
                 *     }
                 */
                "application/json": components["schemas"]["CreateDataService"];
            };
        };
        responses: {
            /** @description The volume. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Volume"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `VOLUME_LIMIT_REACHED` or `INSUFFICIENT_CAPACITY`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    get_project_data_service: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Project: its id, or `default`. */
                project_id: string;
                /** @description Volume */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The volume. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Volume"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    replace_project_data_service: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Project: its id, or `default`. */
                project_id: string;
                /** @description Volume */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "snapshot_retention_days": 7,
                 *       "snapshot_schedule": "0 4 * * *"
                 *     }
                 */
                "application/json": components["schemas"]["UpdateVolume"];
            };
        };
        responses: {
            /** @description The volume. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Volume"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    delete_project_data_service: {
        parameters: {
            query?: {
                /** @description Remove it for good. Not available yet: 422 when true. */
                purge?: boolean;
            };
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Project: its id, or `default`. */
                project_id: string;
                /** @description Volume */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The volume is in the trash. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Deleted"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `VOLUME_IN_USE`, `PROTECTED` or `VOLUME_NOT_READY`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    update_project_data_service: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Project: its id, or `default`. */
                project_id: string;
                /** @description Volume */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "snapshot_retention_days": 7,
                 *       "snapshot_schedule": "0 4 * * *"
                 *     }
                 */
                "application/json": components["schemas"]["UpdateVolume"];
            };
        };
        responses: {
            /** @description The volume. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Volume"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    create_project_deployment: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Project: its id, or `default`. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "shop",
                 *       "source": {
                 *         "ref": "miosa-default",
                 *         "type": "template"
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["CreateDeployment"];
            };
        };
        responses: {
            /** @description The deployment. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Deployment"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description As for `POST /services`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    list_project_services: {
        parameters: {
            query?: {
                /** @description From 1. */
                page?: number;
                /** @description More than 100 is taken as 100. */
                page_size?: number;
                /** @description The same as `page_size`. */
                per_page?: number;
                /** @description More than 1000 is taken as 1000. */
                limit?: number;
                offset?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Only services in this state. */
                status?: components["schemas"]["ServiceState"];
                name?: string;
                project_id?: string;
                /** @description Only this environment: `production` is the one there is. */
                env?: string;
            };
            header?: never;
            path: {
                /** @description Project: its id, or `default`. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of services. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Service"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    create_project_service: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Project: its id, or `default`. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "shop",
                 *       "source": {
                 *         "ref": "miosa-default",
                 *         "type": "template"
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["CreateService"];
            };
        };
        responses: {
            /** @description The service. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Service"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description As for `POST /services`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    readyz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The database answers, and the agent is connected and has recovered. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Ready"];
                };
            };
            /** @description What is missing is in `error.details.reasons`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
        };
    };
    get_any_release: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Release */
                release_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The release. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_DeploymentRelease"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    delete_release: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Release */
                release_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The release, `canceled`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Release"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `RELEASE_STATE`: there is nothing left to cancel. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    cancel_release: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Release */
                release_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The release, `canceled`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Release"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `RELEASE_STATE`: there is nothing left to cancel. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    redeploy_release: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Release */
                release_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /** @example {} */
                "application/json": components["schemas"]["DeployService"];
            };
        };
        responses: {
            /** @description The new release. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Release"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `RELEASE_STATE`: it was never healthy. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            /** @description `RELEASE_GONE`. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    rollback_release: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Release */
                release_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /** @example {} */
                "application/json": components["schemas"]["DeployService"];
            };
        };
        responses: {
            /** @description The new release. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Release"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `RELEASE_STATE`: it was never healthy. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            /** @description `RELEASE_GONE`. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    list_services: {
        parameters: {
            query?: {
                /** @description From 1. */
                page?: number;
                /** @description More than 100 is taken as 100. */
                page_size?: number;
                /** @description The same as `page_size`. */
                per_page?: number;
                /** @description More than 1000 is taken as 1000. */
                limit?: number;
                offset?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Only services in this state. */
                status?: components["schemas"]["ServiceState"];
                name?: string;
                project_id?: string;
                /** @description Only this environment: `production` is the one there is. */
                env?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of services. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Service"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    create_service: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "shop",
                 *       "settings": {
                 *         "port": 8080,
                 *         "start_command": "exec httpd -f -p $PORT"
                 *       },
                 *       "source": {
                 *         "ref": "miosa-default",
                 *         "type": "template"
                 *       },
                 *       "volumes": [
                 *         {
                 *           "dataServiceId": "0198c0de-0000-7000-8000-000000000001",
                 *           "mountPath": "/data"
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["CreateService"];
            };
        };
        responses: {
            /** @description The service. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Service"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `VOLUME_ATTACHED`, `VOLUME_HOST_MISMATCH`, `VOLUME_NOT_READY` or `INSUFFICIENT_CAPACITY`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    get_service: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The service. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Service"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    replace_service: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "volumes": [
                 *         {
                 *           "dataServiceId": "0198c0de-0000-7000-8000-000000000001",
                 *           "mountPath": "/var/models"
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["UpdateService"];
            };
        };
        responses: {
            /** @description The service. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Service"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `STALE_SERVICE`, or as for `POST /services`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    delete_service: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The service is going away. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Deleted"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    update_service: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "volumes": [
                 *         {
                 *           "dataServiceId": "0198c0de-0000-7000-8000-000000000001",
                 *           "mountPath": "/var/models"
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["UpdateService"];
            };
        };
        responses: {
            /** @description The service. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Service"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `STALE_SERVICE`, or as for `POST /services`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    build_logs: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Service */
                id: string;
                /** @description Anything, such as `latest`. */
                build_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No lines. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Logs"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    list_releases: {
        parameters: {
            query?: {
                /** @description From 1. */
                page?: number;
                /** @description More than 100 is taken as 100. */
                page_size?: number;
                /** @description The same as `page_size`. */
                per_page?: number;
                /** @description More than 1000 is taken as 1000. */
                limit?: number;
                offset?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of releases. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Release"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    deploy_service: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "message": "new weights",
                 *       "snapshot_before": true
                 *     }
                 */
                "application/json": components["schemas"]["DeployService"];
            };
        };
        responses: {
            /** @description The release. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Release"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description As for `POST /services`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    get_release: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Service */
                id: string;
                /** @description Release */
                release_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The release. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Release"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    list_release_events: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Service */
                id: string;
                /** @description Release */
                release_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Its steps. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_ReleaseEvent"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    list_instances: {
        parameters: {
            query?: {
                /** @description From 1. */
                page?: number;
                /** @description More than 100 is taken as 100. */
                page_size?: number;
                /** @description The same as `page_size`. */
                per_page?: number;
                /** @description More than 1000 is taken as 1000. */
                limit?: number;
                offset?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of runtime instances. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_RuntimeInstance"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    get_instance: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Service */
                id: string;
                /** @description Runtime instance */
                instance_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The runtime instance. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_RuntimeInstance"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    service_logs: {
        parameters: {
            query?: {
                /** @description At most this many of the newest lines of each replica; default 100, at most 10000. */
                lines?: number;
                /** @description The same as `lines`. */
                tail?: number;
                /** @description Only lines later than this: RFC 3339, or seconds since 1970. */
                since?: string;
                /** @description With `Accept: text/event-stream`: go on with new lines (default true), or end after those that are there. */
                follow?: boolean;
                /** @description Only this replica. */
                replica?: number;
            };
            header?: never;
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Lines of all replicas, by time. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_ServiceLogLine"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    promote_service: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "number": 2,
                 *       "snapshot_before": true
                 *     }
                 */
                "application/json": components["schemas"]["DeployService"];
            };
        };
        responses: {
            /** @description The new release. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Release"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `RELEASE_STATE`: that one was never healthy. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            /** @description `RELEASE_GONE`: a volume that it mounts is no longer there. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    set_public_address: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `NOT_SUPPORTED`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    redeploy_service: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "snapshot_before": true
                 *     }
                 */
                "application/json": components["schemas"]["DeployService"];
            };
        };
        responses: {
            /** @description The release. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Release"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description As for `POST /services`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    restart_service: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /** @example {} */
                "application/json": components["schemas"]["DeployService"];
            };
        };
        responses: {
            /** @description The release. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Release"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `SERVICE_STATE`: no release was ever healthy. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    rollback_service: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "restore_data": true
                 *     }
                 */
                "application/json": components["schemas"]["DeployService"];
            };
        };
        responses: {
            /** @description The new release. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Release"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `SERVICE_STATE`, `RELEASE_STATE` or `NO_SNAPSHOT_AVAILABLE`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            /** @description `RELEASE_GONE`. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    list_runtime_instances: {
        parameters: {
            query?: {
                /** @description From 1. */
                page?: number;
                /** @description More than 100 is taken as 100. */
                page_size?: number;
                /** @description The same as `page_size`. */
                per_page?: number;
                /** @description More than 1000 is taken as 1000. */
                limit?: number;
                offset?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of runtime instances. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_RuntimeInstance"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    scale_service: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "replicas": 4
                 *     }
                 */
                "application/json": components["schemas"]["ScaleService"];
            };
        };
        responses: {
            /** @description The release that the replicas run. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Release"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `INSUFFICIENT_CAPACITY`, `VOLUME_ATTACHED` or `SERVICE_STATE`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    start_service: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /** @example {} */
                "application/json": components["schemas"]["DeployService"];
            };
        };
        responses: {
            /** @description The release. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Release"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `SERVICE_STATE`: it runs already. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    stop_service: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How many replicas ran. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_StoppedService"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    list_variables: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them, by name. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Variable"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    set_variables: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "variables": {
                 *         "LOG_LEVEL": "debug"
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["SetVariables"];
            };
        };
        responses: {
            /** @description All of them, by name. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Variable"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    list_effective_variables: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Service */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them, by name. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_EffectiveVariable"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    delete_variables: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Service */
                id: string;
                /** @description Names, with commas between them. */
                names: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Those that are left, by name. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Variable"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    get_attachment: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Attachment */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The attachment. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Attachment"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    delete_attachment: {
        parameters: {
            query?: {
                /** @description End the processes that hold files open. */
                force?: boolean;
            };
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Attachment */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The volume is available again. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Deleted"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `VOLUME_IN_USE`, `RESOURCE_STATE` or `MANAGED_BY_SERVICE`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    list_all_snapshots: {
        parameters: {
            query?: {
                /** @description Only of this volume, which may be gone. */
                volume_id?: string;
                /** @description From 1. */
                page?: number;
                /** @description More than 100 is taken as 100. */
                page_size?: number;
                /** @description The same as `page_size`. */
                per_page?: number;
                /** @description More than 1000 is taken as 1000. */
                limit?: number;
                offset?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Only snapshots in this state. */
                status?: components["schemas"]["SnapshotState"];
                /** @description The same as `status`. */
                state?: components["schemas"]["SnapshotState"];
                name?: string;
                project_id?: string;
                region?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of snapshots. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Snapshot"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    prune_snapshots: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "dry_run": true
                 *     }
                 */
                "application/json": components["schemas"]["PruneSnapshots"];
            };
        };
        responses: {
            /** @description What goes, and what stays though it has expired. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_PrunePlan"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    get_snapshot: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Snapshot */
                snapshot_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The snapshot. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Snapshot"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    replace_snapshot: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Snapshot */
                snapshot_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "last-good"
                 *     }
                 */
                "application/json": components["schemas"]["UpdateSnapshot"];
            };
        };
        responses: {
            /** @description The snapshot. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Snapshot"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    delete_snapshot: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Snapshot */
                snapshot_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Deleted"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `PROTECTED` or `SNAPSHOT_IN_USE`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    update_snapshot: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Snapshot */
                snapshot_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "last-good"
                 *     }
                 */
                "application/json": components["schemas"]["UpdateSnapshot"];
            };
        };
        responses: {
            /** @description The snapshot. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Snapshot"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    diff_snapshots: {
        parameters: {
            query: {
                /** @description Another snapshot of the same volume, older or newer. */
                to: string;
                /** @description Say which files differ, too. Without it, nothing is read. */
                files?: boolean;
                /** @description At most so many files are listed; all are counted. More than 1000 is taken as 1000. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Snapshot */
                snapshot_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Bytes and files that differ. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_SnapshotDiff"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `SNAPSHOT_NOT_READY`, or `COMPARISON_TIMEOUT`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    list_snapshot_files: {
        parameters: {
            query?: {
                /** @description Absolute, at most 4096 bytes, without `..`. `/` when left out. Bytes that are not UTF-8 may be percent-encoded. */
                path?: string;
                /** @description The same in base64, in place of `path`. */
                path_base64?: string;
                /** @description `next` of the part before. */
                after?: string;
                /** @description More than 1000 is taken as 1000. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Snapshot */
                snapshot_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Entries, under `data` and again under `entries`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FileList"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `SNAPSHOT_NOT_READY`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    download_snapshot_file: {
        parameters: {
            query?: {
                /** @description Absolute, at most 4096 bytes, without `..`. `/` when left out. Bytes that are not UTF-8 may be percent-encoded. */
                path?: string;
                /** @description The same in base64, in place of `path`. */
                path_base64?: string;
            };
            header?: {
                /** @description One range of bytes. */
                Range?: string;
            };
            path: {
                /** @description Snapshot */
                snapshot_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The file. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": components["schemas"]["FileContent"];
                };
            };
            /** @description The range. */
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": components["schemas"]["FileContent"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `SNAPSHOT_NOT_READY`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            /** @description `RANGE_NOT_SATISFIABLE`: the range begins behind the end. */
            416: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    stat_snapshot_file: {
        parameters: {
            query?: {
                /** @description Absolute, at most 4096 bytes, without `..`. `/` when left out. Bytes that are not UTF-8 may be percent-encoded. */
                path?: string;
                /** @description The same in base64, in place of `path`. */
                path_base64?: string;
            };
            header?: never;
            path: {
                /** @description Snapshot */
                snapshot_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The entry; of a symlink the symlink itself. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_FileEntry"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `SNAPSHOT_NOT_READY`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    restore_snapshot: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Snapshot */
                snapshot_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "recovered"
                 *     }
                 */
                "application/json": components["schemas"]["RestoreSnapshot"];
            };
        };
        responses: {
            /** @description The new volume. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Volume"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `SNAPSHOT_NOT_READY`, `VOLUME_LIMIT_REACHED` or `INSUFFICIENT_CAPACITY`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    verify_snapshot: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Snapshot */
                snapshot_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The snapshot, with its `verification`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Snapshot"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `SNAPSHOT_NOT_READY`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    list_volumes: {
        parameters: {
            query?: {
                /** @description From 1. */
                page?: number;
                /** @description More than 100 is taken as 100. */
                page_size?: number;
                /** @description The same as `page_size`. */
                per_page?: number;
                /** @description More than 1000 is taken as 1000. */
                limit?: number;
                offset?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Only volumes in this state; `deleted` lists the trash. */
                status?: components["schemas"]["VolumeState"];
                /** @description The same as `status`. */
                state?: components["schemas"]["VolumeState"];
                name?: string;
                project_id?: string;
                workspace_id?: string;
                region?: string;
                /** @description Only volumes attached to this computer. */
                attached_to?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of volumes. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Volume"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    create_volume: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "backend": "local",
                 *       "name": "model-weights",
                 *       "size_bytes": 53687091200
                 *     }
                 */
                "application/json": components["schemas"]["CreateVolume"];
            };
        };
        responses: {
            /** @description The volume. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Volume"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `VOLUME_LIMIT_REACHED` or `INSUFFICIENT_CAPACITY`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    get_volume: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Volume */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The volume. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Volume"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    replace_volume: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Volume */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "snapshot_retention_days": 7,
                 *       "snapshot_schedule": "0 4 * * *"
                 *     }
                 */
                "application/json": components["schemas"]["UpdateVolume"];
            };
        };
        responses: {
            /** @description The volume. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Volume"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    delete_volume: {
        parameters: {
            query?: {
                /** @description Remove it for good. Not available yet: 422 when true. */
                purge?: boolean;
            };
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Volume */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The volume is in the trash. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Deleted"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `VOLUME_IN_USE`, `PROTECTED` or `VOLUME_NOT_READY`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    update_volume: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Volume */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "snapshot_retention_days": 7,
                 *       "snapshot_schedule": "0 4 * * *"
                 *     }
                 */
                "application/json": components["schemas"]["UpdateVolume"];
            };
        };
        responses: {
            /** @description The volume. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Volume"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    clone_volume: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Volume */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "preview-17",
                 *       "ttl": "3d"
                 *     }
                 */
                "application/json": components["schemas"]["CloneVolume"];
            };
        };
        responses: {
            /** @description The new volume. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Volume"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `VOLUME_NOT_READY`, `SNAPSHOT_NOT_READY`, `VOLUME_LIMIT_REACHED`, `INSUFFICIENT_CAPACITY`, `STALL_BUDGET` or `WRITE_BACK_TIMEOUT`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    compact_volume: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Volume */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The volume, with its `compaction`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Volume"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `VOLUME_NOT_READY`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    list_volume_events: {
        parameters: {
            query?: {
                /** @description From 1. */
                page?: number;
                /** @description More than 100 is taken as 100. */
                page_size?: number;
                /** @description The same as `page_size`. */
                per_page?: number;
                /** @description More than 1000 is taken as 1000. */
                limit?: number;
                offset?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description Volume */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of events. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Event"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    resize_volume: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Volume */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "size_gb": 50
                 *     }
                 */
                "application/json": components["schemas"]["ResizeVolume"];
            };
        };
        responses: {
            /** @description The volume. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Volume"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    restore_volume: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Volume */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "force": true,
                 *       "snapshot_id": "0198c0de-0000-7000-8000-000000000001"
                 *     }
                 */
                "application/json": components["schemas"]["RestoreSnapshot"];
            };
        };
        responses: {
            /** @description The volume, restored in place; `restoring` when that takes long. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Volume"];
                };
            };
            /** @description The new volume. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Volume"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `VOLUME_IN_USE`, `VOLUME_NOT_READY`, `SNAPSHOT_NOT_READY`, `NO_SNAPSHOT_AVAILABLE`, `VOLUME_LIMIT_REACHED`, `INSUFFICIENT_CAPACITY` or `RESTORE_FAILED`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    list_snapshots: {
        parameters: {
            query?: {
                /** @description From 1. */
                page?: number;
                /** @description More than 100 is taken as 100. */
                page_size?: number;
                /** @description The same as `page_size`. */
                per_page?: number;
                /** @description More than 1000 is taken as 1000. */
                limit?: number;
                offset?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Only snapshots in this state. */
                status?: components["schemas"]["SnapshotState"];
                /** @description The same as `status`. */
                state?: components["schemas"]["SnapshotState"];
                name?: string;
                project_id?: string;
                region?: string;
            };
            header?: never;
            path: {
                /** @description Volume */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of snapshots. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Snapshot"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    create_snapshot: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Volume */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "before-upgrade",
                 *       "protected": true
                 *     }
                 */
                "application/json": components["schemas"]["CreateSnapshot"];
            };
        };
        responses: {
            /** @description The snapshot. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Snapshot"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `VOLUME_NOT_READY` or `INSUFFICIENT_CAPACITY`; or it failed: `STALL_BUDGET`, `WRITE_BACK_TIMEOUT`, `HOOK_FAILED` or `SNAPSHOT_FAILED`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    get_volume_snapshot: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Volume */
                id: string;
                /** @description Snapshot */
                snapshot_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The snapshot. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Snapshot"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    replace_volume_snapshot: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Volume */
                id: string;
                /** @description Snapshot */
                snapshot_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "protected": true
                 *     }
                 */
                "application/json": components["schemas"]["UpdateSnapshot"];
            };
        };
        responses: {
            /** @description The snapshot. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Snapshot"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    delete_volume_snapshot: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Volume */
                id: string;
                /** @description Snapshot */
                snapshot_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Deleted"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `PROTECTED` or `SNAPSHOT_IN_USE`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    update_volume_snapshot: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Volume */
                id: string;
                /** @description Snapshot */
                snapshot_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "protected": true
                 *     }
                 */
                "application/json": components["schemas"]["UpdateSnapshot"];
            };
        };
        responses: {
            /** @description The snapshot. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Snapshot"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    diff_volume_snapshots: {
        parameters: {
            query: {
                /** @description Another snapshot of the same volume, older or newer. */
                to: string;
                /** @description Say which files differ, too. Without it, nothing is read. */
                files?: boolean;
                /** @description At most so many files are listed; all are counted. More than 1000 is taken as 1000. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Volume */
                id: string;
                /** @description Snapshot */
                snapshot_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Bytes and files that differ. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_SnapshotDiff"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `SNAPSHOT_NOT_READY`, or `COMPARISON_TIMEOUT`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    list_volume_snapshot_files: {
        parameters: {
            query?: {
                /** @description Absolute, at most 4096 bytes, without `..`. `/` when left out. Bytes that are not UTF-8 may be percent-encoded. */
                path?: string;
                /** @description The same in base64, in place of `path`. */
                path_base64?: string;
                /** @description `next` of the part before. */
                after?: string;
                /** @description More than 1000 is taken as 1000. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Volume */
                id: string;
                /** @description Snapshot */
                snapshot_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Entries, under `data` and again under `entries`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FileList"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `SNAPSHOT_NOT_READY`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    download_volume_snapshot_file: {
        parameters: {
            query?: {
                /** @description Absolute, at most 4096 bytes, without `..`. `/` when left out. Bytes that are not UTF-8 may be percent-encoded. */
                path?: string;
                /** @description The same in base64, in place of `path`. */
                path_base64?: string;
            };
            header?: {
                /** @description One range of bytes. */
                Range?: string;
            };
            path: {
                /** @description Volume */
                id: string;
                /** @description Snapshot */
                snapshot_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The file. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": components["schemas"]["FileContent"];
                };
            };
            /** @description The range. */
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": components["schemas"]["FileContent"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `SNAPSHOT_NOT_READY`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            /** @description `RANGE_NOT_SATISFIABLE`: the range begins behind the end. */
            416: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    stat_volume_snapshot_file: {
        parameters: {
            query?: {
                /** @description Absolute, at most 4096 bytes, without `..`. `/` when left out. Bytes that are not UTF-8 may be percent-encoded. */
                path?: string;
                /** @description The same in base64, in place of `path`. */
                path_base64?: string;
            };
            header?: never;
            path: {
                /** @description Volume */
                id: string;
                /** @description Snapshot */
                snapshot_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The entry; of a symlink the symlink itself. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_FileEntry"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `SNAPSHOT_NOT_READY`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    restore_volume_snapshot: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Volume */
                id: string;
                /** @description Snapshot */
                snapshot_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "recovered",
                 *       "size_gb": 100
                 *     }
                 */
                "application/json": components["schemas"]["RestoreSnapshot"];
            };
        };
        responses: {
            /** @description The volume, restored in place. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Volume"];
                };
            };
            /** @description The new volume. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Volume"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `VOLUME_IN_USE`, `VOLUME_NOT_READY`, `SNAPSHOT_NOT_READY`, `VOLUME_LIMIT_REACHED`, `INSUFFICIENT_CAPACITY` or `RESTORE_FAILED`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    verify_volume_snapshot: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Volume */
                id: string;
                /** @description Snapshot */
                snapshot_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The snapshot, with its `verification`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Snapshot"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `SNAPSHOT_NOT_READY`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
    undelete_volume: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
                 *     with the header `Idempotent-Replayed: true`.
                 */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description Volume */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The volume. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Twin_Volume"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description `VOLUME_LIMIT_REACHED` or `VOLUME_NOT_READY`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorEnvelope"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooManyRequests"];
        };
    };
}
