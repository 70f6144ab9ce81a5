import { type ErrorCode, errorCodes } from "@faas/core";

/** Codes of a wrapper's responses, in the order of core's table. */
const WRAPPER_CODES = [
  "MALFORMED_JSON",
  "INVALID_REQUEST",
  "FORBIDDEN",
  "NOT_FOUND",
  "BODY_TOO_LARGE",
  "UNSUPPORTED_MEDIA_TYPE",
  "UPGRADE_REQUIRED",
  "HEADERS_TOO_LARGE",
  "FUNCTION_ERROR",
  "INVALID_RESPONSE",
  "FUNCTION_LOAD_FAILED",
  "NO_CAPACITY",
  "REPLICA_CLAIMED",
  "FUNCTION_TIMEOUT",
] as const satisfies readonly ErrorCode[];

const ORIGIN = "Generated from packages/core/src/errors.ts by `npm run wrappers`. Do not edit.";

/** Writes the error table of the Node wrapper as a TypeScript module. */
export function nodeErrors(): string {
  const rows = WRAPPER_CODES.map((code) => {
    const [status, title] = errorCodes[code];
    return `  ${code}: [${status}, ${JSON.stringify(title)}],\n`;
  });
  return `// ${ORIGIN}

/** Errors that a wrapper can answer with: code to HTTP status and title. */
export const ERRORS = {
${rows.join("")}} as const;

export type WrapperErrorCode = keyof typeof ERRORS;
`;
}

/** Writes the error table of the Python wrapper as a Python module. */
export function pythonErrors(): string {
  const rows = WRAPPER_CODES.map((code) => {
    const [status, title] = errorCodes[code];
    return `    "${code}": (${status}, ${JSON.stringify(title)}),\n`;
  });
  return `# ${ORIGIN}
"""Errors that a wrapper can answer with: code to HTTP status and title."""

ERRORS: dict[str, tuple[int, str]] = {
${rows.join("")}}
`;
}
