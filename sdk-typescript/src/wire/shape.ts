/**
 * Whether what a daemon sent has the shape that the schema gives it, in a notation short enough for a browser:
 *
 * - `s`, `t`, `u`, `i`, `n`, `b`, `*`: a text, a moment, an integer from 0, an integer, a number, a boolean, anything
 * - `~x` null or x, `[x` an array, `{x` an object with free names, `@Name` a named type
 * - `=a,b` one of these texts, `|A|B` one of these objects, told apart by the text that each has in common with no other
 * - `(name x;name? x)` an object; members that it does not list are ignored
 *
 * Ranges and patterns are not looked at: nothing depends on them here.
 *
 * @module
 */

import { isObject } from "../errors.js";
import { SHAPES } from "../protocol/shapes.js";

type Check = (value: unknown) => boolean;

const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

const SIMPLE: Record<string, Check> = {
  s: (value) => typeof value === "string",
  t: (value) => typeof value === "string" && MOMENT.test(value) && !Number.isNaN(Date.parse(value)),
  u: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  i: (value) => Number.isSafeInteger(value),
  n: (value) => typeof value === "number",
  b: (value) => typeof value === "boolean",
  "*": () => true,
};

const named = new Map<string, Check>();

/** Whether a value is one of a named type. */
export function fits(type: string, value: unknown): boolean {
  let check = named.get(type);
  if (check === undefined) {
    check = compile(SHAPES[type] ?? "*");
    named.set(type, check);
  }
  return check(value);
}

function compile(text: string): Check {
  const simple = SIMPLE[text];
  if (simple !== undefined) return simple;
  const rest = text.slice(1);
  switch (text[0]) {
    case "@":
      return (value) => fits(rest, value);
    case "~": {
      const inner = compile(rest);
      return (value) => value === null || inner(value);
    }
    case "[": {
      const item = compile(rest);
      return (value) => Array.isArray(value) && value.every(item);
    }
    case "{": {
      const member = compile(rest);
      return (value) => isObject(value) && Object.values(value).every(member);
    }
    case "=": {
      const allowed = new Set(rest.split(","));
      return (value) => typeof value === "string" && allowed.has(value);
    }
    case "|": {
      const variants = rest.split("|");
      return (value) => variants.some((variant) => fits(variant, value));
    }
    default:
      return object(rest.slice(0, -1));
  }
}

function object(text: string): Check {
  const members =
    text === ""
      ? []
      : text.split(";").map((member) => {
          const [name = "", shape = ""] = member.split(" ");
          return name.endsWith("?")
            ? { name: name.slice(0, -1), optional: true, check: compile(shape) }
            : { name, optional: false, check: compile(shape) };
        });
  return (value) =>
    isObject(value) &&
    members.every(({ name, optional, check }) => (Object.hasOwn(value, name) ? check(value[name]) : optional));
}
