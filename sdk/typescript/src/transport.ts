/**
 * One call: address, headers, time limit, repeats, and what its answer means.
 *
 * ```text
 *            ┌─ success ──────────────────────────────────────────► read
 *   attempt ─┼─ refusal that stays ───────────────────────────────► error
 *      ▲     └─ passing: no answer, 429, 500, 502, 503, 504, ──┬──► error, when there were enough attempts
 *      │        or whatever the server calls retryable         │
 *      └───────────── pause: Retry-After, or growing ──────────┘
 * ```
 *
 * An answer may be lost after the server made the change. So each call that changes something has an `Idempotency-Key`, the
 * same in all its attempts: the server answers again what it answered before, and does nothing twice. Commands are the
 * exception (see {@link Call.repeat}).
 */

import type { Config } from "./config.js";
import { ApiError, ConnectionError, MiosaError, TimeoutError, errorFrom } from "./errors.js";
import { readEvents, type ServerEvent } from "./events.js";
import { pause } from "./pause.js";

/** What every call takes besides its own arguments. */
export interface CallOptions {
  /** Ends the call, its pauses and its stream. It then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** How long one attempt may take. */
  timeoutMs?: number | undefined;
  maxRetries?: number | undefined;
  /** The server carries out only one call with this key; made up when absent. Has no effect on a call that only reads. */
  idempotencyKey?: string | undefined;
}

/** Values of a query; what is undefined is left out. */
export type QueryValues = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Call {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Segments of the path, not escaped. */
  path: readonly string[];
  query?: object | undefined;
  body?: object | undefined;
  /** Those with a value. */
  headers?: Readonly<Record<string, string | undefined>>;
  /**
   * `only-if-refused`: the server has no memory of the call, and it must not be carried out twice. It is repeated only when the
   * server said that it did nothing. Default: `always`.
   */
  repeat?: "always" | "only-if-refused";
  /** What the work itself may take, on top of `timeoutMs`. */
  extraTimeMs?: number;
}

/** Longer than this nobody is kept waiting unasked: the refusal is passed on, with its `retryAfter`. */
const RETRY_AFTER_MAX_S = 60;
const RETRY_DELAY_MAX_MS = 30_000;
/** A timer of more goes off at once. It would be 25 days, so none is as good. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export class Transport {
  /** Private, so that neither `JSON.stringify` nor `util.inspect` shows the key. */
  readonly #config: Config;

  constructor(config: Config) {
    this.#config = config;
  }

  get maxRetries(): number {
    return this.#config.maxRetries;
  }

  get retryDelayMs(): number {
    return this.#config.retryDelayMs;
  }

  /** The answer's object. Objects come as twins: their fields, and all of them once more under `data`. */
  async object<T>(call: Call, options?: CallOptions): Promise<T> {
    const body = await this.json<{ data?: unknown }>(call, options);
    return (isObject(body.data) ? body.data : body) as T;
  }

  /** The whole body. */
  json<T>(call: Call, options: CallOptions = {}): Promise<T> {
    return this.#attempts(call, options, "application/json", async (response, deadline) => {
      const text = await response.text();
      deadline.clear();
      let body: unknown;
      try {
        body = JSON.parse(text);
      } catch {
        body = undefined;
      }
      if (isObject(body)) return body as T;
      throw new MiosaError(
        `${describe(call)}: the answer is not of this API; it begins ${JSON.stringify(text.slice(0, 80))}`,
      );
    });
  }

  /** The answer as it is, as soon as its head is there. */
  response(call: Call, options: CallOptions = {}): Promise<Response> {
    return this.#attempts(
      call,
      options,
      "application/octet-stream, application/json;q=0.9",
      async (response, deadline) => {
        // The signal still ends the body; the time limit was for the head.
        deadline.stopClock();
        return response;
      },
    );
  }

  /** Opens a stream of events, which is then to be read to its end or left early. One that breaks off is a {@link ConnectionError}. */
  events(call: Call, options: CallOptions = {}): Promise<AsyncGenerator<ServerEvent, void, undefined>> {
    return this.#attempts(call, options, "text/event-stream", async (response, deadline) => {
      deadline.stopClock();
      return eventsOf(call, response, deadline);
    });
  }

  async #attempts<T>(
    call: Call,
    options: CallOptions,
    accept: string,
    read: (response: Response, deadline: Deadline) => Promise<T>,
  ): Promise<T> {
    const { signal, maxRetries = this.#config.maxRetries } = options;
    const headers: Record<string, string> = { ...this.#config.headers, accept };
    for (const [name, value] of Object.entries(call.headers ?? {})) {
      if (value !== undefined) headers[name] = value;
    }
    if (call.body) headers["content-type"] = "application/json";
    if (call.method !== "GET") headers["idempotency-key"] = options.idempotencyKey ?? newIdempotencyKey();
    const url = this.#config.baseUrl + pathOf(call.path) + queryOf(call.query);
    const init: RequestInit = { method: call.method, headers, redirect: "manual", cache: "no-store" };
    if (call.body) init.body = JSON.stringify(call.body);
    const timeoutMs = (options.timeoutMs ?? this.#config.timeoutMs) + (call.extraTimeMs ?? 0);

    for (let retries = 0; ; retries += 1) {
      const deadline = new Deadline(timeoutMs, signal);
      let failure: unknown;
      try {
        const { fetch } = this.#config;
        const response = await fetch(url, { ...init, signal: deadline.signal });
        if (response.ok) return await read(response, deadline);
        failure = errorFrom(describe(call), response, await response.text());
      } catch (error) {
        failure = deadline.explain(error, call);
      }
      deadline.clear();
      if (retries >= maxRetries || !isPassing(failure, call.repeat ?? "always")) throw failure;
      const delayMs = retryDelayMs(failure, retries, this.#config.retryDelayMs);
      if (delayMs === undefined) throw failure;
      await pause(delayMs, signal);
    }
  }
}

async function* eventsOf(
  call: Call,
  { body }: Response,
  deadline: Deadline,
): AsyncGenerator<ServerEvent, void, undefined> {
  try {
    if (body) yield* readEvents(body, deadline);
  } catch (error) {
    throw deadline.explain(error, call);
  } finally {
    deadline.clear();
  }
}

/** The two things that can end an attempt early, as one signal: the caller's, and time. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal | undefined;
  readonly #abort = (): void => this.#controller.abort(this.#caller?.reason);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #elapsedMs: number | undefined;

  constructor(timeoutMs: number, caller: AbortSignal | undefined) {
    caller?.throwIfAborted();
    this.#caller = caller;
    caller?.addEventListener("abort", this.#abort, { once: true });
    this.restartClock(timeoutMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  restartClock(timeoutMs: number): void {
    this.stopClock();
    if (timeoutMs > TIMER_MAX_MS) return;
    this.#timer = setTimeout(() => {
      this.#elapsedMs = timeoutMs;
      this.#controller.abort();
    }, timeoutMs);
  }

  stopClock(): void {
    clearTimeout(this.#timer);
  }

  /** Lets go of the caller's signal and of time. */
  clear(): void {
    this.stopClock();
    this.#caller?.removeEventListener("abort", this.#abort);
  }

  /** What to throw for an error that came out of an attempt. */
  explain(error: unknown, call: Call): unknown {
    if (this.#caller?.aborted) return this.#caller.reason;
    if (this.#elapsedMs !== undefined)
      return new TimeoutError(`${describe(call)}: nothing came for ${this.#elapsedMs} ms`);
    if (error instanceof MiosaError) return error;
    return new ConnectionError(`${describe(call)}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Whether the same call may succeed a moment later, and may be made again. */
function isPassing(failure: unknown, repeat: "always" | "only-if-refused"): boolean {
  if (failure instanceof ConnectionError) return repeat === "always";
  if (!(failure instanceof ApiError)) return false;
  if (failure.status === 429 || (failure.status === 409 && failure.retryable)) return true;
  return repeat === "always" && (failure.retryable || [500, 502, 503, 504].includes(failure.status));
}

/** How long to wait before the next attempt; undefined when that would be too long. */
function retryDelayMs(failure: unknown, retries: number, firstMs: number): number | undefined {
  const retryAfter = failure instanceof ApiError ? failure.retryAfter : undefined;
  if (retryAfter !== undefined) return retryAfter <= RETRY_AFTER_MAX_S ? retryAfter * 1000 : undefined;
  const grown = Math.max(firstMs, Math.min(firstMs * 2 ** retries, RETRY_DELAY_MAX_MS));
  // Up to half as much again: clients that lost the same server do not come back in the same instant.
  return grown * (1 + Math.random() / 2);
}

/** Without the address and the query: what is in an error may end up anywhere. */
function describe(call: Call): string {
  return `${call.method} ${pathOf(call.path)}`;
}

function pathOf(segments: readonly string[]): string {
  return segments.map((segment) => `/${escaped(segment)}`).join("");
}

/** An id stays one segment: whatever is in it, it cannot name another route. */
function escaped(segment: string): string {
  if (typeof segment !== "string" || segment === "" || segment === "." || segment === "..") {
    throw new MiosaError(`an id is expected, not ${JSON.stringify(segment)}`);
  }
  return encodeURIComponent(segment);
}

/** Unlike in bodies, the server knows only the wire's spelling of names here. */
function queryOf(values: object | undefined): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries((values ?? {}) as QueryValues)) {
    if (value !== undefined && value !== null) {
      query.set(
        name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
        String(value),
      );
    }
  }
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

/** Unique, nothing more: nobody has to be kept from guessing it. Node 18 has no global `crypto`, nor has a page without TLS. */
function newIdempotencyKey(): string {
  const { crypto } = globalThis as { crypto?: Partial<Crypto> };
  return crypto?.randomUUID?.() ?? Array.from({ length: 4 }, () => Math.random().toString(36).slice(2)).join("");
}

/** Node puts the real reason of `fetch failed` into the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message ? error.cause.message : error.message;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
