import { z } from "zod";
import { ENDPOINT_NAME_MAX, endpointNameProblem, LABEL, ORG_NAME_MAX, orgNameProblem, RESERVED_ORGS } from "./names.ts";

function name(problem: (name: string) => string | undefined) {
  return z.string().superRefine((value, context) => {
    const message = problem(value);
    if (message) context.addIssue({ code: "custom", message });
  });
}

/** Schema of an organization's name. */
export const orgName = name(orgNameProblem).meta({
  description: "Name of the organization: a DNS-1123 label",
  pattern: LABEL.source,
  maxLength: ORG_NAME_MAX,
  not: { enum: [...RESERVED_ORGS] },
});

/** Schema of an endpoint's name. */
export const endpointName = name(endpointNameProblem).meta({
  description: "Name of the endpoint: a DNS-1123 label",
  pattern: LABEL.source,
  maxLength: ENDPOINT_NAME_MAX,
});
