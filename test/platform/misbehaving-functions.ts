import type { Language } from "@faas/core";

/** A function whose deployment fails. */
export interface BrokenFunction {
  /** Noun phrase for the name of a test. */
  readonly name: string;
  readonly source: string;
  readonly settings?: readonly string[];
  /** Pattern of the reported reason. */
  readonly message: RegExp;
}

/** A function that responds "fine", and misbehaves when it is called with the path "/bad". */
export interface MisbehavingFunction {
  /** Relative clause for the name of a test. */
  readonly name: string;
  readonly source: string;
  readonly settings?: readonly string[];
  readonly status: number;
  readonly code: string;
  /** True if only the end of its process ends the call, which takes some seconds. */
  readonly isStuck?: boolean;
}

interface Functions {
  readonly file: string;
  readonly broken: readonly BrokenFunction[];
  readonly misbehaving: readonly MisbehavingFunction[];
}

const TIMEOUT = { settings: ["--timeout", "2s"], status: 504, code: "FUNCTION_TIMEOUT" } as const;
const EXITED = { status: 502, code: "REPLICA_EXITED" } as const;
const NO_MEMORY = { settings: ["--memory", "128Mi"], status: 502, code: "OUT_OF_MEMORY" } as const;

const brokenOnNode = (file: string): readonly BrokenFunction[] => [
  {
    name: "a handler that is not in the file",
    source: "export const other = () => 1;\n",
    settings: ["--handler", "index.nope"],
    message: /nope/,
  },
  {
    name: "a handler whose file is missing",
    source: "export const handler = 1;\n",
    settings: ["--handler", "gone.handler"],
    message: /gone/,
  },
  {
    name: "a handler that is not a function",
    source: "export const handler = 42;\n",
    message: /index\.mjs[\s\S]*function/,
  },
  {
    name: "code that throws while it is loaded",
    source: "\nthrow new Error('no luck');\n",
    message: new RegExp(`${file.replace(".", "\\.")}:2: Error: no luck`),
  },
  { name: "code that ends the process while it is loaded", source: "process.exit(7);\n", message: /exit code 7/ },
  {
    name: "code that allocates without end while it is loaded",
    source: "const a = []; for (;;) a.push(new Array(1e5).fill(1));\n",
    settings: ["--memory", "64Mi"],
    message: /memory|heap/i,
  },
];

/** @param event parameter of the handlers, typed for TypeScript */
const misbehavingOnNode = (event: string): readonly MisbehavingFunction[] => {
  const isBad = "event.path === '/bad'";
  return [
    {
      name: "never returns",
      source: `export const handler = (${event}) => ${isBad} ? new Promise(() => {}) : "fine";\n`,
      ...TIMEOUT,
    },
    {
      name: "never returns to the event loop",
      source: `const lock = new Int32Array(new SharedArrayBuffer(4));\nexport const handler = (${event}) => { while (${isBad}) Atomics.wait(lock, 0, 0, 10); return "fine"; };\n`,
      ...TIMEOUT,
      isStuck: true,
    },
    {
      name: "ends its process",
      source: `export const handler = (${event}) => ${isBad} ? process.exit(9) : "fine";\n`,
      ...EXITED,
    },
    {
      name: "allocates slowly without end",
      source: `const all = [];\nexport const handler = async (${event}) => { while (${isBad}) { all.push(Buffer.alloc(2 ** 22, 1)); await new Promise((done) => setTimeout(done, 5)); } return "fine"; };\n`,
      ...NO_MEMORY,
    },
    {
      name: "allocates at once without end",
      source: `const all = [];\nexport const handler = (${event}) => { while (${isBad}) all.push(Buffer.allocUnsafe(2 ** 26).fill(1)); return "fine"; };\n`,
      ...NO_MEMORY,
    },
    {
      name: "fills its heap",
      source: `const all = [];\nexport const handler = (${event}) => { while (${isBad}) all.push(new Array(1e5).fill({})); return "fine"; };\n`,
      ...NO_MEMORY,
    },
  ];
};

const brokenInPython: readonly BrokenFunction[] = [
  {
    name: "a handler that is not in the file",
    source: "def other(event, context): return 1\n",
    settings: ["--handler", "main.nope"],
    message: /nope/,
  },
  {
    name: "a handler that is not a function",
    source: "handler = 42\n",
    message: /main\.py[\s\S]*function|callable/,
  },
  {
    name: "code that throws while it is loaded",
    source: "\nraise ValueError('no luck')\n",
    message: /main\.py:2: ValueError: no luck/,
  },
  {
    name: "code that ends the process while it is loaded",
    source: "import os\nos._exit(7)\n",
    message: /exit code 7/,
  },
];

const misbehavingInPython: readonly MisbehavingFunction[] = [
  {
    name: "never returns",
    source:
      "import threading\ndef handler(event, context):\n    if event.path == '/bad':\n        threading.Event().wait()\n    return 'fine'\n",
    ...TIMEOUT,
  },
  {
    name: "ends its process",
    source:
      "import os\ndef handler(event, context):\n    if event.path == '/bad':\n        os._exit(9)\n    return 'fine'\n",
    ...EXITED,
  },
  {
    name: "allocates slowly without end",
    source:
      "import time\nkept = []\ndef handler(event, context):\n    while event.path == '/bad':\n        kept.append(bytes([1]) * 2**22)\n        time.sleep(0.005)\n    return 'fine'\n",
    ...NO_MEMORY,
  },
  {
    name: "allocates at once without end",
    source:
      "kept = []\ndef handler(event, context):\n    while event.path == '/bad':\n        kept.append(bytearray(b'x') * 2**26)\n    return 'fine'\n",
    ...NO_MEMORY,
  },
];

export const BAD_FUNCTIONS: Readonly<Record<Language, Functions>> = {
  node: { file: "index.mjs", broken: brokenOnNode("index.mjs"), misbehaving: misbehavingOnNode("event") },
  // JavaScript with a type.
  typescript: {
    file: "index.ts",
    broken: brokenOnNode("index.ts"),
    misbehaving: misbehavingOnNode("event: { path: string }"),
  },
  python: { file: "main.py", broken: brokenInPython, misbehaving: misbehavingInPython },
};
