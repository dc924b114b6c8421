// Writes src/generated/v1.ts from the OpenAPI document that is committed at the root of the repository. With --check it
// writes nothing, and fails if the file is not what it would write.

import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const document = new URL("../../../openapi/v1.json", import.meta.url);
const generated = new URL("../src/generated/v1.ts", import.meta.url);

// An object that the document says nothing more about holds anything, not nothing.
const types = await openapiTS(document, { emptyObjectsUnknown: true });
const text = `// Written by \`npm run generate\` from openapi/v1.json.\n\n${astToString(types)}`;

if (process.argv.includes("--check")) {
  const committed = await readFile(generated, "utf8").catch(() => "");
  if (committed !== text) {
    console.error("src/generated/v1.ts is not of this openapi/v1.json; run `npm run generate` and commit it");
    process.exitCode = 1;
  }
} else {
  await writeFile(generated, text);
}
