import { putSplitSchema, putTagSchema, trafficViewSchema } from "@faas/core";
import type { Store } from "../../state/store.ts";
import type { TrafficService } from "../../variants/traffic-service.ts";
import { jsonBody } from "../json-body.ts";
import { requireEndpoint } from "../lookup.ts";
import { defineRoute, json, type Route, stateOf } from "../route.ts";

const ENDPOINT = "/-/orgs/{org}/endpoints/{endpoint}";

export interface TrafficRoutesDeps {
  readonly store: Pick<Store, "org" | "orgs" | "endpoint">;
  readonly traffic: Pick<TrafficService, "view" | "putSplit" | "removeSplit" | "putTag" | "removeTag">;
}

/** Creates the routes about the division of an endpoint's calls among its revisions. */
export const trafficRoutes = (deps: TrafficRoutesDeps): Route[] => [
  getSplit(deps),
  putSplit(deps),
  deleteSplit(deps),
  putTag(deps),
  deleteTag(deps),
];

const getSplit = ({ store, traffic }: TrafficRoutesDeps) =>
  defineRoute({
    method: "get",
    path: `${ENDPOINT}/split`,
    requires: "read",
    summary: "Shows how the calls of an endpoint are divided among its revisions, with tags and previews",
    responses: { 200: json("the division", trafficViewSchema) },
    handle({ parameters: ref, permissions }) {
      requireEndpoint(ref, store, permissions);
      return { status: 200, body: traffic.view(ref) };
    },
  });

const putSplit = ({ store, traffic }: TrafficRoutesDeps) =>
  defineRoute({
    method: "put",
    path: `${ENDPOINT}/split`,
    requires: "deploy",
    summary: "Divides the calls of an endpoint among its revisions by weight, until the next deployment",
    requestBody: jsonBody(putSplitSchema),
    responses: { 200: json("it is in effect", trafficViewSchema) },
    async handle({ context, parameters: ref, body, permissions }) {
      requireEndpoint(ref, store, permissions);
      const before = traffic.view(ref);
      const after = await traffic.putSplit(ref, body);
      stateOf(context).change = { shares: { from: before.shares, to: after.shares } };
      return { status: 200, body: after };
    },
  });

const deleteSplit = ({ store, traffic }: TrafficRoutesDeps) =>
  defineRoute({
    method: "delete",
    path: `${ENDPOINT}/split`,
    requires: "deploy",
    summary: "Ends the split of an endpoint: all calls go to the serving revision",
    responses: { 200: json("it has ended", trafficViewSchema) },
    async handle({ parameters: ref, permissions }) {
      requireEndpoint(ref, store, permissions);
      return { status: 200, body: await traffic.removeSplit(ref) };
    },
  });

const putTag = ({ store, traffic }: TrafficRoutesDeps) =>
  defineRoute({
    method: "put",
    path: `${ENDPOINT}/tags/{tag}`,
    requires: "deploy",
    summary: "Gives a revision a tag, or moves the tag to it: /<org>/<endpoint>@<tag> calls the revision",
    requestBody: jsonBody(putTagSchema),
    responses: { 200: json("the revision has the tag", trafficViewSchema) },
    async handle({ parameters: { tag, ...ref }, body: { revision }, permissions }) {
      requireEndpoint(ref, store, permissions);
      return { status: 200, body: await traffic.putTag(ref, tag, revision) };
    },
  });

const deleteTag = ({ store, traffic }: TrafficRoutesDeps) =>
  defineRoute({
    method: "delete",
    path: `${ENDPOINT}/tags/{tag}`,
    requires: "deploy",
    summary: "Removes a tag from its revision",
    responses: { 200: json("it is removed", trafficViewSchema) },
    async handle({ parameters: { tag, ...ref }, permissions }) {
      requireEndpoint(ref, store, permissions);
      return { status: 200, body: await traffic.removeTag(ref, tag) };
    },
  });
