/**
 * Server-sent events, decoded from chunks that may end anywhere, even within a character.
 *
 * `EventSource` is not used: it cannot send a key, and Node does not have it.
 */

import { MiosaError } from "./errors.js";
import type { Deadline } from "./transport.js";

export interface ServerEvent {
  /** `event:`, or empty. */
  kind: string;
  /** `data:`, its lines joined. */
  data: string;
  /** `id:` of this event, or of the last earlier event that had one. */
  id: string | undefined;
}

/** The server sends at least `: ping` every 15 s. */
const SILENCE_MAX_MS = 60_000;
/** Longer than any event of the server. Bounds memory for a stream without blank lines. */
const EVENT_MAX_CHARS = 16 * 2 ** 20;

/** Yields the complete events of a body; an incomplete last event is dropped. Cancels the body when left early. */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  deadline: Pick<Deadline, "restartClock" | "stopClock">,
): AsyncGenerator<ServerEvent, void, undefined> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let kind = "";
  let data: string[] = [];
  let id: string | undefined;
  let chars = 0;
  try {
    for (;;) {
      deadline.restartClock(SILENCE_MAX_MS);
      const { done, value } = await reader.read();
      // The consumer may take any time between events.
      deadline.stopClock();
      if (done) return;
      const chunk = decoder.decode(value, { stream: true });
      text += chunk;
      chars += chunk.length;
      if (chars > EVENT_MAX_CHARS) throw new MiosaError(`an event is longer than ${EVENT_MAX_CHARS} characters`);
      // A trailing carriage return may be the first half of a line break.
      const lines = text.split(/\r\n|\n|\r(?!$)/);
      text = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "") {
          if (data.length > 0) yield { kind, data: data.join("\n"), id };
          kind = "";
          data = [];
          chars = text.length;
          continue;
        }
        const [, field = "", content = ""] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
        if (field === "event") kind = content;
        else if (field === "data") data.push(content);
        else if (field === "id") id = content;
      }
    }
  } finally {
    // Cancelling fails if the body has already failed, which no longer matters.
    await reader.cancel().catch(() => undefined);
  }
}
