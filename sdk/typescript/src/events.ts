/**
 * Server-sent events, decoded from chunks that may end anywhere, in the middle of a character too.
 *
 * No `EventSource`: it cannot carry a key, and Node has none.
 */

import { MiosaError } from "./errors.js";
import type { Deadline } from "./transport.js";

export interface ServerEvent {
  /** `event:`, empty when there is none. */
  kind: string;
  /** `data:`, its lines joined. */
  data: string;
  /** `id:` of this event or of the last one before it that had one. */
  id: string | undefined;
}

/** The server says something at least every 15 s, if only `: ping`. */
const SILENCE_MAX_MS = 60_000;
/** Longer than any event of the server. A stream without blank lines must not fill the memory. */
const EVENT_MAX_CHARS = 16 * 2 ** 20;

/** The whole events of a body; one that has not ended when the body does is none. Ends the body when left early. */
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
      // Who reads the events may take as long as he likes.
      deadline.stopClock();
      if (done) return;
      const chunk = decoder.decode(value, { stream: true });
      text += chunk;
      chars += chunk.length;
      if (chars > EVENT_MAX_CHARS) throw new MiosaError(`an event is longer than ${EVENT_MAX_CHARS} characters`);
      // A carriage return at the end may be the first half of a line's end.
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
    // Of no interest any more, and a body that has broken off cannot be cancelled.
    await reader.cancel().catch(() => undefined);
  }
}
