/** Projects, and the data services in them. */

import { DataServices } from "./data-services.js";
import type { Transport } from "./transport.js";

export class Projects {
  readonly dataServices: DataServices;

  constructor(transport: Transport) {
    this.dataServices = new DataServices(transport);
  }
}
