import ts from "typescript";
import { describe, expect, test } from "vitest";
import { SHAPES } from "./protocol/shapes.js";
import { check } from "./support/check.js";
import { type Vector, vectors } from "./support/vectors.js";

const ALL = vectors();

describe("vectors", () => {
  test("there is a valid and an invalid one for every type", () => {
    for (const type of Object.keys(SHAPES)) {
      const kinds = new Set(ALL.filter((vector) => vector.type === type).map((vector) => vector.valid));
      expect([type, kinds.size]).toEqual([type, 2]);
    }
    expect(ALL.filter((vector) => !(vector.type in SHAPES))).toEqual([]);
  });

  test.each(Object.keys(SHAPES))("%s", (type) => {
    const problems = ALL.filter((vector) => vector.type === type).flatMap((vector) => {
      const place = check(type, vector.text);
      if ((place === undefined) === vector.valid && place === vector.path) return [];
      return [`${vector.source}: ${vector.name}: wrong at ${place ?? "no place"}, wanted ${vector.path ?? "none"}`];
    });
    expect(problems).toEqual([]);
  });

  test("the validator can say no", () => {
    expect(check("ExecStartParams", '{"workspace":"w","argv":["true"]}')).toBeUndefined();
    expect(check("ExecStartParams", '{"workspace":"w","argv":[]}')).toBe("$.argv");
    expect(check("ExecStartParams", '{"workspace":1,"argv":["true"]}')).toBe("$.workspace");
  });
});

/** What the compiler says of each vector when it is written down as a value of its type. */
function compile(list: Vector[]): boolean[] {
  const path = "/vectors.ts";
  const types = new URL("../src/protocol/types.ts", import.meta.url).pathname;
  const head = `import type * as t from ${JSON.stringify(types.replace(/\.ts$/, ".js"))};`;
  const lines = list.map(({ type, text }, index) => `export const v${String(index)}: t.${type} = ${literal(text)};`);
  const source = ts.createSourceFile(path, [head, ...lines].join("\n"), ts.ScriptTarget.ES2022, true);
  const options: ts.CompilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const getSourceFile = host.getSourceFile.bind(host);
  host.getSourceFile = (name, ...rest) => (name === path ? source : getSourceFile(name, ...rest));
  const program = ts.createProgram([path], options, host);
  const accepted = list.map(() => true);
  for (const problem of [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]) {
    const line = source.getLineAndCharacterOfPosition(problem.start ?? 0).line;
    if (line === 0) throw new Error(ts.flattenDiagnosticMessageText(problem.messageText, "\n"));
    accepted[line - 1] = false;
  }
  return accepted;
}

describe("types", () => {
  // what only a parser can refuse has no place in a source file
  const written = ALL.filter((vector) => parses(vector.text) && !vector.text.includes("__proto__"));
  const accepted = compile(written);

  test("the compiler takes every valid payload without unknown fields", () => {
    const refused = written.filter((vector, index) => vector.valid && accepted[index] === false && !hasUnknown(vector));
    expect(refused.map((vector) => `${vector.source}: ${vector.name}`)).toEqual([]);
  });

  test("the compiler refuses every payload that lacks a field or has one of another type", () => {
    const wrong = written.filter(
      (vector) => !vector.valid && /: (missing|null|\w+ instead of an? \w+)$/.test(vector.name),
    );
    const taken = wrong.filter((vector) => accepted[written.indexOf(vector)] === true);
    expect(wrong.length).toBeGreaterThan(300);
    expect(taken.map((vector) => `${vector.source}: ${vector.name}`)).toEqual([]);
  });

  test("the compiler refuses every unknown value of a closed enum", () => {
    const wrong = written.filter((vector) => !vector.valid && vector.name.endsWith("value outside the set"));
    const taken = wrong.filter((vector) => accepted[written.indexOf(vector)] === true);
    expect(wrong.length).toBeGreaterThan(10);
    expect(taken.map((vector) => `${vector.source}: ${vector.name}`)).toEqual([]);
  });
});

/** A JSON text on one line, in the compiler's sense of a line. */
function literal(text: string): string {
  return JSON.stringify(JSON.parse(text)).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function hasUnknown(vector: Vector): boolean {
  return vector.source === "hand/unknown-fields.json" || /unknown|later/.test(vector.name);
}
