// Takes away what was built, so that no file whose source is gone is tested or packed.

import { rm } from "node:fs/promises";

for (const folder of ["dist", "build"]) {
  await rm(new URL(`../${folder}`, import.meta.url), { recursive: true, force: true });
}
