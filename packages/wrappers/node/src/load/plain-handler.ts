import { stopInterceptingListen } from "../app/intercept-listen.ts";
import { lazyIfUsed } from "../lazy/load.ts";
import { appSetting, handlerSetting, signatureSetting } from "../options.ts";
import { mayBeForeign } from "../signatures/hints.ts";
import type { Handler, LoadedFunction, UserModule } from "./loaded-function.ts";

// A plain handler is recognized without the code for everything else, and without regular expressions, which take long the first time: this
// runs at every start. In doubt a module gets a closer look.

/** Returns the handler of a module that is certainly a plain one; undefined if a closer look is needed. */
export function plainHandlerOf(module: UserModule): LoadedFunction | undefined {
  if (appSetting !== undefined && appSetting !== "function") return undefined;
  if (signatureSetting !== undefined && signatureSetting !== "faas") return undefined;
  // The lazy code has been used if the module listens.
  if (lazyIfUsed() !== undefined || "websocket" in module || module.default?.websocket !== undefined) return undefined;
  const key = handlerSetting ? handlerSetting.slice(handlerSetting.lastIndexOf(".") + 1) : "handler";
  const target = module[key] ?? module.default?.[key];
  if (mayBeForeign(key, target) || !isPlain(target as Handler)) return undefined;
  stopInterceptingListen();
  return { handler: target as Handler };
}

/** Tests for a function without members, which applications have, with the number of parameters of a handler. */
function isPlain(target: Handler): boolean {
  if (target.length > 2 || Object.keys(target).length > 0) return false;
  // A proxy of a function may not list its members.
  return !("fetch" in target || "handle" in target);
}
