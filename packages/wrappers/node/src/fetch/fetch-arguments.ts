import { type Call, Context } from "../call.ts";
import { addBackgroundWork } from "./background-work.ts";

/** Variables of the platform and of the machine, which are not the endpoint's settings. */
const PLATFORM_VARIABLE =
  /^(?:FAAS_.*|KUBERNETES_.*|PORT|PATH|HOME|HOSTNAME|TMPDIR|LANG|PWD|SHLVL|_|OMP_NUM_THREADS|OPENBLAS_NUM_THREADS|NODE_COMPILE_CACHE|NODE_VERSION|YARN_VERSION)$/;

let variables: Readonly<Record<string, string>> | undefined;

/** Returns the endpoint's settings and secrets. */
export function endpointVariables(): Readonly<Record<string, string>> {
  variables ??= Object.fromEntries(
    Object.entries(process.env as Record<string, string>).filter(([name]) => !PLATFORM_VARIABLE.test(name)),
  );
  return variables;
}

/**
 * Second argument of `fetch(request, env, ctx)`: the settings and secrets. The fields of the context are inherited, for functions that take it as
 * their second argument; they are not listed with the variables.
 */
export class FetchEnvironment {
  readonly #call: Call;

  constructor(call: Call) {
    this.#call = call;
    Object.assign(this, endpointVariables());
  }

  get org(): string {
    return this.#call.context.org;
  }
  get endpoint(): string {
    return this.#call.context.endpoint;
  }
  get revision(): string {
    return this.#call.context.revision;
  }
  get requestId(): string {
    return this.#call.requestId;
  }
  get deadline(): number {
    return this.#call.deadline;
  }
  get signal(): AbortSignal {
    return this.#call.signal;
  }
  get log(): Context["log"] {
    return this.#call.context.log;
  }
}

/** Third argument of `fetch(request, env, ctx)`: the context, with the methods of a Worker's. */
export class ExecutionContext extends Context {
  /** Returns a function, not a method, so that it can be taken out of the context. */
  get waitUntil(): (work: unknown) => void {
    return (work) => addBackgroundWork(work, this.requestId);
  }

  get props(): Readonly<Record<string, unknown>> {
    return {};
  }

  /** Does nothing: there is no origin to pass a request to. */
  passThroughOnException(): void {}
}
