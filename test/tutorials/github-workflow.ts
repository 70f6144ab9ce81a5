import { registerHooks } from "node:module";
import { data, Evaluator, Lexer, Parser } from "@actions/expressions";

// The package imports JSON without an attribute, which only bundlers allow.
const hooks = registerHooks({
  load: (url, context, next) =>
    next(url, url.endsWith(".json") ? { ...context, importAttributes: { type: "json" } } : context),
});
const { convertWorkflowTemplate, isBasicExpression, isMapping, isScalar, NoOperationTraceWriter, parseWorkflow } =
  await import("@actions/workflow-parser");
hooks.deregister();

/** Values of the contexts that expressions of a workflow read, such as `github` and `secrets`. */
export type Contexts = Readonly<Record<string, unknown>>;

/** Job that runs for an event. */
export interface SelectedJob {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  /** Scripts of the steps that run. */
  readonly scripts: readonly string[];
}

type Template = Awaited<ReturnType<typeof convertWorkflowTemplate>>;
type Token = Template["env"];

/**
 * Parses a workflow with GitHub's own parser, and selects the jobs and steps whose conditions are true.
 *
 * @throws Error with the mistakes in the workflow
 */
export async function selectJobs(workflow: string, contexts: Contexts): Promise<SelectedJob[]> {
  const { context, value } = parseWorkflow({ name: "deploy.yml", content: workflow }, new NoOperationTraceWriter());
  const problems = context.errors.getErrors().map(({ message }) => message);
  if (value === undefined || problems.length > 0) throw new Error(problems.join("\n"));
  const { jobs, env, errors = [] } = await convertWorkflowTemplate(context, value);
  if (errors.length > 0) throw new Error(errors.map(({ Message }) => Message).join("\n"));
  const isSelected = (each: { readonly if?: Token }) => each.if === undefined || textOf(each.if, contexts) === "true";
  return jobs.filter(isSelected).map((job) => {
    if (job.type !== "job") throw new Error(`Job ${job.id.value} calls another workflow`);
    const scripts = job.steps.filter(isSelected).flatMap((step) => ("run" in step ? [textOf(step.run, contexts)] : []));
    return { name: job.id.value, env: { ...variablesOf(env, contexts), ...variablesOf(job.env, contexts) }, scripts };
  });
}

function variablesOf(map: Token | undefined, contexts: Contexts): Record<string, string> {
  if (map === undefined || !isMapping(map)) return {};
  return Object.fromEntries([...map].map(({ key, value }) => [key.toString(), textOf(value, contexts)]));
}

/** Returns a value as text; an expression is evaluated. */
function textOf(token: Token, contexts: Contexts): string {
  if (!isBasicExpression(token)) return isScalar(token) ? token.toString() : "";
  const { tokens } = new Lexer(token.expression).lex();
  const expression = new Parser(tokens, Object.keys(contexts), [SUCCESS]).parse();
  const values = JSON.parse(JSON.stringify(contexts), data.reviver) as data.Dictionary;
  return new Evaluator(expression, values, new Map([[SUCCESS.name, SUCCESS]])).evaluate().coerceString();
}

/** Status of the previous steps: scripts run only while all succeed. */
const SUCCESS = { name: "success", minArgs: 0, maxArgs: 0, call: () => new data.BooleanData(true) };
