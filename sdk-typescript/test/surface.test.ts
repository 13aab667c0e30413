import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, test } from "vitest";

const source = (name: string): string => fileURLToPath(new URL(`../src/${name}`, import.meta.url));

/** What an entry exports: each name with its kind, and the public members of classes and interfaces with their types. */
function surface(program: ts.Program, path: string): string {
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(path);
  const module = file && checker.getSymbolAtLocation(file);
  if (module === undefined) throw new Error(path);
  const lines: string[] = [];
  const names = checker.getExportsOfModule(module).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const exported of names) {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    const declaration = symbol.declarations?.[0];
    if (declaration === undefined) throw new Error(exported.name);
    lines.push(`${ts.SyntaxKind[declaration.kind].replace("Declaration", "")} ${exported.name}`);
    if (symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface)) {
      const type = checker.getDeclaredTypeOfSymbol(symbol);
      for (const member of checker.getPropertiesOfType(type).sort((a, b) => (a.name < b.name ? -1 : 1))) {
        if (isHidden(member)) continue;
        const optional = member.flags & ts.SymbolFlags.Optional ? "?" : "";
        const name = member.name.replace(/^__@(\w+)@\d+$/, "[$1]");
        lines.push(`  ${name}${optional}: ${text(checker, checker.getTypeOfSymbolAtLocation(member, declaration))}`);
      }
    } else if (ts.isTypeAliasDeclaration(declaration)) {
      // as it is written, without comments: the checker would print the name again
      const written = declaration.type.getText().replaceAll(/\/\*\*.*?\*\//gs, "");
      lines.push(`  ${written.replaceAll(/\s+/g, " ")}`);
    } else {
      lines.push(`  ${text(checker, checker.getTypeOfSymbolAtLocation(symbol, declaration))}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

function isHidden(member: ts.Symbol): boolean {
  return (member.declarations ?? []).some(
    (declaration) =>
      (ts.getCombinedModifierFlags(declaration) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) !== 0 ||
      ts.getJSDocTags(declaration).some((tag) => tag.tagName.text === "internal") ||
      (/^(cause|stack)$/.test(member.name) && /\/node_modules\//.test(declaration.getSourceFile().fileName)) ||
      /^(__)?#/.test(member.name),
  );
}

function text(checker: ts.TypeChecker, type: ts.Type): string {
  return checker.typeToString(type, undefined, ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.InTypeAlias);
}

test("what the package exports changes on purpose only", async () => {
  const config = ts.readConfigFile(fileURLToPath(new URL("../tsconfig.json", import.meta.url)), (path) =>
    ts.sys.readFile(path),
  );
  const { options } = ts.parseJsonConfigFileContent(
    config.config,
    ts.sys,
    fileURLToPath(new URL("..", import.meta.url)),
  );
  const program = ts.createProgram([source("index.ts"), source("node/index.ts")], options);
  await expect(surface(program, source("index.ts"))).toMatchFileSnapshot("surface/index.txt");
  const node = surface(program, source("node/index.ts"));
  const neutral = surface(program, source("index.ts"))
    .split("\n")
    .filter((line) => /^\w/.test(line));
  // everything of the neutral entry is in the one for Node.js; only connect() differs
  expect(neutral.filter((line) => !node.split("\n").includes(line))).toEqual([]);
  await expect(
    node
      .split("\n")
      .filter((line) => /^\w/.test(line) && !neutral.includes(line))
      .join("\n"),
  ).toMatchFileSnapshot("surface/node.txt");
});
