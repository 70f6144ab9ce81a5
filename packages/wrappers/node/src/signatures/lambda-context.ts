import type { Call } from "../call.ts";
import { folder, handlerSetting, identity } from "../options.ts";

const VERSION = "$LATEST";
/** Memory limit in MB that is reported to functions of a process without a visible limit. */
const DEFAULT_MEMORY_MB = 256;

/** Reports the end of a Lambda function that does not return a promise. */
export type LambdaCallback = (error?: unknown, result?: unknown) => void;

/** Sets the variables that code for AWS Lambda reads. Variables that the user has set win. */
export function setLambdaEnvironment(): void {
  const group = `/aws/lambda/${identity.endpoint}`;
  const variables = {
    AWS_LAMBDA_FUNCTION_NAME: identity.endpoint,
    AWS_LAMBDA_FUNCTION_VERSION: VERSION,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb()),
    AWS_LAMBDA_LOG_GROUP_NAME: group,
    AWS_LAMBDA_LOG_STREAM_NAME: identity.revision,
    LAMBDA_TASK_ROOT: folder,
    _HANDLER: handlerSetting ?? "index.handler",
  };
  for (const [name, value] of Object.entries(variables)) process.env[name] ??= value;
}

function memoryMb(): number {
  const limit = process.constrainedMemory();
  // Without a limit it is 0 or close to 2 ** 64.
  return limit > 0 && limit < 2 ** 40 ? Math.round(limit / 2 ** 20) : DEFAULT_MEMORY_MB;
}

/** Makes the context of a call in AWS Lambda. */
export function lambdaContextOf({ requestId, deadline }: Call, done: LambdaCallback): Record<string, unknown> {
  const { env } = process;
  const name = env.AWS_LAMBDA_FUNCTION_NAME;
  const region = env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? "local";
  return {
    awsRequestId: requestId,
    callbackWaitsForEmptyEventLoop: true,
    functionName: name,
    functionVersion: VERSION,
    invokedFunctionArn: `arn:aws:lambda:${region}:000000000000:function:${name}`,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    done,
    succeed: (result: unknown) => done(null, result),
    fail: (error: unknown) => done(error ?? new Error("The function called context.fail")),
  };
}
