import type { Language } from "@faas/core";

/** Functions that the platform contract runs, as source text. */
export interface ContractFunctions {
  /** Prints "loaded <text>", and "called <text>" for each call; responds with the text. */
  responds(text: string): string;
  /** Prints "trying" and throws on its second line. */
  readonly broken: string;
  readonly brokenDetail: RegExp;
  /** Responds with the values of environment variables, separated by commas. */
  variables(...names: string[]): string;
}

const NODE: ContractFunctions = {
  responds: (text) =>
    `console.log("loaded ${text}"); export const handler = () => { console.log("called ${text}"); return "${text}"; };`,
  broken: 'console.log("trying");\nthrow new Error("no luck");',
  brokenDetail: /index\.mjs:2: Error: no luck/,
  variables: (...names) =>
    `export const handler = () => [${names.map((name) => `process.env.${name}`).join(", ")}].join();`,
};

export const CONTRACT_FUNCTIONS: Readonly<Record<Language, ContractFunctions>> = {
  node: NODE,
  typescript: { ...NODE, brokenDetail: /index\.ts:2: Error: no luck/ },
  python: {
    responds: (text) =>
      `print("loaded ${text}")\ndef handler(event, context):\n    print("called ${text}")\n    return "${text}"\n`,
    broken: 'print("trying")\nraise ValueError("no luck")\n',
    brokenDetail: /main\.py:2: ValueError: no luck/,
    variables: (...names) =>
      `import os\ndef handler(event, context): return ",".join(os.environ.get(name, "") for name in ${JSON.stringify(names)})\n`,
  },
};
