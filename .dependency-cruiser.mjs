/**
 * Rules for imports (docs/architecture.md): a file imports only from its own package or from packages below it, and never in a circle.
 * `npm run floors` checks them; test/repository/imports.test.ts has the rules that this tool cannot express.
 *
 * @type {import("dependency-cruiser").IConfiguration}
 */
const allowed = {
  core: [],
  gateway: ["core"],
  platforms: ["core"],
  builder: ["core"],
  bench: [],
  installer: ["core", "platforms"],
  server: ["core", "gateway", "platforms", "builder"],
  cli: ["core", "builder", "bench", "server", "installer", "gateway", "platforms"],
  ui: ["core"],
  testing: ["core"],
};
const TESTS = String.raw`\.test\.ts$|/testing/|^packages/testing/|^test/`;
/** Node modules without I/O, as they are resolved. */
const PURE = "^(node:)?(crypto|zlib)$";

/** Files of the CLI that may load a package, and only when their command runs. */
const lazy = {
  server: "commands/(up|down|key)|dev/local-server",
  installer: "commands/uninstall|install/[^/]+|doctor/cluster",
  gateway: "gateway-process/(run-gateway|create-view)|traces/trace-deployment",
  platforms: "gateway-process/cluster",
};

const floors = Object.entries(allowed).map(([name, below]) => ({
  name: `floor-of-${name}`,
  comment: `packages/${name} imports only ${below.join(", ") || "no other package"}`,
  severity: "error",
  from: { path: `^packages/${name}/src/`, pathNot: TESTS },
  to: { path: "^packages/", pathNot: `^packages/(${[name, ...below].join("|")})/` },
}));

const lazyLoading = Object.entries(lazy).flatMap(([name, files]) => [
  {
    name: `lazy-${name}`,
    comment: `the CLI loads packages/${name} with import(), because most commands do not need it`,
    severity: "error",
    from: { path: "^packages/cli/src/", pathNot: TESTS },
    to: { path: `^packages/${name}/`, dynamic: false, dependencyTypesNot: ["type-only"] },
  },
  {
    name: `lazy-${name}-files`,
    comment: `only these files of the CLI load packages/${name}: ${files}`,
    severity: "error",
    from: { path: "^packages/cli/src/", pathNot: `${TESTS}|^packages/cli/src/(${files})\\.ts$` },
    to: { path: `^packages/${name}/`, dynamic: true },
  },
]);

export default {
  forbidden: [
    {
      name: "no-circular",
      comment: "a circle makes the order of initialization and the reading order arbitrary",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    ...floors,
    ...lazyLoading,
    {
      name: "server-asks-registries-only",
      comment:
        "of the builder, the server uses only the client for registries: a server needs neither Docker nor a compiler",
      severity: "error",
      from: { path: "^packages/server/src/", pathNot: TESTS },
      to: { path: "^packages/builder/", pathNot: "^packages/builder/(src|dist)/registry/" },
    },
    {
      name: "no-path-into-packages",
      comment: "a package imports another one by its name, not by a path",
      severity: "error",
      from: { path: "^packages/([^/]+)/src/", pathNot: TESTS },
      to: { path: "^packages/", pathNot: "^packages/$1/", dependencyTypes: ["local"] },
    },
    {
      name: "testing-from-tests-only",
      comment: "only tests import test helpers",
      severity: "error",
      from: { path: "^packages/", pathNot: TESTS },
      to: { path: "^packages/testing/|/testing/|\\.test\\.ts$" },
    },
    {
      name: "core-without-io",
      comment: "core has schemas and contracts; it imports zod and modules without I/O",
      severity: "error",
      from: { path: "^packages/core/src/", pathNot: TESTS },
      to: { pathNot: `^packages/core/src/|^node_modules/zod/|${PURE}` },
    },
    {
      name: "templates-and-wrappers-alone",
      comment:
        "templates and wrappers run without this repository: they import only their own files and modules of Node, and starters the packages of their package.json",
      severity: "error",
      from: { path: "^(templates|packages/wrappers/[^/]+/src)/", pathNot: [TESTS, "^templates/node/starter-mcp/"] },
      to: { dependencyTypesNot: ["core"], pathNot: "^(templates|packages/wrappers)/" },
    },
    {
      name: "undeclared-dependency",
      comment: "a package declares each dependency that it imports",
      severity: "error",
      from: { path: "^packages/", pathNot: TESTS },
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown"] },
    },
    {
      name: "not-to-unresolvable",
      comment: "an import has to exist",
      severity: "error",
      from: { pathNot: "^templates/" },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules|/dist/" },
    exclude: { path: "/dist/|^test/(?:apps/folders|mcp/clients)/" },
    enhancedResolveOptions: {
      conditionNames: ["faas-source", "import", "node", "default"],
      exportsFields: ["exports"],
    },
  },
};
