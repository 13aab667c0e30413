/// <reference lib="esnext.disposable" preserve="true" />
/** `Symbol.asyncDispose` where the engine does not have it yet, so that classes can be written against it. */

const symbols = Symbol as unknown as { asyncDispose?: symbol };
symbols.asyncDispose ??= Symbol.for("Symbol.asyncDispose");

export {};
