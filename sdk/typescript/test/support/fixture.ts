/**
 * What the code blocks of the documentation find ready on a real server, made for each of them anew.
 *
 * A block that names `volumeId` gets a new volume, and so on; what nobody names is not made.
 */

import { Miosa, NotFoundError } from "@miosa/sdk";

/** Where the server is and its key come from the environment, as for every program. */
export const miosa = new Miosa();

const MAKERS = {
  miosa: async () => miosa,
  /** A volume of 1 GB that nobody uses. */
  volumeId: async () => {
    const { id } = await miosa.volumes.create({ name: "fixture", size_gb: 1 });
    await miosa.volumes.waitUntilAvailable(id);
    return id;
  },
  /** A snapshot of an empty volume. */
  snapshotId: async () => {
    const { id } = await miosa.snapshots.create(await MAKERS.volumeId());
    await miosa.snapshots.waitUntilReady(id);
    return id;
  },
  /** A running computer. */
  computerId: async () => {
    const { id } = await miosa.computers.create({ name: "fixture" });
    await miosa.computers.waitUntilRunning(id);
    return id;
  },
  /** A service of one replica that runs. */
  serviceId: async () => {
    const source = { type: "template", ref: "miosa-default" } as const;
    const settings = { start_command: "exec sleep 86400", stop_grace_seconds: 1 };
    const { id } = await miosa.services.create({ name: "fixture", source, settings });
    await miosa.services.waitUntilActive(id);
    return id;
  },
  /** An empty project. */
  projectId: async () => (await miosa.projects.create({ name: "fixture" })).id,
};

type Makers = typeof MAKERS;
export type FixtureName = keyof Makers;

export const FIXTURE_NAMES = Object.keys(MAKERS) as FixtureName[];

/** Makes these. */
export async function fixture<Name extends FixtureName>(
  ...names: Name[]
): Promise<{ [N in Name]: Awaited<ReturnType<Makers[N]>> }> {
  const made: Partial<Record<FixtureName, unknown>> = {};
  for (const name of names) made[name] = await MAKERS[name]();
  return made as { [N in Name]: Awaited<ReturnType<Makers[N]>> };
}

/** A bound on hanging, far above what anything takes on a busy machine. */
export function patience(): AbortSignal {
  return AbortSignal.timeout(120_000);
}

const NOUNS = [miosa.services, miosa.computers, miosa.volumes, miosa.snapshots, miosa.projects] as const;

/** Runs `work`, then deletes what is there since, in an order that the server permits. */
export async function leavingNothing(work: () => Promise<unknown>): Promise<void> {
  const idsOf = async (noun: (typeof NOUNS)[number]) => (await noun.list().all()).map(({ id }) => id);
  const before = new Set((await Promise.all(NOUNS.map(idsOf))).flat());
  try {
    await work();
  } finally {
    for (const noun of NOUNS) {
      for (const id of await idsOf(noun)) {
        if (!before.has(id)) await deleted(noun, id);
      }
    }
  }
}

async function deleted(noun: (typeof NOUNS)[number], id: string): Promise<void> {
  try {
    // What used a volume and is deleted lets go of it a moment later.
    if (noun === miosa.volumes) await miosa.volumes.waitUntilAvailable(id);
    await noun.delete(id);
  } catch (error) {
    // What is being destroyed is still listed.
    if (!(error instanceof NotFoundError)) throw error;
  }
}
