/**
 * The client of miosa volumes.
 *
 * ```text
 *   Miosa ── volumes  snapshots  computers  services  deployments  projects    one class a noun: a method is a call
 *               └────────┴──────────┴─────────┴──────────┴───────────┴── transport    repeats, time, keys
 *                                                                         ├─ paging  wait    many calls as one
 *                                                                         └─ events  logs    streamed responses
 *   generated/v1.ts, from the committed OpenAPI document ── types.ts      what goes in and comes out
 * ```
 *
 * No run-time dependencies, and no Node-specific APIs: it runs in every browser.
 */

import { Computers } from "./computers.js";
import { configFrom, type MiosaOptions } from "./config.js";
import { Deployments } from "./deployments.js";
import { Projects } from "./projects.js";
import { Services } from "./services.js";
import { Snapshots } from "./snapshots.js";
import { Transport } from "./transport.js";
import { Volumes } from "./volumes.js";

export class Miosa {
  readonly volumes: Volumes;
  readonly snapshots: Snapshots;
  readonly computers: Computers;
  readonly services: Services;
  readonly deployments: Deployments;
  readonly projects: Projects;

  /** Makes no call. */
  constructor(options: MiosaOptions = {}) {
    const transport = new Transport(configFrom(options));
    this.volumes = new Volumes(transport);
    this.snapshots = new Snapshots(transport);
    this.computers = new Computers(transport);
    this.services = new Services(transport);
    this.deployments = new Deployments(transport);
    this.projects = new Projects(transport);
  }
}

export type { MiosaOptions } from "./config.js";
export type { CallOptions } from "./transport.js";
export type { LogOptions } from "./logs.js";
export type { WaitOptions } from "./wait.js";
export { List, Page } from "./paging.js";
export * from "./errors.js";
export type * from "./types.js";
export type { components, operations, paths } from "./generated/v1.js";
export type { Computers } from "./computers.js";
export type { DataServices } from "./data-services.js";
export type { Deployments, RuntimeInstances, Versions } from "./deployments.js";
export type { Projects } from "./projects.js";
export type { Releases, ServiceLogOptions, Services, Variables } from "./services.js";
export type { FileQuery, SnapshotFiles, Snapshots } from "./snapshots.js";
export type { Volumes } from "./volumes.js";
