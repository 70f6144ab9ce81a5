import { z } from "zod";

/** Extended resources: those that device plugins and admins add to nodes, such as GPUs (Kubernetes, "Extended Resources"). */

/** Maximum number of extended resources of an endpoint. */
const RESOURCES_MAX = 20;
/** Maximum number of units of one resource. */
const UNITS_MAX = 1_000_000;

const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const NAME = String.raw`^${LABEL}(?:\.${LABEL})*/[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$`;
/** Pattern of Kubernetes' own resources, and of names that a quota cannot have. */
const OWN = String.raw`^(?:(?:[a-z0-9.-]+\.)?kubernetes\.io|requests\.[a-z0-9.-]+)/`;

const nameSchema = z
  .string()
  .regex(new RegExp(NAME), "expected a domain, / and a name, such as nvidia.com/gpu")
  .refine((name) => !new RegExp(OWN).test(name), "expected a resource that is not one of Kubernetes itself")
  .meta({ not: { pattern: OWN } });

/** Creates the schema of numbers by resource. */
export const resourcesSchema = (min: number) =>
  z
    .record(nameSchema, z.int().min(min).max(UNITS_MAX))
    .refine(
      (resources) => Object.keys(resources).length <= RESOURCES_MAX,
      `expected at most ${RESOURCES_MAX} resources`,
    )
    .meta({ maxProperties: RESOURCES_MAX })
    .readonly();

/** Schema of the extended resources of a replica. */
export const extendedResourcesSchema = resourcesSchema(1);
export type ExtendedResources = Readonly<Record<string, number>>;

/** Schema of the extended resources of a revision. */
export const storedResources = z.record(z.string(), z.int()).readonly();

/** Returns the resources in the order of their names. */
export const normalizedResources = (resources: ExtendedResources): ExtendedResources =>
  Object.fromEntries(Object.entries(resources).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Parses the text of {@link formatResourceCounts}, whose name and number may be invalid; undefined for text of another form. */
export function parseResourceCount(text: string): ExtendedResources | undefined {
  const [, name, count] = /^\s*([^=\s]+)=(\d+)\s*$/.exec(text) ?? [];
  return name === undefined ? undefined : { [name]: Number(count) };
}

/** Form of that text, for messages. */
export const RESOURCE_FORM = "the name of an extended resource, = and a number, such as nvidia.com/gpu=1";

/** Formats resources as text, such as `nvidia.com/gpu=1`. */
export const formatResourceCounts = (resources: ExtendedResources): string[] =>
  Object.entries(resources).map(([name, count]) => `${name}=${count}`);
