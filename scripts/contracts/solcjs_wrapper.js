#!/usr/bin/env node
// The npm package solc behind the two calls that py-solc-x and slither make of a native compiler: --version and --standard-json.
// Sources come in whole, so no import is ever looked up from here.
import { readFileSync, writeSync } from "node:fs";
import { createRequire } from "node:module";

const solc = createRequire(import.meta.url)("solc");
const options = process.argv.slice(2);
const allowed = options.indexOf("--allow-paths");
if (allowed >= 0) options.splice(allowed, 2); // where imports may be looked up: nowhere

function print(text) {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(1, bytes, done);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error; // a full pipe: try again
    }
  }
}

if (options.includes("--version")) {
  print(`solc, the solidity compiler commandline interface\nVersion: ${solc.version().replace(".Emscripten.clang", ".Linux.g++")}\n`);
} else if (options.includes("--standard-json")) {
  const file = options.find((option) => !option.startsWith("-"));
  print(solc.compile(readFileSync(file ?? 0, "utf8")));
} else {
  process.stderr.write("solcjs_wrapper: only --version and --standard-json are supported\n");
  process.exit(2);
}
