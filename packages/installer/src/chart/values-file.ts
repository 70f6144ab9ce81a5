import { DEFAULT_SETTINGS, type InstallSettings } from "../settings.ts";

/** A value of the chart: its default and a comment. */
type Value = readonly [value: string, comment: string];

/** Values beside the settings of an installation. */
type Further = "image" | "dockerConfigJson" | "adminToken" | "gatewayToken" | "gatewaysMax";

const VALUES: Readonly<Record<keyof InstallSettings | Further, Value>> = {
  image: ["", "Image of the server, by digest: faas install --image takes the same"],
  dockerConfigJson: ["", "Docker config.json with the login that pulls this image"],
  auth: ["on", "off: no keys are required"],
  adminToken: ["", "Admin key. Empty: the Secret faas-admin-key exists (faas install --dry-run prints one)"],
  gatewayToken: ["", "Token of the gateways. Empty: the Secret faas-gateway-token exists"],
  storage: [DEFAULT_SETTINGS.storage, "Size of the server's volume"],
  storageClass: ["", "Its class. Empty: the cluster's default"],
  expose: [DEFAULT_SETTINGS.expose, "none, hostport, nodeport, loadbalancer, ingress or gateway"],
  host: ["", "ingress, gateway: hostname of the server"],
  certIssuer: ["", "ingress, gateway: ClusterIssuer of cert-manager"],
  tlsSecret: ["", "Secret with a certificate: of the Ingress or Gateway, else of the server"],
  ingressClass: ["", "ingress: its class"],
  gateway: ["", "gateway: existing Gateway, NAME or NAME/NAMESPACE"],
  gatewayClass: ["", "gateway: class of a Gateway of its own"],
  gateways: ["", "Gateways in pods of their own. Empty: 2, with hostport 0 unless gatewaysMax is given"],
  gatewaysMax: ["", "Their greatest number, if it follows their CPU use; gateways is then the least"],
  registryPush: ["", "Registry that images are pushed to"],
  registryPull: ["", "Its address for the nodes"],
  baseRegistry: ["", "Registry with the base images of functions. Empty: Docker Hub"],
  allowImages: ["", "Allowed sources of other images, separated by commas"],
  startupCpu: ["", "CPU limit of a starting replica"],
  cpuMax: ["", "CPU limit that load may raise that of a replica to"],
  poolSize: ["", "Warm pods per environment of an organization"],
  accessLog: ["", "off: calls are not recorded in logs"],
  logRequestIds: ["", "off: lines have no ids of calls"],
  maxConnections: ["", "Greatest number of client connections"],
  maxConnectionsPerAddress: ["", "Of these, from one address"],
  otlp: ["", "OTLP/HTTP endpoint for traces"],
  traceRatio: ["", "Share of new traces that are recorded, from 0 to 1"],
};

/** Returns the text of `values.yaml`. Every value is text, so that an empty one differs from 0. */
export const valuesFile = (): string =>
  Object.entries(VALUES)
    .map(([name, [value, comment]]) => `# ${comment}.\n${name}: ${JSON.stringify(value)}\n`)
    .join("");
