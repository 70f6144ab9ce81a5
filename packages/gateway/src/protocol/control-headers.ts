/** Headers of requests that a gateway passes on to the control server. Clients cannot set them: gateways remove them. */

/** Address of the client. */
export const CLIENT_ADDRESS_HEADER = "x-faas-client-address";
/** Token of the gateways. The control server believes the client's address only together with it, or on its Unix socket. */
export const GATEWAY_TOKEN_HEADER = "x-faas-gateway-token";
