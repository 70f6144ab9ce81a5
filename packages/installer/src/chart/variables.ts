import { createHash } from "node:crypto";
import { keyIdOf, newKey, verifierOf } from "@faas/core";
import type { KubernetesObject } from "@faas/platforms/kubernetes-client";
import { ADMIN_KEY_ID, GATEWAY, SERVER } from "../labels.ts";
import { EXPOSURES, isRouted, type ServerManifestOptions } from "../settings.ts";

/** Values of the Helm chart: the conditions that its templates can have, and the texts that stand for values while manifests are built. */

/** A state of a variable. */
interface State {
  /** Condition in Helm's language. */
  readonly when: string;
  readonly options: Partial<ServerManifestOptions>;
  /** Changes the objects further. */
  readonly transform?: (objects: readonly KubernetesObject[]) => readonly KubernetesObject[];
}

/** A property of the values that decides which objects and fields there are. */
export interface Variable {
  readonly name: string;
  readonly states: readonly State[];
}

/** Text in manifests, and the expression of Helm that replaces it. */
export interface Placeholder {
  readonly text: string;
  readonly expression: string;
}

/** Options of text, which are absent with an empty value. */
const TEXTS = [
  ...(["allowImages", "baseRegistry", "certIssuer", "cpuMax", "gatewayClass", "ingressClass"] as const),
  ...(["otlp", "registryPull", "registryPush", "startupCpu", "storageClass", "tlsSecret"] as const),
  ...(["accessLog", "logRequestIds"] as const),
];
/** Options that are numbers, with the number that stands for each. */
const NUMBERS = { maxConnections: 70_001, maxConnectionsPerAddress: 70_002, poolSize: 70_003, traceRatio: 0.70004 };
const RANGE = { min: 70_005, current: 70_006, max: 70_007 };

const NAMESPACE = "faas-chart-namespace";
const IMAGE = "@image@";
const STORAGE = "@storage@";
const LOGIN = "@dockerConfigJson@";
const GATEWAY_TOKEN = "@gatewayToken@";

const isGiven = (name: string) => `(ne (toString .Values.${name}) "")`;
const isEmpty = (name: string) => `(eq (toString .Values.${name}) "")`;
const optional = (name: string, options: Partial<ServerManifestOptions>): Variable => ({
  name,
  states: [
    { when: isEmpty(name), options: {} },
    { when: isGiven(name), options },
  ],
});

const base64 = (text: string) => Buffer.from(text).toString("base64");

/** Creates the variables and placeholders. */
export function chartVariables() {
  const { token } = newKey("admin");
  return {
    base: { namespace: NAMESPACE, image: IMAGE, storage: STORAGE },
    structural: [exposeVariable(), gatewaysVariable()],
    others: [
      ...TEXTS.map((name) => optional(name, { [name]: `@${name}@` })),
      ...Object.entries(NUMBERS).map(([name, value]) => optional(name, { [name]: value })),
      optional("dockerConfigJson", { dockerConfigJson: LOGIN }),
      gatewayVariable(),
      authVariable(token),
      tokenVariable(),
    ],
    placeholders: placeholders(token),
  };
}

const exposeVariable = (): Variable => ({
  name: "expose",
  states: EXPOSURES.map((expose) => ({
    when: `(eq .Values.expose "${expose}")`,
    options: { expose, ...(isRouted({ expose }) ? { host: "@host@" } : {}) },
  })),
});

function gatewaysVariable(): Variable {
  const mode = (name: string) => `(eq (include "faas.gatewayMode" .) "${name}")`;
  const { min, max, current } = RANGE;
  return {
    name: "gateways",
    states: [
      { when: mode("none"), options: { gateways: "0" } },
      { when: mode("fixed"), options: { gateways: String(min) } },
      { when: mode("range"), options: { gateways: `${min}-${max}`, gatewayReplicas: current } },
    ],
  };
}

/** Returns the objects without a Secret, and without the annotation of pods for its content. */
function withoutSecret(objects: readonly KubernetesObject[], name: string, annotation: string) {
  return objects
    .filter(({ kind, metadata }) => kind !== "Secret" || metadata?.name !== name)
    .map((object) =>
      JSON.parse(JSON.stringify(object), (key, value) => {
        if (key !== "annotations") return value;
        const { [annotation]: _, ...others } = value;
        return Object.keys(others).length === 0 ? undefined : others;
      }),
    );
}

/** Creates the variable for an existing Gateway, as NAME or as NAME/NAMESPACE. */
function gatewayVariable(): Variable {
  const [none, other] = [isEmpty("gateway"), '(contains "/" (toString .Values.gateway))'];
  return {
    name: "gateway",
    states: [
      { when: none, options: {} },
      { when: `(not (or ${none} ${other}))`, options: { gateway: "@gateway@" } },
      { when: other, options: { gateway: "@gatewayName@/@gatewayNamespace@" } },
    ],
  };
}

/** Creates the variable for the admin key: none, in an existing Secret, or in the values. */
function authVariable(token: string): Variable {
  const [off, on] = ['(eq .Values.auth "off")', '(ne .Values.auth "off")'];
  return {
    name: "auth",
    states: [
      { when: `(and ${on} ${isGiven("adminToken")})`, options: { adminToken: token } },
      {
        when: `(and ${on} ${isEmpty("adminToken")})`,
        options: { adminToken: token },
        transform: (objects) => withoutSecret(objects, SERVER.adminKey, ADMIN_KEY_ID),
      },
      { when: off, options: { auth: "off" } },
    ],
  };
}

/** Creates the variable for the token of gateways: in an existing Secret, or in the values. */
const tokenVariable = (): Variable => ({
  name: "gatewayToken",
  states: [
    { when: isGiven("gatewayToken"), options: { gatewayToken: GATEWAY_TOKEN } },
    {
      when: isEmpty("gatewayToken"),
      options: { gatewayToken: GATEWAY_TOKEN },
      transform: (objects) => withoutSecret(objects, GATEWAY.token, "faas/gateway-token"),
    },
  ],
});

function placeholders(token: string): readonly Placeholder[] {
  const value = (name: string) => `.Values.${name}`;
  const digest = createHash("sha256").update(GATEWAY_TOKEN).digest("hex").slice(0, 16);
  const id = `(index (splitList "_" .Values.adminToken) 2)`;
  const pairs: readonly (readonly [text: string, expression: string])[] = [
    [base64(verifierOf(token) ?? ""), `printf "%s:%s" ${id} (sha256sum .Values.adminToken) | b64enc`],
    [base64(token), `${value("adminToken")} | b64enc`],
    [keyIdOf(token) ?? "", id],
    [base64(GATEWAY_TOKEN), `${value("gatewayToken")} | b64enc`],
    [digest, `sha256sum ${value("gatewayToken")} | trunc 16`],
    [base64(LOGIN), `${value("dockerConfigJson")} | b64enc`],
    [NAMESPACE, ".Release.Namespace"],
    [IMAGE, `required "image: the server's image, which faas install or faas build pushes" .Values.image`],
    [STORAGE, value("storage")],
    [String(RANGE.min), `include "faas.gateways" . | int`],
    [String(RANGE.current), `include "faas.gatewayReplicas" . | int`],
    [String(RANGE.max), `int ${value("gatewaysMax")}`],
    ["@gateway@", value("gateway")],
    ["@gatewayName@", `splitList "/" ${value("gateway")} | first`],
    ["@gatewayNamespace@", `splitList "/" ${value("gateway")} | last`],
    ["@host@", `required "host: the hostname of the server, for expose ingress or gateway" ${value("host")}`],
    ...TEXTS.map((name) => [`@${name}@`, value(name)] as const),
    ...Object.entries(NUMBERS).map(([name, number]) => {
      const text = value(name);
      return [String(number), name === "traceRatio" ? `toString ${text}` : `int ${text} | toString`] as const;
    }),
  ];
  return pairs.map(([text, expression]) => ({ text, expression }));
}
