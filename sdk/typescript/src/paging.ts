/**
 * Lists: one page at a time, or all objects of all pages.
 *
 * ```ts
 * const page = await miosa.volumes.list({ limit: 50 });       // one page
 * for await (const volume of miosa.volumes.list()) { … }      // all of them
 * ```
 *
 * Pages are linked by cursors, so objects created during iteration neither repeat nor hide others.
 */

import type { Call, CallOptions, Transport } from "./transport.js";
import type { Schemas } from "./types.js";

/** One page of a list. */
export class Page<T> {
  readonly data: readonly T[];
  /** Number of objects on all pages; undefined if the server does not count them. */
  readonly total: number | undefined;
  /** The cursor of the next page; undefined on the last page. */
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

  /** The next page; undefined after the last. */
  async next(): Promise<Page<T> | undefined> {
    return this.nextCursor === undefined ? undefined : this.#fetchNext(this.nextCursor);
  }
}

/** A lazy list. Await it for the first page, or iterate over it for all objects. */
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

  /** All objects of all pages. */
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

/** The list returned by `GET path`. */
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
    // A cursor replaces the offset.
    const fetchNext = (cursor: string) => fetchPage({ cursor, page: undefined, offset: undefined });
    return new Page({ data, total: page.total, nextCursor }, fetchNext);
  };
  return new List(() => fetchPage({}));
}
