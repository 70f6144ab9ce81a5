import { asyncCallAcceptedSchema, endpointName, scheduleListSchema, validate } from "@faas/core";
import type { ScheduleService } from "../../../schedules/schedule-service.ts";
import type { Store } from "../../../state/store.ts";
import { requireEndpoint, requireOrg } from "../../lookup.ts";
import { defineRoute, json, type Route } from "../../route.ts";

export interface ScheduleRoutesDeps {
  readonly store: Pick<Store, "org" | "orgs" | "endpoint">;
  readonly schedules: Pick<ScheduleService, "views" | "runNow">;
}

/** Creates the routes about schedules. They are registered with the settings of their endpoints. */
export const scheduleRoutes = (deps: ScheduleRoutesDeps): Route[] => [listSchedules(deps), runSchedule(deps)];

const listSchedules = ({ store, schedules }: ScheduleRoutesDeps) =>
  defineRoute({
    method: "get",
    path: "/-/orgs/{org}/schedules",
    requires: "read",
    summary: "Lists the schedules of the serving revisions, with their next times and their last runs",
    query: { endpoint: endpointName.describe("only schedules of this endpoint") },
    responses: { 200: json("the schedules", scheduleListSchema) },
    handle({ context, parameters: { org }, permissions }) {
      const { endpoint } = context.query;
      if (endpoint === undefined) requireOrg(org, store, permissions);
      const name = endpoint === undefined ? undefined : validate(endpointName, endpoint, "the query");
      if (name !== undefined) requireEndpoint({ org, endpoint: name }, store, permissions);
      return { status: 200, body: { schedules: schedules.views(org, name) } };
    },
  });

const runSchedule = ({ store, schedules }: ScheduleRoutesDeps) =>
  defineRoute({
    method: "post",
    path: "/-/orgs/{org}/endpoints/{endpoint}/schedules/{schedule}/run",
    requires: "deploy",
    summary: "Starts a run of a schedule now, also of one that is disabled",
    responses: { 202: json("the asynchronous call", asyncCallAcceptedSchema) },
    async handle({ context, parameters: { org, endpoint, schedule }, permissions }) {
      const ref = { org, endpoint };
      requireEndpoint(ref, store, permissions);
      const { id } = await schedules.runNow(ref, schedule);
      const location = `/-/orgs/${org}/calls/${id}`;
      context.set("Location", location);
      return { status: 202, body: { id, location } };
    },
  });
