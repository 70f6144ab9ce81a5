/**
 * The floors of the house (docs/architecture.md): a file imports only from its own package or from packages below it, and never in a circle.
 * @type {import("dependency-cruiser").IConfiguration}
 */
const allowed = {
  core: [],
  gateway: ["core"],
  platforms: ["core"],
  builder: ["core"],
  bench: [],
  installer: ["core", "platforms"],
  server: ["core", "gateway", "platforms"],
  cli: ["core", "builder", "bench", "server", "installer"],
  testing: ["core"],
};
const TESTS = String.raw`\.test\.ts$|/testing/|^packages/testing/|^test/`;

export default {
  forbidden: [
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    ...Object.entries(allowed).map(([name, below]) => ({
      name: `floor-of-${name}`,
      severity: "error",
      from: { path: `^packages/${name}/src/`, pathNot: TESTS },
      to: { path: "^packages/", pathNot: `^packages/(${[name, ...below].join("|")})/` },
    })),
    {
      name: "testing-from-tests-alone",
      severity: "error",
      from: { path: "^packages/", pathNot: TESTS },
      to: { path: "^packages/testing/|/testing/" },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules|/dist/" },
    exclude: { path: "/dist/" },
    enhancedResolveOptions: {
      conditionNames: ["faas-source", "import", "node", "default"],
      exportsFields: ["exports"],
    },
  },
};
