/**
 * One call: address, headers, time limit, retries, and decoding the response.
 *
 * ```text
 *            ┌─ success ──────────────────────────────────────────► read
 *   attempt ─┼─ permanent refusal ────────────────────────────────► error
 *      ▲     └─ transient: no response, 429, 500, 502-504, ────┬──► error, after the last attempt
 *      │        or marked retryable by the server              │
 *      └───────────── delay: Retry-After, or backoff ──────────┘
 * ```
 *
 * A response may be lost after the server made the change. So each call that changes something has an `Idempotency-Key`, the
 * same in all attempts: the server repeats its first response and does nothing twice. Commands are the
 * exception (see {@link Call.repeat}).
 */

import type { Config } from "./config.js";
import { ApiError, ConnectionError, MiosaError, TimeoutError, errorFrom } from "./errors.js";
import { readEvents, type ServerEvent } from "./events.js";
import { pause } from "./pause.js";

/** Options of every call. */
export interface CallOptions {
  /** Aborts the call, its delays and its stream. The call rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Time limit of one attempt. */
  timeoutMs?: number | undefined;
  maxRetries?: number | undefined;
  /** The server carries out only one call with this key. Generated if absent; ignored by calls that only read. */
  idempotencyKey?: string | undefined;
}

/** Query parameters; undefined ones are omitted. */
export type QueryValues = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Call {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Unescaped path segments. */
  path: readonly string[];
  query?: object | undefined;
  body?: object | undefined;
  /** Those with a value. */
  headers?: Readonly<Record<string, string | undefined>>;
  /**
   * `only-if-refused`: the server does not deduplicate this call, and it must not be carried out twice. It is retried only if the
   * server reported that it did nothing. Default: `always`.
   */
  repeat?: "always" | "only-if-refused";
  /** Time for the work itself, in addition to `timeoutMs`. */
  extraTimeMs?: number;
}

/** A longer `Retry-After` is not awaited: the refusal is returned with its `retryAfter`. */
const RETRY_AFTER_MAX_S = 60;
const RETRY_DELAY_MAX_MS = 30_000;
/** A longer timer would fire immediately. This is 25 days, so no timer is needed beyond it. */
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

  /** The response's object. Objects are sent twice: as top-level fields, and again under `data`. */
  async object<T>(call: Call, options?: CallOptions): Promise<T> {
    const body = await this.json<{ data?: unknown }>(call, options);
    return (isObject(body.data) ? body.data : body) as T;
  }

  /** The complete body. */
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

  /** The raw response, as soon as its head arrives. */
  response(call: Call, options: CallOptions = {}): Promise<Response> {
    return this.#attempts(
      call,
      options,
      "application/octet-stream, application/json;q=0.9",
      async (response, deadline) => {
        // The signal still aborts the body; the time limit applies to the head only.
        deadline.stopClock();
        return response;
      },
    );
  }

  /** Opens a stream of events, to be read to its end or left early. A broken stream is a {@link ConnectionError}. */
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

/** Combines the caller's signal and the time limit into one signal. */
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

  /** Detaches from the caller's signal and clears the timer. */
  clear(): void {
    this.stopClock();
    this.#caller?.removeEventListener("abort", this.#abort);
  }

  /** Converts an attempt's error to the error to throw. */
  explain(error: unknown, call: Call): unknown {
    if (this.#caller?.aborted) return this.#caller.reason;
    if (this.#elapsedMs !== undefined)
      return new TimeoutError(`${describe(call)}: nothing came for ${this.#elapsedMs} ms`);
    if (error instanceof MiosaError) return error;
    return new ConnectionError(`${describe(call)}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Whether the same call may succeed shortly and may be retried. */
function isPassing(failure: unknown, repeat: "always" | "only-if-refused"): boolean {
  if (failure instanceof ConnectionError) return repeat === "always";
  if (!(failure instanceof ApiError)) return false;
  if (failure.status === 429 || (failure.status === 409 && failure.retryable)) return true;
  return repeat === "always" && (failure.retryable || [500, 502, 503, 504].includes(failure.status));
}

/** The delay before the next attempt; undefined if it would be too long. */
function retryDelayMs(failure: unknown, retries: number, firstMs: number): number | undefined {
  const retryAfter = failure instanceof ApiError ? failure.retryAfter : undefined;
  if (retryAfter !== undefined) return retryAfter <= RETRY_AFTER_MAX_S ? retryAfter * 1000 : undefined;
  const grown = Math.max(firstMs, Math.min(firstMs * 2 ** retries, RETRY_DELAY_MAX_MS));
  // Jitter of up to 50 %, so that clients of one server do not retry at the same instant.
  return grown * (1 + Math.random() / 2);
}

/** Omits the address and the query, because errors may end up in logs. */
function describe(call: Call): string {
  return `${call.method} ${pathOf(call.path)}`;
}

function pathOf(segments: readonly string[]): string {
  return segments.map((segment) => `/${escaped(segment)}`).join("");
}

/** Escapes an id to one segment, so that it cannot name another route. */
function escaped(segment: string): string {
  if (typeof segment !== "string" || segment === "" || segment === "." || segment === "..") {
    throw new MiosaError(`an id is expected, not ${JSON.stringify(segment)}`);
  }
  return encodeURIComponent(segment);
}

/** Unlike in bodies, the server accepts only the wire's spelling here. */
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

/** Unique but not secret. Node 18 and pages without TLS have no global `crypto`. */
function newIdempotencyKey(): string {
  const { crypto } = globalThis as { crypto?: Partial<Crypto> };
  return crypto?.randomUUID?.() ?? Array.from({ length: 4 }, () => Math.random().toString(36).slice(2)).join("");
}

/** Node puts the reason for `fetch failed` into the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message ? error.cause.message : error.message;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
