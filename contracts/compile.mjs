// Compiles src/*.sol to artifacts/<Name>.json. With --check nothing is written: the exit code is 1
// if a committed artifact differs from what the sources give.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";

const here = dirname(fileURLToPath(import.meta.url));
const sourceFolder = join(here, "src");
const artifactFolder = join(here, "artifacts");
const checkOnly = process.argv.includes("--check");

const sources = Object.fromEntries(
  readdirSync(sourceFolder)
    .filter((name) => name.endsWith(".sol"))
    .sort()
    .map((name) => [name, { content: readFileSync(join(sourceFolder, name), "utf8") }]),
);
const output = JSON.parse(
  solc.compile(
    JSON.stringify({
      language: "Solidity",
      sources,
      settings: {
        optimizer: { enabled: true, runs: 200 },
        evmVersion: "cancun",
        metadata: { bytecodeHash: "none", appendCBOR: false },
        outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
      },
    }),
  ),
);

if (output.errors?.length) {
  for (const error of output.errors) console.error(error.formattedMessage);
  process.exit(1);
}

const fresh = new Map();
for (const contracts of Object.values(output.contracts)) {
  for (const [contractName, { abi, evm }] of Object.entries(contracts)) {
    const code = evm.bytecode.object;
    // Interfaces and abstract contracts have no code; a library of internal functions is inlined.
    if (code === "" || !abi.some((item) => item.type === "function")) continue;
    const artifact = { contractName, abi, bytecode: `0x${code}` };
    fresh.set(`${contractName}.json`, `${JSON.stringify(artifact, null, 2)}\n`);
  }
}

mkdirSync(artifactFolder, { recursive: true });
const stored = readdirSync(artifactFolder).filter((name) => name.endsWith(".json"));
const wrong = [];
for (const name of stored) if (!fresh.has(name)) wrong.push(`${name}: has no source`);
for (const [name, text] of fresh) {
  if (!checkOnly) writeFileSync(join(artifactFolder, name), text);
  else if (!stored.includes(name)) wrong.push(`${name}: missing`);
  else if (readFileSync(join(artifactFolder, name), "utf8") !== text) wrong.push(`${name}: differs`);
}

for (const line of wrong) console.error(`artifacts/${line}`);
if (wrong.length > 0) {
  console.error("run `node compile.mjs` and commit the result; delete artifacts without a source");
  process.exit(1);
}
console.log(`${fresh.size} contracts ${checkOnly ? "match" : "compiled"} (solc ${solc.version()})`);
