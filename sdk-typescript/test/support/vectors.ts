/** The payload vectors of the repository, shared by all languages. */

import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** One payload and what must be made of it. */
export interface Vector {
  source: string;
  type: string;
  name: string;
  /** The JSON text. */
  text: string;
  valid: boolean;
  /** Where it is wrong. */
  path: string | undefined;
}

interface Written {
  name: string;
  value?: unknown;
  raw?: string;
  path?: string;
}

interface Group {
  type: string;
  valid: Written[];
  invalid: Written[];
}

/** The folder of the vectors. */
export const VECTORS = fileURLToPath(new URL("../../../schema/vectors/", import.meta.url));

/** Every vector there is. */
export function vectors(): Vector[] {
  const found: Vector[] = [];
  const add = (source: string, group: Group): void => {
    for (const [valid, list] of [[true, group.valid] as const, [false, group.invalid] as const]) {
      for (const { name, value, raw, path } of list) {
        found.push({ source, type: group.type, name, text: raw ?? JSON.stringify(value), valid, path });
      }
    }
  };
  for (const name of json(VECTORS)) add(name, read(VECTORS + name) as Group);
  for (const name of json(`${VECTORS}hand`)) {
    for (const group of (read(`${VECTORS}hand/${name}`) as { vectors: Group[] }).vectors) add(`hand/${name}`, group);
  }
  return found;
}

function json(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort();
}

function read(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}
