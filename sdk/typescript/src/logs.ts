/** Following logs. */

import { ConnectionError, MiosaError } from "./errors.js";
import { pause } from "./pause.js";
import type { CallOptions, Transport } from "./transport.js";
import type { LogLine } from "./types.js";

/** Selects lines of a log. */
export interface LogOptions extends CallOptions {
  /** Number of existing lines to start with. */
  lines?: number | undefined;
  /** RFC 3339: only lines later than this. */
  since?: string | undefined;
}

/**
 * Yields the existing lines of a log, then new ones as they are written. A broken connection is reopened and
 * continues after the last received line.
 */
export async function* followLog<Line extends LogLine>(
  transport: Transport,
  path: readonly string[],
  query: object,
  options: CallOptions,
): AsyncGenerator<Line, void, undefined> {
  const maxBreaks = options.maxRetries ?? transport.maxRetries;
  let lastId: string | undefined;
  let breaks = 0;
  for (;;) {
    const headers = { "last-event-id": lastId };
    const events = await transport.events({ method: "GET", path, query, headers }, options);
    try {
      for await (const { kind, data, id } of events) {
        const line = JSON.parse(data) as Line;
        if (kind === "error") throw new MiosaError(`the log cannot be followed: ${line.message}`);
        breaks = 0;
        lastId = id;
        yield line;
      }
      return;
    } catch (error) {
      breaks += 1;
      if (!(error instanceof ConnectionError) || breaks > maxBreaks) throw error;
    }
    await pause(transport.retryDelayMs, options.signal);
  }
}
