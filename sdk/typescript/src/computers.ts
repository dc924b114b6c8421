/** Computers, to which volumes are attached. */

import { MiosaError } from "./errors.js";
import { followLog, type LogOptions } from "./logs.js";
import { List, list } from "./paging.js";
import type { Call, CallOptions, Transport } from "./transport.js";
import type {
  Computer,
  CreateComputer,
  Deleted,
  Exec,
  ExecEvent,
  ExecPython,
  ExecResult,
  LogLine,
  Logs,
  QueryOf,
  UpdateComputer,
} from "./types.js";
import { waitUntil, type Verdict, type WaitOptions } from "./wait.js";

/** The default `timeout` of a command. */
const EXEC_SECONDS_DEFAULT = 60;

export class Computers {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Newest first. */
  list(query?: QueryOf<"list_computers">, options?: CallOptions): List<Computer> {
    return list(this.#transport, ["computers"], query, options);
  }

  /** Starts automatically unless `auto_start` is false; see {@link waitUntilRunning}. */
  create(body: CreateComputer = {}, options?: CallOptions): Promise<Computer> {
    return this.#transport.object({ method: "POST", path: ["computers"], body }, options);
  }

  get(id: string, options?: CallOptions): Promise<Computer> {
    return this.#transport.object({ method: "GET", path: ["computers", id] }, options);
  }

  update(id: string, body: UpdateComputer, options?: CallOptions): Promise<Computer> {
    return this.#transport.object({ method: "PATCH", path: ["computers", id], body }, options);
  }

  /** Keeps its volumes. `force` ends its processes immediately instead of after a grace period of 10 s. */
  delete(id: string, query?: QueryOf<"delete_computer">, options?: CallOptions): Promise<Deleted> {
    return this.#transport.object({ method: "DELETE", path: ["computers", id], query }, options);
  }

  start(id: string, options?: CallOptions): Promise<Computer> {
    return this.#transport.object({ method: "POST", path: ["computers", id, "start"] }, options);
  }

  stop(id: string, options?: CallOptions): Promise<Computer> {
    return this.#transport.object({ method: "POST", path: ["computers", id, "stop"] }, options);
  }

  restart(id: string, options?: CallOptions): Promise<Computer> {
    return this.#transport.object({ method: "POST", path: ["computers", id, "restart"] }, options);
  }

  /** Runs a command and waits for it to exit. A nonzero exit code does not reject; check `exit_code`. */
  exec(id: string, body: Exec, options?: CallOptions): Promise<ExecResult> {
    return this.#transport.object(execCall(["computers", id, "exec"], body), options);
  }

  /** Runs a Python program, if the computer's template has python3. */
  python(id: string, body: ExecPython, options?: CallOptions): Promise<ExecResult> {
    return this.#transport.object(execCall(["computers", id, "exec", "python"], body), options);
  }

  /** Runs a command and yields its output as it is written. Leaving the loop early ends the command. */
  async *execStream(id: string, body: Exec, options?: CallOptions): AsyncGenerator<ExecEvent, void, undefined> {
    const events = await this.#transport.events(execCall(["computers", id, "exec"], body), options);
    for await (const { kind, data } of events) {
      const event = JSON.parse(data) as ExecEvent & { message: string };
      if (kind === "error") throw new MiosaError(`the command could not go on: ${event.message}`);
      yield event;
      if (event.type === "exit") return;
    }
    throw new MiosaError("the server ended the stream before the command ended");
  }

  /** The last lines of the first process's output. */
  logs(id: string, { lines, since, ...options }: LogOptions = {}): Promise<Logs> {
    return this.#transport.object({ method: "GET", path: ["computers", id, "logs"], query: { lines, since } }, options);
  }

  /** The last lines, then new ones as they are written, until the signal fires or the loop ends. */
  followLogs(id: string, { lines, since, ...options }: LogOptions = {}): AsyncGenerator<LogLine, void, undefined> {
    return followLog(this.#transport, ["computers", id, "logs", "stream"], { lines, since }, options);
  }

  /** Rejects if the computer is in error, stopped, or being destroyed, since it will not start automatically. */
  waitUntilRunning(id: string, options?: WaitOptions): Promise<Computer> {
    return waitUntil("running", (call) => this.get(id, call), judgeRunning, describe, options);
  }

  /** Rejects if the computer is in error or being destroyed. */
  waitUntilStopped(id: string, options?: WaitOptions): Promise<Computer> {
    return waitUntil("stopped", (call) => this.get(id, call), judgeStopped, describe, options);
  }
}

/** The server stores no idempotency keys for commands, so a command whose response was lost is not retried. */
function execCall(path: string[], body: Exec | ExecPython): Call {
  const extraTimeMs = (body.timeout ?? EXEC_SECONDS_DEFAULT) * 1000;
  return { method: "POST", path, body, repeat: "only-if-refused", extraTimeMs };
}

function judgeRunning(computer: Computer): Verdict {
  return computer.status === "running" ? "there" : neverRuns(computer, ["stopped", "error", "destroying", "destroyed"]);
}

function judgeStopped(computer: Computer): Verdict {
  return computer.status === "stopped" ? "there" : neverRuns(computer, ["error", "destroying", "destroyed"]);
}

function neverRuns(computer: Computer, ends: readonly string[]): Verdict {
  if (!ends.includes(computer.status)) return "not yet";
  const exited = typeof computer.exit_code === "number" ? ` (exit code ${computer.exit_code})` : "";
  return { never: computer.error ?? `it is ${computer.status}${exited}` };
}

function describe(computer: Computer): string {
  return `computer ${computer.name} (${computer.id}), which is ${computer.status},`;
}
