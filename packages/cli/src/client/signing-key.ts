import { type SigningKeyView, signingKeySchema } from "@faas/core";
import type { Client } from "./client.ts";

/** Requests about the key that signs an organization's calls to URLs. */

const pathOfKey = (org: string) => `/-/orgs/${encodeURIComponent(org)}/signing-key`;

/** Returns the key. */
export const signingKey = (client: Client, org: string): Promise<SigningKeyView> =>
  client.json(signingKeySchema, "GET", pathOfKey(org));

/** Replaces the key, and returns the new one. */
export const rotateSigningKey = (client: Client, org: string): Promise<SigningKeyView> =>
  client.json(signingKeySchema, "POST", pathOfKey(org));
