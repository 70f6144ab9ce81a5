import { registerHooks } from "node:module";

/** Gives tools that read TypeScript by its JavaScript API the last release that has one: TypeScript 7 is a native program. */
registerHooks({
  resolve(specifier, context, next) {
    const known = specifier === "typescript" || specifier.startsWith("typescript/");
    return next(known ? specifier.replace("typescript", "typescript-api") : specifier, context);
  },
});
