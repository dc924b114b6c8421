/** Polling an object until it reaches a state. */

import { WaitError } from "./errors.js";
import { pause } from "./pause.js";
import type { CallOptions } from "./transport.js";

export interface WaitOptions extends CallOptions {
  /** Interval between polls. Default 500. */
  pollMs?: number | undefined;
  /** Total time limit. Default 300 000. */
  maxWaitMs?: number | undefined;
}

/** The verdict on one poll: reached, still possible, or impossible, with the reason. */
export type Verdict = "there" | "not yet" | { never: string };

const POLL_MS_DEFAULT = 500;
const MAX_WAIT_MS_DEFAULT = 300_000;

/**
 * Polls at least once, until `judge` reports success. Rejects as soon as success is impossible, or when the time is up.
 * `describe` describes the present state for the message.
 */
export async function waitUntil<T>(
  wanted: string,
  look: (options: CallOptions) => Promise<T>,
  judge: (object: T) => Verdict,
  describe: (object: T) => string,
  { pollMs = POLL_MS_DEFAULT, maxWaitMs = MAX_WAIT_MS_DEFAULT, ...options }: WaitOptions = {},
): Promise<T> {
  const end = Date.now() + maxWaitMs;
  for (;;) {
    const object = await look(options);
    const verdict = judge(object);
    if (verdict === "there") return object;
    if (verdict !== "not yet") {
      throw new WaitError(`${describe(object)} will not be ${wanted}: ${verdict.never}`, object, false);
    }
    if (Date.now() + pollMs > end) {
      throw new WaitError(`${describe(object)} is not ${wanted} after ${maxWaitMs} ms`, object, true);
    }
    await pause(pollMs, options.signal);
  }
}
