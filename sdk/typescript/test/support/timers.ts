/** Time in tests: what happens when somebody begins to wait, instead of after the wait. */

import type { TestContext } from "node:test";

/** Until the end of the test, `react` is called whenever a timer of `ms` is set; `elapse` makes it go off. */
export function onTimer(test: TestContext, ms: number, react: (elapse: () => void) => void): void {
  const { setTimeout } = globalThis;
  test.after(() => {
    globalThis.setTimeout = setTimeout;
  });
  const watched = (work: () => void, delayMs?: number) => {
    // After the one who set it has done all that he does then.
    if (delayMs === ms) setImmediate(react, work);
    return setTimeout(work, delayMs);
  };
  globalThis.setTimeout = watched as typeof setTimeout;
}
