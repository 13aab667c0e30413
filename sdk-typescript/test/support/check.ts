/** A validator that reads the shapes of the schema: what every language must accept and refuse. */

import { SHAPES } from "../protocol/shapes.js";

/** One shape of the schema as data; see `emit_shapes` of the generator. */
export interface Shape {
  ref?: string;
  free?: boolean;
  nullable?: Shape;
  array?: Shape;
  map?: Shape;
  scalar?: string;
  format?: string;
  min?: number;
  max?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  enum?: string[];
  open?: boolean;
  union?: string[];
  tag?: string;
  fields?: Record<string, [required: boolean, shape: Shape]>;
  strict?: boolean;
  variant?: string;
}

const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Read a JSON text as a type. Returns the innermost place that is wrong, or undefined. */
export function check(type: string, text: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "$";
  }
  if (!wellFormed(value)) return "$";
  return wrong(SHAPES[type] ?? {}, value, "$", undefined);
}

function wellFormed(value: unknown): boolean {
  if (typeof value === "string")
    return !/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/.test(value);
  if (Array.isArray(value)) return value.every(wellFormed);
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([name, member]) => wellFormed(name) && wellFormed(member));
}

function wrong(shape: Shape, value: unknown, path: string, tagged: string | undefined): string | undefined {
  if (shape.free === true) return undefined;
  if (shape.ref !== undefined) return wrong(SHAPES[shape.ref] ?? {}, value, path, undefined);
  if (shape.nullable !== undefined) return value === null ? undefined : wrong(shape.nullable, value, path, undefined);
  if (shape.enum !== undefined) {
    return typeof value === "string" && (shape.open === true || shape.enum.includes(value)) ? undefined : path;
  }
  if (shape.array !== undefined) {
    if (!Array.isArray(value) || !within(value.length, shape.min, shape.max)) return path;
    for (const [index, item] of value.entries()) {
      const place = wrong(shape.array, item, `${path}[${String(index)}]`, undefined);
      if (place !== undefined) return place;
    }
    return undefined;
  }
  if (shape.scalar !== undefined) return scalar(shape, value) ? undefined : path;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return path;
  const members = value as Record<string, unknown>;
  if (shape.map !== undefined) {
    if (!within(Object.keys(members).length, shape.min, shape.max)) return path;
    for (const name of Object.keys(members)) {
      const place = wrong(shape.map, members[name], `${path}[...]`, undefined);
      if (place !== undefined) return place;
    }
    return undefined;
  }
  if (shape.union !== undefined) return union(shape.union, shape.tag ?? "kind", members, path);
  return object(shape, members, path, tagged);
}

function union(variants: string[], tag: string, members: Record<string, unknown>, path: string): string | undefined {
  if (!Object.hasOwn(members, tag)) return path;
  for (const name of variants) {
    const shape = SHAPES[name] ?? {};
    if (shape.variant === members[tag]) return wrong(shape, members, path, tag);
  }
  return `${path}.${tag}`;
}

function object(
  shape: Shape,
  members: Record<string, unknown>,
  path: string,
  tagged: string | undefined,
): string | undefined {
  const fields = shape.fields ?? {};
  const tag = shape.variant === undefined ? undefined : (tagged ?? "kind");
  if (tag !== undefined && Object.hasOwn(members, tag) && members[tag] !== shape.variant) return `${path}.${tag}`;
  for (const name of Object.keys(members)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined) {
      if (shape.strict === true && name !== tag) return path;
      continue;
    }
    const place = wrong(field[1], members[name], `${path}.${name}`, undefined);
    if (place !== undefined) return place;
  }
  for (const [name, [required]] of Object.entries(fields)) {
    if (required && !Object.hasOwn(members, name)) return path;
  }
  return undefined;
}

function scalar(shape: Shape, value: unknown): boolean {
  if (shape.scalar === "boolean") return typeof value === "boolean";
  if (shape.scalar === "string") {
    if (typeof value !== "string") return false;
    const size = Array.from(value).length;
    if (!within(size, shape.minLength, shape.maxLength)) return false;
    if (shape.pattern !== undefined && !new RegExp(shape.pattern, "u").test(value)) return false;
    if (shape.format === "date-time") return DATE_TIME.test(value) && isMoment(value);
    return shape.format !== "base64" || BASE64.test(value);
  }
  if (typeof value !== "number" || !Number.isFinite(value)) return false;
  if (shape.scalar === "integer" && !Number.isSafeInteger(value)) return false;
  return within(value, shape.min, shape.max);
}

function isMoment(text: string): boolean {
  // the engine rolls the 30th of February over into March
  const [year, month, day] = text.slice(0, 10).split("-").map(Number);
  if (year === undefined || month === undefined || day === undefined || year === 0) return false;
  return !Number.isNaN(Date.parse(text)) && day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

function within(value: number, low: number | undefined, high: number | undefined): boolean {
  return (low === undefined || value >= low) && (high === undefined || value <= high);
}
