import { lazy, lazyIfUsed } from "../lazy/load.ts";
import { Server } from "../node-http.ts";

// An application that calls `listen()` runs unchanged: the call is intercepted, so that nothing binds a port, and the wrapper hands its requests
// to the server.

/** Prototype of the servers of `node:net`, from which all others inherit. */
const prototype = Object.getPrototypeOf(Server.prototype) as { listen: (...args: unknown[]) => unknown };
const { listen } = prototype;
let isIntercepting = false;

/** Intercepts `listen()`; called before the user's code is loaded. */
export function interceptListen(): void {
  isIntercepting = true;
  prototype.listen = function (this: unknown, ...args: unknown[]) {
    return isIntercepting ? lazy().listenAsApp(this, args) : listen.apply(this, args);
  };
}

/** Stops intercepting, because the user's code is not a server. A captured server really listens. */
export function stopInterceptingListen(): void {
  isIntercepting = false;
  lazyIfUsed()?.releaseCaptured();
}

/** Makes a server listen. */
export function listenReally(server: unknown, args: readonly unknown[]): unknown {
  return listen.apply(server, [...args]);
}
