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

// What a foreign chain must execute is compiled for rules that every chain has by now.
const evmVersions = { "BatchReader.sol": "london" };
const names = readdirSync(sourceFolder).filter((name) => name.endsWith(".sol")).sort();

function compile(evmVersion, wanted) {
  const sources = Object.fromEntries(
    names.map((name) => [name, { content: readFileSync(join(sourceFolder, name), "utf8") }]),
  );
  const settings = {
    optimizer: { enabled: true, runs: 200 },
    evmVersion,
    metadata: { bytecodeHash: "none", appendCBOR: false },
    outputSelection: Object.fromEntries(wanted.map((name) => [name, { "*": ["abi", "evm.bytecode.object"] }])),
  };
  const output = JSON.parse(solc.compile(JSON.stringify({ language: "Solidity", sources, settings })));
  if (output.errors?.length) {
    for (const error of output.errors) console.error(error.formattedMessage);
    process.exit(1);
  }
  return wanted.map((name) => output.contracts[name]);
}

const versionOf = (name) => evmVersions[name] ?? "cancun";
const compiled = [...new Set(names.map(versionOf))].flatMap((version) =>
  compile(version, names.filter((name) => versionOf(name) === version)),
);

const fresh = new Map();
for (const contracts of compiled) {
  for (const [contractName, { abi, evm }] of Object.entries(contracts)) {
    const code = evm.bytecode.object;
    // Interfaces and abstract contracts have no code; a library of internal functions is inlined.
    if (code === "" || !abi.some((item) => ["function", "constructor"].includes(item.type))) continue;
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
