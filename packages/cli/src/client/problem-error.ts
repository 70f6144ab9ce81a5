import { type ErrorCode, errorCodes, FaasError, type Problem } from "@faas/core";

/** Parses a problem document as an error; undefined when the text is not one. */
export function problemError(text: string): FaasError | undefined {
  try {
    const { type: _, title: __, status: ___, detail, code, ...extensions } = JSON.parse(text) as Problem;
    if (typeof code !== "string" || !(code in errorCodes)) return undefined;
    return new FaasError(code as ErrorCode, String(detail), { extensions });
  } catch {
    return undefined;
  }
}
