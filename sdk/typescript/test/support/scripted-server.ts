/**
 * A server that answers what a test says, in this order, and remembers what it was asked.
 *
 * A request that the script does not know gets a refusal that no client repeats, and shows up among the requests.
 */

import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { Miosa, type MiosaOptions } from "@miosa/sdk";

export const KEY = "msk_u_0123456789abcdef0123456789abcdef";

export interface Seen {
  method: string;
  /** With the query. */
  path: string;
  headers: IncomingHttpHeaders;
  /** Undefined when there is none. */
  body: unknown;
}

/** What is answered: JSON with 200, JSON with another status, or whatever the function does. */
export type Reply =
  | { status?: number; headers?: Record<string, string>; json: unknown }
  | ((response: ServerResponse, request: IncomingMessage) => void);

export class ScriptedServer {
  readonly seen: Seen[] = [];
  readonly #server: Server;
  readonly #replies: Reply[];

  private constructor(replies: Reply[]) {
    this.#replies = [...replies];
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /** Ends with the test. */
  static async start(test: TestContext, replies: Reply[]): Promise<ScriptedServer> {
    const scripted = new ScriptedServer(replies);
    await new Promise<void>((resolve) => scripted.#server.listen(0, "127.0.0.1", resolve));
    test.after(() => {
      scripted.#server.closeAllConnections();
      return new Promise((resolve) => scripted.#server.close(resolve));
    });
    return scripted;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** A client of this server that makes no pauses of its own. */
  client(options: MiosaOptions = {}): Miosa {
    return new Miosa({ apiKey: KEY, baseUrl: this.origin, retryDelayMs: 0, ...options });
  }

  /** `METHOD path` of each request, in order. */
  get calls(): string[] {
    return this.seen.map(({ method, path }) => `${method} ${path}`);
  }

  get keys(): (string | string[] | undefined)[] {
    return this.seen.map(({ headers }) => headers["idempotency-key"]);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const { method = "", url = "", headers } = request;
    this.seen.push({ method, path: url, headers, body: text === "" ? undefined : JSON.parse(text) });
    const reply = this.#replies.shift() ?? { status: 418, json: refusal("UNEXPECTED", `${method} ${url}`) };
    if (typeof reply === "function") {
      reply(response, request);
      return;
    }
    response.writeHead(reply.status ?? 200, { "content-type": "application/json", ...reply.headers });
    response.end(JSON.stringify(reply.json));
  }
}

/** An object as the server answers it. */
export function twin(fields: Record<string, unknown>): { json: unknown } {
  return { json: { ...fields, data: fields } };
}

export function page(data: unknown[], nextCursor: string | null, total = data.length): { json: unknown } {
  const page = { page: 1, page_size: 20, per_page: 20, total, next_cursor: nextCursor, has_more: nextCursor !== null };
  return { json: { data, page } };
}

/** The body of a refusal. */
export function refusal(code: string, message: string, more: Record<string, unknown> = {}): unknown {
  return {
    error: { code, message, request_id: "req_1", details: {}, retryable: false, ...more },
    code,
    message,
    request_id: "req_1",
  };
}

export function refused(
  status: number,
  code: string,
  more: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Reply {
  return { status, headers: { "x-request-id": "req_1", ...headers }, json: refusal(code, `it is ${code}`, more) };
}

/** The connection ends without an answer. */
export const lost: Reply = (response) => response.destroy();
