import { RULES } from "../core/scan-findings.ts";
import type { Scanned } from "./scan.ts";

/** Writes findings as SARIF 2.1.0. */
export function sarifOf(scanned: readonly Scanned[], version: string): object {
  const ids = Object.keys(RULES);
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "ringfence",
            version,
            rules: ids.map((id) => ({ id, shortDescription: { text: RULES[id] } })),
          },
        },
        columnKind: "utf16CodeUnits",
        results: scanned.flatMap(({ name, findings }) =>
          findings.map(({ rule, level, message, line, column, score }) => ({
            ruleId: rule,
            ruleIndex: ids.indexOf(rule),
            level,
            message: { text: message },
            locations: [
              {
                physicalLocation: {
                  artifactLocation: { uri: name.split("/").map(encodeURIComponent).join("/") },
                  region: { startLine: Math.max(1, line), startColumn: column },
                },
              },
            ],
            ...(score === null ? {} : { properties: { score } }),
          })),
        ),
      },
    ],
  };
}
