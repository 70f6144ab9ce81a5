import { z } from "zod";
import type { Immutable } from "../immutable.ts";

/** Response bodies of the control API about exports. */

const exportedObjectSchema = z
  .looseObject({ apiVersion: z.string(), kind: z.string() })
  .meta({ id: "ExportedObject", description: "An object of Kubernetes, without a namespace" });
/** An object of Kubernetes that belongs to an exported endpoint. */
export type ExportedObject = Immutable<z.infer<typeof exportedObjectSchema>>;

/** `GET …/endpoints/<endpoint>/manifests`. */
export const manifestsSchema = z
  .object({
    revision: z.string().describe("The serving revision, which the objects run"),
    objects: z.array(exportedObjectSchema).describe("In the order in which to apply them"),
  })
  .meta({ id: "Manifests" });
export type Manifests = Immutable<z.infer<typeof manifestsSchema>>;
