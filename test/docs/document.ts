import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Lists the documents of the project, by their paths from its root. */
export function documents(): string[] {
  const own = readdirSync(ROOT).filter((name) => name.endsWith(".md"));
  const more = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md"));
  return [...own, ...more.map((name) => `docs/${name}`)].sort();
}

export function readDocument(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** Takes the fenced blocks of a language out of a document, in order. */
export function fences(text: string, language: string): string[] {
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    .filter(([, found]) => found === language)
    .map(([, , body = ""]) => body);
}

/** Gives the cells of the table whose first line begins with the given cells; throws when there is none. */
export function table(text: string, ...head: readonly string[]): string[][] {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => head.every((cell, index) => cellsOf(line)[index] === cell));
  if (start < 0) throw new Error(`no table begins with ${head.join(", ")}`);
  const rest = lines.slice(start + 2);
  const end = rest.findIndex((line) => !line.startsWith("|"));
  return rest.slice(0, end < 0 ? rest.length : end).map(cellsOf);
}

/** Lists what stands between backquotes. */
export function codes(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
}

function cellsOf(line: string): string[] {
  return line.startsWith("|")
    ? line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim())
    : [];
}
