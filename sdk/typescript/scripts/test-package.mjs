// What users get, as they get it: the package is packed, installed from the tarball into a new project, and there drives a real
// server, by the tests in test/live and by the code blocks of the documentation.
//
// The project lies outside of this folder, so that nothing but the tarball can be found from it. The server is named by
// MIOSA_BASE_URL and MIOSA_API_KEY; it should be one of its own, because tests make and delete things there.

import { spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { modulesOf } from "./documentation.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const guides = join(root, "../../docs/guides");
const packed = /^(?:dist\/.+\.(?:js|d\.ts)|README\.md|LICENSE|package\.json)$/;

for (const name of ["MIOSA_BASE_URL", "MIOSA_API_KEY"]) {
  if (!process.env[name]) throw new Error(`${name} is not set: these tests need a server`);
}
// It would win, and the tests would make and delete things elsewhere.
delete process.env.MIOSA_ENDPOINT;

const project = await mkdtemp(join(tmpdir(), "miosa-sdk-project-"));
try {
  await installPackage();
  await writeDocumentation();
  run(join(root, "node_modules/.bin/tsc"), ["--project", project], project);
  await runTests();
} finally {
  await rm(project, { recursive: true, force: true });
}

/** Packs what was built, and installs it as a user does, with no registry to fall back on. */
async function installPackage() {
  const { stdout } = run("npm", ["pack", "--json", "--pack-destination", project], root, "pipe");
  const [{ filename, files }] = JSON.parse(stdout);
  const strange = files.map(({ path }) => path).filter((path) => !packed.test(path));
  if (strange.length > 0) throw new Error(`the package holds what it should not: ${strange.join(", ")}`);
  await writeFile(join(project, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  run("npm", ["install", "--offline", "--no-save", `./${filename}`], project, "pipe");
}

/** The code blocks and the tests, to be compiled against the installed types as a project for Node alone compiles. */
async function writeDocumentation() {
  for (const folder of ["live", "support"])
    await cp(join(root, "test", folder), join(project, folder), { recursive: true });
  const { FIXTURE_NAMES } = await import(new URL("../build/support/fixture.js", import.meta.url));
  const files = [[join(root, "README.md"), "sdk/typescript/README.md"]];
  for (const name of (await readdir(guides)).sort()) {
    if (name.endsWith(".md")) files.push([join(guides, name), `docs/guides/${name}`]);
  }
  const folder = join(project, "documentation");
  await mkdir(folder);
  let tests = 'import { test } from "node:test";\nimport { leavingNothing } from "../support/fixture.js";\n';
  for (const [file, title] of files) {
    for (const module of await modulesOf(file, title, FIXTURE_NAMES, "../support")) {
      const name = module.title.replace(/\W+/g, "-");
      await writeFile(join(folder, `${name}.ts`), module.source);
      tests += `test(${JSON.stringify(module.title)}, () => leavingNothing(() => import("./${name}.js")));\n`;
    }
  }
  await writeFile(join(folder, "documentation.test.ts"), tests);
  const compilerOptions = {
    target: "ES2022",
    module: "NodeNext",
    lib: ["ES2022"],
    types: ["node"],
    typeRoots: [join(root, "node_modules/@types")],
    strict: true,
    noUncheckedIndexedAccess: true,
  };
  await writeFile(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, exclude: ["node_modules"] }));
}

/** All in one process, one after the other: each takes away what is new on the server since its beginning. */
async function runTests() {
  const live = (await readdir(join(project, "live"))).filter((name) => name.endsWith(".test.js"));
  const tests = [...live.map((name) => `./live/${name}`), "./documentation/documentation.test.js"];
  const all = join(project, "all.test.js");
  await writeFile(all, tests.map((test) => `import ${JSON.stringify(test)};\n`).join(""));
  run(process.execPath, ["--test", all], project);
}

function run(program, args, cwd, stdout = "inherit") {
  const result = spawnSync(program, args, { cwd, stdio: ["ignore", stdout, "inherit"], encoding: "utf8" });
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${result.status ?? result.signal}`);
  return result;
}
