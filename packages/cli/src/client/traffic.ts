import { type EndpointRef, type PutSplit, type TrafficView, trafficViewSchema } from "@faas/core";
import { type Client, pathOf } from "./client.ts";

/** Requests about the division of an endpoint's calls among its revisions. Each returns the division afterwards. */

const requestTo = (client: Client, ref: EndpointRef, method: string, path: string, body?: unknown) =>
  client.json(trafficViewSchema, method, `${pathOf(ref)}/${path}`, body);

export const traffic = (client: Client, ref: EndpointRef): Promise<TrafficView> =>
  requestTo(client, ref, "GET", "split");

export const putSplit = (client: Client, ref: EndpointRef, body: PutSplit): Promise<TrafficView> =>
  requestTo(client, ref, "PUT", "split", body);

export const removeSplit = (client: Client, ref: EndpointRef): Promise<TrafficView> =>
  requestTo(client, ref, "DELETE", "split");

export const putTag = (client: Client, ref: EndpointRef, tag: string, revision: string): Promise<TrafficView> =>
  requestTo(client, ref, "PUT", `tags/${encodeURIComponent(tag)}`, { revision });

export const removeTag = (client: Client, ref: EndpointRef, tag: string): Promise<TrafficView> =>
  requestTo(client, ref, "DELETE", `tags/${encodeURIComponent(tag)}`);
