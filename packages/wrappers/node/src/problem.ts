import { ERRORS, type WrapperErrorCode } from "./errors.generated.ts";

/** Error that is answered with a problem document (RFC 9457). */
export class Problem extends Error {
  readonly code: WrapperErrorCode;

  constructor(code: WrapperErrorCode, detail: string) {
    super(detail);
    this.code = code;
  }

  /** Returns the HTTP status and the text of the problem document. */
  document(requestId?: string): { readonly status: number; readonly text: string } {
    const [status, title] = ERRORS[this.code];
    const document = { type: `urn:faas:error:${this.code}`, title, status, detail: this.message, code: this.code };
    return { status, text: JSON.stringify(requestId ? { ...document, requestId } : document) };
  }
}

/** Returns the message of a thrown value, which may not be an Error. */
export function messageOf(error: unknown): string {
  return String((error as Error | undefined)?.message ?? error);
}

/** Returns the stack of a thrown value, or the value itself if it has none. */
export function stackOf(error: unknown): unknown {
  return (error as Error | undefined)?.stack ?? error;
}
