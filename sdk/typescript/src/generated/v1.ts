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
            mount_path: string;
            read_only: boolean;
            /** Format: int64 */
            size_gb: number;
            /** @description attaching, attached, detaching or failed. */
            state: string;
            /** @description The same as `state`. */
            status: string;
            updated_at: string;
            volume_id: string;
            volume_name: string;
        };
        ChangedFile: {
            /** @description added, removed or modified. */
            change: string;
            path: string;
            /** @description Present only when the path is not UTF-8. */
            path_base64?: string | null;
            /** Format: int64 */
            size: number;
            /** @description file, dir, symlink or other. */
            type: string;
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
            state: string;
        };
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
            network: string;
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
            /** @description xs, small, medium, large or xl. */
            size?: string | null;
            slug: string;
            /** @description The same as `status`. */
            state: string;
            /** @description provisioning, starting, running, stopping, stopped, error, destroying or destroyed. */
            status: string;
            template_type: string;
            tenant_id: string;
            updated_at: string;
            /** Format: int32 */
            vcpus: number;
            visibility?: string | null;
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
            /** @description `isolated` (default) or `host`. */
            network?: string | null;
            project_id?: string | null;
            region?: string | null;
            /** @description xs, small (default), medium, large, xl (or xlarge). */
            size?: string | null;
            /** @description Default `miosa-desktop`. */
            template_type?: string | null;
            visibility?: string | null;
            workspace_id?: string | null;
        };
        /** @description Body of `POST /data-services`: what a volume is made from, and two fields more. */
        CreateDataService: components["schemas"]["DataServiceFields"] & components["schemas"]["CreateVolume"];
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
            /** @description `local`. */
            backend?: string | null;
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
            /** @description `volume`, which is also what it is when left out. */
            type?: string | null;
        };
        /** @description How the size of a data service is written. */
        DataServiceSize: number | string;
        /** @description Answer to a DELETE of a volume, a snapshot, a computer or an attachment. */
        Deleted: {
            deleted: boolean;
            id: string;
            /**
             * @description `deleted` (a volume, now in the trash, or a snapshot), `destroying` (a computer) or `detached` (an attachment);
             *     `deleting` when the host has not done it yet.
             */
            status: string;
            success: boolean;
        };
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
            kind: string;
            message: string;
            /** @description Another volume that it has to do with: the fork, or what was forked. */
            other_volume_id?: string | null;
            /** Format: int64 */
            size_bytes?: number | null;
            snapshot_id?: string | null;
            volume_id: string;
        };
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
            type: string;
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
        /** @description Answer to `GET /healthz` and `GET /health`: the process serves requests, and nothing more. */
        Health: {
            /** @description Always `ok`. */
            status: string;
        };
        KeptSnapshot: {
            id: string;
            /** @description newest, protected or in_use. */
            reason: string;
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
            data: {
                computer_id: string;
                created_at: string;
                /** @description The block device on the host while the volume is mounted there, for example `/dev/loop7`. */
                device?: string | null;
                /** @description Why the attachment is `failed`. */
                error?: string | null;
                host_id: string;
                id: string;
                mount_path: string;
                read_only: boolean;
                /** Format: int64 */
                size_gb: number;
                /** @description attaching, attached, detaching or failed. */
                state: string;
                /** @description The same as `state`. */
                status: string;
                updated_at: string;
                volume_id: string;
                volume_name: string;
            }[];
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
                network: string;
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
                /** @description xs, small, medium, large or xl. */
                size?: string | null;
                slug: string;
                /** @description The same as `status`. */
                state: string;
                /** @description provisioning, starting, running, stopping, stopped, error, destroying or destroyed. */
                status: string;
                template_type: string;
                tenant_id: string;
                updated_at: string;
                /** Format: int32 */
                vcpus: number;
                visibility?: string | null;
                vm_id?: string | null;
                workspace_id?: string | null;
            }[];
            page: components["schemas"]["Page"];
        };
        List_Event: {
            data: {
                at: string;
                id: string;
                /** @description For example `snapshot.taken`; docs/reference/events.md lists them all. */
                kind: string;
                message: string;
                /** @description Another volume that it has to do with: the fork, or what was forked. */
                other_volume_id?: string | null;
                /** Format: int64 */
                size_bytes?: number | null;
                snapshot_id?: string | null;
                volume_id: string;
            }[];
            page: components["schemas"]["Page"];
        };
        List_Snapshot: {
            data: {
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
                /** @description While it is created: waiting, compacting or taking. */
                phase?: string | null;
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
                state: string;
                /** @description creating, ready, failed or deleting. */
                status: string;
                /** @description The instant: everything written before the call is in it, nothing written later than this. RFC 3339 in UTC. */
                taken_at?: string | null;
                tenant_id: string;
                /** @description manual, schedule or safety (taken before a restore in place). */
                trigger: string;
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
            }[];
            page: components["schemas"]["Page"];
        };
        List_Volume: {
            data: {
                /** @description The first attachment's computer. */
                attached_to?: string | null;
                attachments: components["schemas"]["VolumeAttachment"][];
                /** @description Always `local` today. */
                backend: string;
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
                filesystem: string;
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
                state: string;
                /** @description creating, available, attaching, attached, detaching, deleting, deleted, restoring, error or unavailable. */
                status: string;
                tenant_id: string;
                /** @description `volume`: every volume is a data service of that type. */
                type?: string;
                updated_at: string;
                /**
                 * Format: int64
                 * @description Bytes of the pool that the volume really occupies, as last reported by its host.
                 */
                used_bytes: number;
                workspace_id?: string | null;
            }[];
            page: components["schemas"]["Page"];
        };
        LogLine: {
            line: string;
            /** @description The same as `line`. */
            message: string;
            /** @description `stdout` or `stderr`. */
            stream: string;
            timestamp: string;
        };
        /** @description Answer to `GET /computers/{id}/logs`. */
        Logs: {
            lines: components["schemas"]["LogLine"][];
            /** @description The lines as one text. */
            logs: string;
        };
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
            /** @description While it is created: waiting, compacting or taking. */
            phase?: string | null;
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
            state: string;
            /** @description creating, ready, failed or deleting. */
            status: string;
            /** @description The instant: everything written before the call is in it, nothing written later than this. RFC 3339 in UTC. */
            taken_at?: string | null;
            tenant_id: string;
            /** @description manual, schedule or safety (taken before a restore in place). */
            trigger: string;
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
        /** @description The last time that the data was compared with the checksum. */
        SnapshotVerification: {
            at: string;
            message?: string | null;
            /** Format: int32 */
            progress_percent?: number | null;
            /** @description running, intact, damaged or unreadable. */
            state: string;
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_Attachment: {
            computer_id: string;
            created_at: string;
            /** @description The block device on the host while the volume is mounted there, for example `/dev/loop7`. */
            device?: string | null;
            /** @description Why the attachment is `failed`. */
            error?: string | null;
            host_id: string;
            id: string;
            mount_path: string;
            read_only: boolean;
            /** Format: int64 */
            size_gb: number;
            /** @description attaching, attached, detaching or failed. */
            state: string;
            /** @description The same as `state`. */
            status: string;
            updated_at: string;
            volume_id: string;
            volume_name: string;
        } & {
            data: {
                computer_id: string;
                created_at: string;
                /** @description The block device on the host while the volume is mounted there, for example `/dev/loop7`. */
                device?: string | null;
                /** @description Why the attachment is `failed`. */
                error?: string | null;
                host_id: string;
                id: string;
                mount_path: string;
                read_only: boolean;
                /** Format: int64 */
                size_gb: number;
                /** @description attaching, attached, detaching or failed. */
                state: string;
                /** @description The same as `state`. */
                status: string;
                updated_at: string;
                volume_id: string;
                volume_name: string;
            };
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_Computer: {
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
            network: string;
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
            /** @description xs, small, medium, large or xl. */
            size?: string | null;
            slug: string;
            /** @description The same as `status`. */
            state: string;
            /** @description provisioning, starting, running, stopping, stopped, error, destroying or destroyed. */
            status: string;
            template_type: string;
            tenant_id: string;
            updated_at: string;
            /** Format: int32 */
            vcpus: number;
            visibility?: string | null;
            vm_id?: string | null;
            workspace_id?: string | null;
        } & {
            /** @description A computer as clients see it. */
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
                network: string;
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
                /** @description xs, small, medium, large or xl. */
                size?: string | null;
                slug: string;
                /** @description The same as `status`. */
                state: string;
                /** @description provisioning, starting, running, stopping, stopped, error, destroying or destroyed. */
                status: string;
                template_type: string;
                tenant_id: string;
                updated_at: string;
                /** Format: int32 */
                vcpus: number;
                visibility?: string | null;
                vm_id?: string | null;
                workspace_id?: string | null;
            };
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_ComputerAction: (components["schemas"]["Computer"] & {
            message: string;
            success: boolean;
        }) & {
            /** @description Answer to start, stop and restart: the whole computer, and what was done. */
            data: components["schemas"]["Computer"] & {
                message: string;
                success: boolean;
            };
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_Deleted: {
            deleted: boolean;
            id: string;
            /**
             * @description `deleted` (a volume, now in the trash, or a snapshot), `destroying` (a computer) or `detached` (an attachment);
             *     `deleting` when the host has not done it yet.
             */
            status: string;
            success: boolean;
        } & {
            /** @description Answer to a DELETE of a volume, a snapshot, a computer or an attachment. */
            data: {
                deleted: boolean;
                id: string;
                /**
                 * @description `deleted` (a volume, now in the trash, or a snapshot), `destroying` (a computer) or `detached` (an attachment);
                 *     `deleting` when the host has not done it yet.
                 */
                status: string;
                success: boolean;
            };
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_ExecResult: {
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
        } & {
            data: {
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
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_FileEntry: {
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
            type: string;
            /** Format: int32 */
            uid: number;
        } & {
            /**
             * @description A file or folder in a snapshot. Its name may hold bytes that are not UTF-8: those are shown as U+FFFD, and `path_base64` is
             *     exact.
             */
            data: {
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
                type: string;
                /** Format: int32 */
                uid: number;
            };
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_Logs: {
            lines: components["schemas"]["LogLine"][];
            /** @description The lines as one text. */
            logs: string;
        } & {
            /** @description Answer to `GET /computers/{id}/logs`. */
            data: {
                lines: components["schemas"]["LogLine"][];
                /** @description The lines as one text. */
                logs: string;
            };
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_PrunePlan: {
            dry_run: boolean;
            /**
             * Format: int64
             * @description Sum of the exclusive bytes of `pruned`, as far as they are known: at least so much becomes free.
             */
            freed_bytes: number;
            /** @description Expired, and kept all the same. */
            kept: components["schemas"]["KeptSnapshot"][];
            pruned: components["schemas"]["Snapshot"][];
        } & {
            /** @description What a prune removes, or would remove, and what stays only because of a rule. */
            data: {
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
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_Snapshot: {
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
            /** @description While it is created: waiting, compacting or taking. */
            phase?: string | null;
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
            state: string;
            /** @description creating, ready, failed or deleting. */
            status: string;
            /** @description The instant: everything written before the call is in it, nothing written later than this. RFC 3339 in UTC. */
            taken_at?: string | null;
            tenant_id: string;
            /** @description manual, schedule or safety (taken before a restore in place). */
            trigger: string;
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
        } & {
            /** @description A snapshot as clients see it. */
            data: {
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
                /** @description While it is created: waiting, compacting or taking. */
                phase?: string | null;
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
                state: string;
                /** @description creating, ready, failed or deleting. */
                status: string;
                /** @description The instant: everything written before the call is in it, nothing written later than this. RFC 3339 in UTC. */
                taken_at?: string | null;
                tenant_id: string;
                /** @description manual, schedule or safety (taken before a restore in place). */
                trigger: string;
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
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_SnapshotDiff: {
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
        } & {
            /** @description What differs between two snapshots of one volume. */
            data: {
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
        };
        /** @description `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}` */
        Twin_Volume: {
            /** @description The first attachment's computer. */
            attached_to?: string | null;
            attachments: components["schemas"]["VolumeAttachment"][];
            /** @description Always `local` today. */
            backend: string;
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
            filesystem: string;
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
            state: string;
            /** @description creating, available, attaching, attached, detaching, deleting, deleted, restoring, error or unavailable. */
            status: string;
            tenant_id: string;
            /** @description `volume`: every volume is a data service of that type. */
            type?: string;
            updated_at: string;
            /**
             * Format: int64
             * @description Bytes of the pool that the volume really occupies, as last reported by its host.
             */
            used_bytes: number;
            workspace_id?: string | null;
        } & {
            /** @description A volume as clients see it. */
            data: {
                /** @description The first attachment's computer. */
                attached_to?: string | null;
                attachments: components["schemas"]["VolumeAttachment"][];
                /** @description Always `local` today. */
                backend: string;
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
                filesystem: string;
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
                state: string;
                /** @description creating, available, attaching, attached, detaching, deleting, deleted, restoring, error or unavailable. */
                status: string;
                tenant_id: string;
                /** @description `volume`: every volume is a data service of that type. */
                type?: string;
                updated_at: string;
                /**
                 * Format: int64
                 * @description Bytes of the pool that the volume really occupies, as last reported by its host.
                 */
                used_bytes: number;
                workspace_id?: string | null;
            };
        };
        /** @description Body of `PATCH /computers/{id}`. Fields left out stay as they are. */
        UpdateComputer: {
            metadata?: Record<string, unknown> | null;
            name?: string | null;
            visibility?: string | null;
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
        /** @description A volume as clients see it. */
        Volume: {
            /** @description The first attachment's computer. */
            attached_to?: string | null;
            attachments: components["schemas"]["VolumeAttachment"][];
            /** @description Always `local` today. */
            backend: string;
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
            filesystem: string;
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
            state: string;
            /** @description creating, available, attaching, attached, detaching, deleting, deleted, restoring, error or unavailable. */
            status: string;
            tenant_id: string;
            /** @description `volume`: every volume is a data service of that type. */
            type?: string;
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
            state: string;
        };
        VolumeOrigin: {
            id: string;
            /** @description snapshot or volume. */
            kind: string;
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
            schedule_state: string;
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
        /** @description What is missing is in `error.details.reasons`. */
        NotReady: {
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
                status?: string;
                /** @description The same as `status`. */
                state?: string;
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
            /** @description `VOLUME_ATTACHED` (with the attachment in `details`), `MOUNT_PATH_IN_USE`, `VOLUME_HOST_MISMATCH`, `VOLUME_NOT_READY`, `INSUFFICIENT_CAPACITY` or `RESOURCE_STATE`. */
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
            /** @description `VOLUME_IN_USE` or `RESOURCE_STATE`. */
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
            header?: never;
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
            /** @description `RESOURCE_STATE`, or `COMPUTER_STARTING` while it boots. */
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
            header?: never;
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
            /** @description `RESOURCE_STATE`, also where the template has no python3, or `COMPUTER_STARTING`. */
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
                /** @description Only of this type: `volume`. */
                type?: string;
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
                /** @description Only of this type: `volume`. */
                type?: string;
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
            503: components["responses"]["NotReady"];
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
            /** @description `VOLUME_IN_USE` or `RESOURCE_STATE`. */
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
                status?: string;
                /** @description The same as `status`. */
                state?: string;
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
            /** @description `SNAPSHOT_NOT_READY`, or `RESOURCE_STATE` when comparing takes too long. */
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
                Range?: string | null;
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
                status?: string;
                /** @description The same as `status`. */
                state?: string;
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
                status?: string;
                /** @description The same as `status`. */
                state?: string;
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
            /** @description `SNAPSHOT_NOT_READY`, or `RESOURCE_STATE` when comparing takes too long. */
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
                Range?: string | null;
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
