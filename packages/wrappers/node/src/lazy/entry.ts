import { actAsEntryPoint } from "../app/entry-point.ts";
import { listenAsApp, releaseCaptured } from "../app/listen.ts";
import { answerForApp, hasProgressed } from "../app/run-app.ts";
import { describeSyntaxError, explain, locationIn, withoutMessage } from "../error-location.ts";
import { whenBackgroundWorkDone } from "../fetch/background-work.ts";
import { defineServiceWorker, needsServiceWorker, serviceWorker } from "../fetch/service-worker.ts";
import { chooseFunction } from "../load/choose-function.ts";
import { watchLoading } from "../loading-watch.ts";
import { readEncoded } from "../request/content-encoding.ts";
import { sendEncoded } from "../response/encoded-result.ts";
import { sendWebResponse } from "../response/web-response.ts";
import { prepareSignature } from "../signatures/adapt.ts";
import { runTraced } from "../trace/run-traced.ts";
import { waitForClaim } from "../warm/warm-process.ts";
import { closeOpenSockets, endOpenSockets } from "../websocket/open-sockets.ts";
import { openWebSocket } from "../websocket/open-websocket.ts";
import type { LazyFunctions } from "./functions.ts";
import { runOther } from "./run-other.ts";

/** Entry point of the code that is compiled when it is first used (packages/wrappers/node/assemble.ts). */
export const functions: LazyFunctions = {
  chooseFunction,
  prepareSignature,
  waitForClaim,
  watchLoading,
  actAsEntryPoint,
  needsServiceWorker,
  defineServiceWorker,
  serviceWorker,
  describeSyntaxError,
  locationIn,
  explain,
  withoutMessage,
  readEncoded,
  sendEncoded,
  sendWebResponse,
  listenAsApp,
  releaseCaptured,
  runTraced,
  runOther,
  hasProgressed,
  answerForApp,
  openWebSocket,
  endOpenSockets,
  closeOpenSockets,
  whenBackgroundWorkDone,
};
