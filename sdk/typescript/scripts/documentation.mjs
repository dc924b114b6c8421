// The ```ts blocks of Markdown files, as modules that run: what a block names and does not make itself is in the fixture.

import { readFile } from "node:fs/promises";

/** The blocks of one file, each with the line it begins at. */
function blocksOf(markdown) {
  return [...markdown.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => ({
    line: markdown.slice(0, match.index).split("\n").length,
    code: match[1],
  }));
}

/** Which names a block uses as variables without declaring them. */
function wantedBy(code, names) {
  return names.filter((name) => {
    const isDeclared = new RegExp(String.raw`\b(?:const|let)\s+(?:\{[^}]*\b${name}\b[^}]*\}|${name}\b)\s*=`).test(code);
    const isUsed = new RegExp(String.raw`(?<![.\w"'\`])${name}\b(?!\s*:)`).test(code);
    return isUsed && !isDeclared;
  });
}

/** `{ title, source }` of each block. `support` is the folder of the fixture, as the modules find it. */
export async function modulesOf(file, title, names, support) {
  const modules = [];
  for (const { line, code } of blocksOf(await readFile(file, "utf8"))) {
    const wanted = wantedBy(code, names);
    const fixture =
      wanted.length === 0
        ? ""
        : `import { fixture } from "${support}/fixture.js";\n` +
          `const { ${wanted.join(", ")} } = await fixture(${wanted.map((name) => JSON.stringify(name)).join(", ")});\n`;
    // A block without an import or export would be no module, and could not await.
    modules.push({ title: `${title}, line ${line}`, source: `${fixture}${code}\nexport {};\n` });
  }
  return modules;
}
