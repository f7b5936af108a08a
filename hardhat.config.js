import { fileURLToPath } from "node:url";

// The compiler is the one that npm locks; Hardhat downloads nothing.
const compiler = fileURLToPath(new URL("./node_modules/solc/soljson.js", import.meta.url));

export default {
  paths: {
    sources: "./contracts",
    tests: { solidity: "./contracts/test" },
    artifacts: "./build/hardhat/artifacts",
    cache: "./build/hardhat/cache",
  },
  solidity: {
    profiles: {
      // One profile for build and test, so that what is tested is what is deployed.
      default: {
        version: "0.8.37",
        path: compiler,
        settings: {
          evmVersion: "london",
          optimizer: { enabled: true, runs: 200 },
        },
      },
    },
  },
  test: {
    solidity: {
      timeout: 600_000,
      // A fixed seed: what failed once fails again.
      fuzz: { runs: 256, seed: `0x${Buffer.from("bonafides").toString("hex").padEnd(64, "0")}` },
      invariant: { runs: 32, depth: 64, failOnRevert: false },
    },
  },
};
