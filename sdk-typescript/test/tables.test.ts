/** The tables of errors and methods say what the schema says. */

import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { ERRORS, METHODS } from "../src/protocol/index.js";

interface Document {
  errors?: { name: string; code: number; retryable: boolean; hint?: string }[];
  methods?: {
    name: string;
    kind: string;
    since: number;
    idempotent: boolean;
    keyed?: boolean;
    progress?: boolean;
    timeout_ms: number | null;
  }[];
}

const FOLDER = fileURLToPath(new URL("../../schema/nexus/", import.meta.url));
const DOCUMENTS = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".json"))
  .map((name) => JSON.parse(readFileSync(FOLDER + name, "utf8")) as Document);

test("the errors are those of the schema and of JSON-RPC", () => {
  const wanted = DOCUMENTS.flatMap(({ errors = [] }) => errors).map(({ name, code, retryable, hint = "" }) => ({
    number: code,
    name,
    retryable,
    hint,
  }));
  expect(wanted.length).toBeGreaterThan(50);
  const ours = [...ERRORS.values()].filter(({ number }) => number > 0);
  expect(ours.sort((a, b) => a.number - b.number)).toEqual(wanted.sort((a, b) => a.number - b.number));
  expect([...ERRORS].filter(([number, row]) => number !== row.number)).toEqual([]);
  expect([...ERRORS.keys()].filter((number) => number < 0)).toEqual([-32700, -32600, -32601, -32602, -32603]);
});

test("the methods are those of the schema that a client calls", () => {
  const wanted = DOCUMENTS.flatMap(({ methods = [] }) => methods)
    .filter(({ kind }) => kind !== "notify")
    .map(({ name, kind, since, idempotent, keyed = false, progress = false, timeout_ms }) => [
      name,
      { kind, since, idempotent, keyed, progress, timeoutMs: timeout_ms },
    ]);
  expect(wanted.length).toBeGreaterThan(50);
  expect(Object.fromEntries(METHODS)).toEqual(Object.fromEntries(wanted));
});
