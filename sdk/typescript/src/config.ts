/**
 * The API's address and key: from options, then the environment, then defaults.
 *
 * Browsers have no environment, so only the options apply there.
 */

import { ConfigurationError } from "./errors.js";

const BASE_URL_DEFAULT = "http://127.0.0.1:7420";
const PREFIX = "/api/v1";
const TIMEOUT_MS_DEFAULT = 60_000;
const MAX_RETRIES_DEFAULT = 3;
const RETRY_DELAY_MS_DEFAULT = 500;

export interface MiosaOptions {
  /** Default: `MIOSA_API_KEY` from the environment. */
  apiKey?: string | undefined;
  /** With or without `/api/v1`. Default: `MIOSA_ENDPOINT` or `MIOSA_BASE_URL` from the environment, then `http://127.0.0.1:7420`. */
  baseUrl?: string | undefined;
  /** Id or slug of a tenant, for keys that can access several. */
  tenant?: string | undefined;
  /** The default workspace for create and list calls. */
  workspace?: string | undefined;
  /** Time limit of one attempt. Default 60 000. */
  timeoutMs?: number | undefined;
  /** Number of retries after the first attempt. Default 3. */
  maxRetries?: number | undefined;
  /** Delay before the first retry; it doubles with each retry. `Retry-After` takes precedence. Default 500. */
  retryDelayMs?: number | undefined;
  /** Replaces the global `fetch`. */
  fetch?: typeof globalThis.fetch | undefined;
}

export interface Config {
  /** Ends in `/api/v1`. */
  readonly baseUrl: string;
  /** The headers of every call, including the key. */
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly maxRetries: number;
  readonly retryDelayMs: number;
  readonly fetch: typeof globalThis.fetch;
}

export function configFrom(options: MiosaOptions): Config {
  const apiKey = (options.apiKey ?? environment("MIOSA_API_KEY"))?.trim();
  if (!apiKey) {
    throw new ConfigurationError("there is no API key: pass apiKey, or set MIOSA_API_KEY");
  }
  const headers: Record<string, string> = { authorization: `Bearer ${headerValue("apiKey", apiKey)}` };
  if (options.tenant) headers["x-miosa-tenant"] = headerValue("tenant", options.tenant);
  if (options.workspace) headers["x-miosa-workspace"] = headerValue("workspace", options.workspace);
  return {
    baseUrl: baseUrlFrom(
      options.baseUrl ?? environment("MIOSA_ENDPOINT") ?? environment("MIOSA_BASE_URL") ?? BASE_URL_DEFAULT,
    ),
    headers,
    timeoutMs: atLeast(1, "timeoutMs", options.timeoutMs ?? TIMEOUT_MS_DEFAULT),
    maxRetries: atLeast(0, "maxRetries", options.maxRetries ?? MAX_RETRIES_DEFAULT),
    retryDelayMs: atLeast(0, "retryDelayMs", options.retryDelayMs ?? RETRY_DELAY_MS_DEFAULT),
    // Looked up on each call, and called without a receiver: browsers refuse any other receiver.
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
  };
}

function environment(name: string): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  return process?.env?.[name] || undefined;
}

function baseUrlFrom(text: string): string {
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch {
    throw new ConfigurationError("baseUrl is not an address; write for example http://127.0.0.1:7420");
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new ConfigurationError("baseUrl must begin with http:// or https://");
  }
  // The value may be a secret, so the error does not show it.
  if (url.username || url.password || url.search || url.hash) {
    throw new ConfigurationError("baseUrl must be an address alone: no user, password, query or fragment");
  }
  const path = url.pathname.replace(/\/+$/, "");
  return url.origin + (path.endsWith(PREFIX) ? path : path + PREFIX);
}

/** `fetch` would also refuse such a value, but its error would show it. */
function headerValue(name: string, value: string): string {
  if (!/^[\x21-\x7e]+$/.test(value)) {
    throw new ConfigurationError(`${name} has characters that a header cannot carry`);
  }
  return value;
}

function atLeast(min: number, name: string, value: number): number {
  if (!(value >= min)) throw new ConfigurationError(`${name} must be a number, ${min} or more`);
  return value;
}
