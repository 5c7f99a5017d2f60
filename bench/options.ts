import { parseArgs } from "node:util";
import { isKey, type Key, TARGETS } from "./report.ts";

export interface Options {
  readonly json: boolean;
  /** Measures each number a few times only. */
  readonly quick: boolean;
  readonly keys: ReadonlySet<Key>;
}

const KEYS = Object.keys(TARGETS).filter(isKey);

const USAGE = `npm run bench -- [OPTIONS]      measures the built package beside two floors, made anew in the same run
    --quick                     each number a few times only
    --only KEY[,KEY…]           these numbers alone
    --json                      the numbers as one line of JSON, below the table
    --help                      this text

KEY is one of
    ${KEYS.join("\n    ")}
`;

/** Reads the command line: the options, or what to print in their place and the exit status. */
export function readOptions(args: readonly string[]): Options | { readonly text: string; readonly status: 0 | 2 } {
  const wrong = (what: string) =>
    ({ text: `bench: ${what}; npm run bench -- --help shows the options\n`, status: 2 }) as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        json: { type: "boolean" },
        quick: { type: "boolean" },
        only: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
    if (values.help) return { text: USAGE, status: 0 };
    const named = values.only?.split(",") ?? KEYS;
    const unknown = named.filter((name) => !isKey(name));
    if (unknown.length > 0) return wrong(`there is no number "${unknown.join(",")}"`);
    return { json: values.json ?? false, quick: values.quick ?? false, keys: new Set(named.filter(isKey)) };
  } catch (error) {
    // Node's further sentences say how to write a word that begins with a dash.
    return wrong((error instanceof Error ? error.message : String(error)).split(/\.\s/)[0] ?? "");
  }
}
