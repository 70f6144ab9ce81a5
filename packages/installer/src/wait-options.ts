/** Options for waiting for an installation or its removal. */
export interface WaitOptions {
  readonly namespace: string;
  readonly timeoutMs: number;
  /** True if the server uses HTTPS. */
  readonly secure?: boolean;
  readonly signal?: AbortSignal;
  /** Called with a description of the current step. */
  readonly onProgress?: (text: string) => void;
}
