export type { AcceptedCall, AsyncCallAcceptor, NewAsyncCall } from "./async-calls/acceptor.ts";
export { formatRecord, parseRecord, type RecordedRequest } from "./async-calls/call-record.ts";
export { CallsConnection } from "./async-calls/calls-connection.ts";
export { CallsLink } from "./async-calls/calls-link.ts";
export { CALLS_PATH, CALLS_PROTOCOL, type FromControlServer, type FromGateway } from "./async-calls/calls-protocol.ts";
export type { Frame } from "./async-calls/frames.ts";
export { formatHeaded, parseHeaded } from "./async-calls/headed-bytes.ts";
export type { Delivery, DeliveryResponse, PartListener } from "./async-calls/recorded-call.ts";
export { endpointNotFound, organizationNotFound } from "./endpoints/not-found.ts";
export { OutlierDetector } from "./endpoints/outlier-detection.ts";
export { EndpointRegistry } from "./endpoints/registry.ts";
export { maxReplicas, minReplicas } from "./endpoints/replica-quota.ts";
export type { ServedEndpoint } from "./endpoints/served-endpoint.ts";
export type { ServedReplica } from "./endpoints/served-replica.ts";
export { type StatusSubscriber, StatusSync } from "./endpoints/status-sync.ts";
export { endToEndLines } from "./http/call/end-to-end-headers.ts";
export type { ConnectionLimits } from "./http/connection-limits.ts";
export { type ProblemResponse, problemResponse } from "./http/problem-response.ts";
export { requestIdOf } from "./http/request-id.ts";
export { checkPath } from "./http/request-path.ts";
export { createHttpServer, type HttpServer } from "./http/server.ts";
export type { CertificateFiles } from "./http/tls-certificate.ts";
export { CertificateSet } from "./http/tls-certificate-set.ts";
export { CHALLENGE, tokenOf } from "./http/token-header.ts";
export type { KeyVerifier, VerifiedKey } from "./keys/key-verifier.ts";
export { TokenVerifier } from "./keys/token-verifier.ts";
export { LIMITS_OF_CALLS, RetryLaterError } from "./limits/quota-error.ts";
export { TokenBucket } from "./limits/token-bucket.ts";
export { AccessLines } from "./metrics/access-lines.ts";
export type { AccessLog, FinishedCall, LoggedCall } from "./metrics/access-log.ts";
export { CallBatch } from "./metrics/call-batch.ts";
export { CallCounts } from "./metrics/call-counts.ts";
export { bucketOf, durationOf } from "./metrics/duration-buckets.ts";
export { acceptsOpenMetrics, OPEN_METRICS_TYPE, toOpenMetrics } from "./metrics/open-metrics.ts";
export { RequestHistogram } from "./metrics/request-histogram.ts";
export type { RequestMetrics } from "./metrics/request-metrics.ts";
export { RequestStatistics, SLICE_MS } from "./metrics/request-statistics.ts";
export type { PeerState } from "./peers/peer-group-options.ts";
export { type Peers, type PeersOptions, startPeers } from "./peers/peers.ts";
export { createGateway, type DeliveringGateway, type Gateway, type RequestReport } from "./pipeline/pipeline.ts";
export { collectGarbage } from "./process/collect-garbage.ts";
export { type ControlAddress, parseControlAddress } from "./process/control-address.ts";
export { controlProxy } from "./process/control-proxy.ts";
export { type DrainOptions, drain } from "./process/drain.ts";
export { type GatewayProcessOptions, type RunningGateway, startGatewayProcess } from "./process/gateway-process.ts";
export { inheritedSocket } from "./process/inherited-socket.ts";
export { jsonLog } from "./process/json-log.ts";
export { listenOn } from "./process/listen-on.ts";
export { distributeConnections } from "./process/steer-connections.ts";
export { CLIENT_ADDRESS_HEADER, GATEWAY_TOKEN_HEADER } from "./protocol/control-headers.ts";
export { encodeMessage, MessageDecoder } from "./protocol/line-codec.ts";
export {
  type LinkClock,
  type LinkConnection,
  type LinkHandlers,
  type LinkTransport,
  SYSTEM_CLOCK,
} from "./protocol/link.ts";
export * from "./protocol/messages.ts";
export type { ActiveSpan, SpanFactory } from "./traces/active-span.ts";
export { openTracing } from "./traces/open-tracing.ts";
export { SPAN_KIND } from "./traces/span-kind.ts";
export type { Tracing } from "./traces/tracing.ts";
export { HttpLinkTransport, serveLink } from "./view/http-link.ts";
export type {
  GatewayIdentity,
  GatewayView,
  LinkState,
  PlatformReplica,
  ViewClientOptions,
  ViewLog,
  ViewState,
} from "./view/options.ts";
export { ViewClient } from "./view/view-client.ts";
