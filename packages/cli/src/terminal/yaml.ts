/** YAML, which only `--output yaml` loads. Imported here by name: of a dynamic import of CommonJS, the bundle has the default export alone. */
export { stringify } from "yaml";
