import { z } from "zod";

/** Path and query of an HTTP request, in origin form (RFC 9112, section 3.2.1). */
export const requestPathSchema = z
  .string()
  .regex(/^\/[!-"$-~]*$/, 'expected a path that begins with "/", such as /healthz')
  .max(1024);
