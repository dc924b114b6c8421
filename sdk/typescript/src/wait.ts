/** Looking at an object again and again until it is what somebody waits for. */

import { WaitError } from "./errors.js";
import { pause } from "./pause.js";
import type { CallOptions } from "./transport.js";

export interface WaitOptions extends CallOptions {
  /** The pause between two looks. Default 500. */
  pollMs?: number | undefined;
  /** How long to wait in all. Default 300 000. */
  maxWaitMs?: number | undefined;
}

/** What one look has found: it is there, it may still come, or it never will, and why. */
export type Verdict = "there" | "not yet" | { never: string };

const POLL_MS_DEFAULT = 500;
const MAX_WAIT_MS_DEFAULT = 300_000;

/**
 * Looks until `judge` says that it is there, at least once. Fails at once when it never will be, and when the time is over.
 * `describe` says what there is instead, for the message.
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
