/** Options for waiting for an installation or its removal. */
export interface WaitOptions {
  readonly namespace: string;
  readonly timeoutMs: number;
  /** True if the server uses HTTPS. */
  readonly secure?: boolean;
  readonly signal?: AbortSignal;
  /** Called with a description of the current step. */
  readonly onProgress?: (text: string) => void;
  /** URL of the server behind an Ingress or a Gateway. */
  readonly routeUrl?: string;
}
