/**
 * Lists: one page at a time, or every object of all pages.
 *
 * ```ts
 * const page = await miosa.volumes.list({ limit: 50 });       // one page
 * for await (const volume of miosa.volumes.list()) { … }      // all of them
 * ```
 *
 * From page to page by cursor, so that objects made meanwhile neither repeat nor hide others.
 */

import type { Call, CallOptions, Transport } from "./transport.js";
import type { Schemas } from "./types.js";

/** One page of a list. */
export class Page<T> {
  readonly data: readonly T[];
  /** How many objects all pages have together; undefined where nobody counts them. */
  readonly total: number | undefined;
  /** Where the next page begins; undefined when this is the last. */
  readonly nextCursor: string | undefined;
  readonly #fetchNext: (cursor: string) => Promise<Page<T>>;

  constructor(
    { data, total, nextCursor }: Pick<Page<T>, "data" | "total" | "nextCursor">,
    fetchNext: (cursor: string) => Promise<Page<T>>,
  ) {
    this.data = data;
    this.total = total;
    this.nextCursor = nextCursor;
    this.#fetchNext = fetchNext;
  }

  /** The page behind this one; undefined behind the last. */
  async next(): Promise<Page<T> | undefined> {
    return this.nextCursor === undefined ? undefined : this.#fetchNext(this.nextCursor);
  }
}

/** A list that was asked for. It begins when it is awaited (the first page) or iterated (every object). */
export class List<T> implements PromiseLike<Page<T>>, AsyncIterable<T> {
  readonly #fetch: () => Promise<Page<T>>;
  #first: Promise<Page<T>> | undefined;

  constructor(fetch: () => Promise<Page<T>>) {
    this.#fetch = fetch;
  }

  then<A = Page<T>, B = never>(
    fulfilled?: ((page: Page<T>) => A | PromiseLike<A>) | null,
    rejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#firstPage().then(fulfilled, rejected);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (let page: Page<T> | undefined = await this.#firstPage(); page; page = await page.next()) {
      yield* page.data;
    }
  }

  /** Every object of all pages. */
  async all(): Promise<T[]> {
    const objects: T[] = [];
    for await (const object of this) objects.push(object);
    return objects;
  }

  #firstPage(): Promise<Page<T>> {
    this.#first ??= this.#fetch();
    return this.#first;
  }
}

/** The list that `GET path` answers. */
export function list<T>(
  transport: Transport,
  path: readonly string[],
  query: object = {},
  options: CallOptions = {},
): List<T> {
  const fetchPage = async (part: object): Promise<Page<T>> => {
    const call: Call = { method: "GET", path, query: { ...query, ...part } };
    const { data, page } = await transport.json<{ data: T[]; page: Schemas["Page"] }>(call, options);
    const nextCursor = (page.has_more && page.next_cursor) || undefined;
    // A cursor already says where to begin.
    const fetchNext = (cursor: string) => fetchPage({ cursor, page: undefined, offset: undefined });
    return new Page({ data, total: page.total, nextCursor }, fetchNext);
  };
  return new List(() => fetchPage({}));
}
