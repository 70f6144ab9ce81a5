import { bundleCli } from "./bundle-cli.ts";

await bundleCli();
