import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readPackage } from "../../src/agent/config.ts";
import { settle } from "../../src/agent/settle.ts";
import { takeTurn } from "../../src/agent/turn.ts";
import { prepareWorkplace } from "../../src/agent/workplace.ts";
import { isHeld } from "../../src/core/classify.ts";
import { readLedger } from "../../src/ledger/verify.ts";
import { landApproved, landOffer, listTurn, showHeld } from "../../src/ui/live.ts";
import { openSession } from "../../src/ui/run.ts";
import { alarmsIn, warningsIn } from "../monitor/alarms.ts";
import type { Step } from "./task.ts";

/** What a session of a task came to, for the process that started this one. */
export interface Played {
  /** Each question that was put to the person: what was asked for, and why. */
  readonly questions: readonly string[];
  readonly ends: readonly string[];
  readonly results: readonly { readonly ok: boolean; readonly text: string }[];
  /** The label of every decision of a call, as recorded. */
  readonly labels: readonly string[];
  /** What inspection warned of, and nothing in an ordinary task is worth it. */
  readonly warnings: readonly string[];
  /** Files that were approved one by one. */
  readonly approved: readonly string[];
  /** Kinds of the alarms that the monitor raised. */
  readonly alarms: readonly string[];
  /** What still waits after the last landing. */
  readonly left: readonly string[];
  /** From the opening of the session to the end of its last turn, landings included. */
  readonly ms: number;
}

const MINUTES_MAX = 3;
const LIMITS = { turnsMax: null, ceilings: {} };

/** Plays the turns of a task in a real session of this process, with a person who says yes to all, and counts what they are asked. */
async function play(turns: readonly (readonly Step[])[]): Promise<Played> {
  const script = join(process.cwd(), "../script.json");
  const replies = turns.flatMap((steps) => [...steps.map(replyOf), { text: "Done." }]);
  writeFileSync(script, JSON.stringify({ turns: replies }));
  const ours = readPackage(new URL("../../src/lib.ts", import.meta.url).href);
  const start = { environment: process.env, folder: process.cwd(), ...ours };
  const startedAt = performance.now();
  const workplace = await prepareWorkplace(start);
  const questions: string[] = [];
  const results: Played["results"][number][] = [];
  const session = await openSession(
    workplace,
    {
      model: `scripted:${script}`,
      limits: LIMITS,
      branch: null,
      ask: async (question) => {
        if ("kind" in question) throw new Error("no rule of a task's asks about a command");
        const { request, reason } = question;
        questions.push(
          `${request.kind} ${request.kind === "push" ? request.ref : `${request.method} ${request.path}`}: ${reason}`,
        );
        return "yes";
      },
    },
    (event) => event.type === "result" && results.push({ ok: event.ok, text: event.text }),
  );
  const [ends, approved]: [string[], string[]] = [[], []];
  let left: string[] = [];
  try {
    for (const [index] of turns.entries()) {
      const end = await takeTurn(session, index === 0 ? FIRST : "Go on.", AbortSignal.timeout(MINUTES_MAX * 60_000));
      ends.push(`${end.reason}: ${end.message}`);
      let offer: string | null = null;
      const leftover = await settle(session, "patch", async (_changed, collected, found) => {
        ({ offer } = await listTurn(collected, found, null, process));
      });
      if (offer !== null) await landOffer(session, offer, process);
      const held = leftover.held.filter(({ class: cls }) => isHeld(cls)).map(({ path }) => path);
      if (held.length > 0) {
        const approvals = await showHeld(session, held, workplace.checkout, process);
        await landApproved(session, approvals, process);
        approved.push(...approvals.map(({ path }) => path));
      }
    }
    const after = await settle(session, "patch");
    left = [...after.held.map(({ path }) => path), ...after.commits.map(({ id }) => `commit ${id}`)];
    session.finish({ reason: "done", message: "" });
  } finally {
    await session.close();
  }
  const ms = Math.round(performance.now() - startedAt);
  const [alarms, warnings] = [alarmsIn(workplace.state), warningsIn(workplace.state)];
  const found = { labels: labelsIn(join(workplace.folder.path, "ledger.log")), warnings, alarms };
  return { questions, ends, results, ...found, approved, left, ms };
}

const FIRST = "Do what the issue asks for; what the customers do is in inbox/customers.csv.";

function replyOf({ tool, input }: Step): object {
  return { calls: [{ tool, input }] };
}

function labelsIn(file: string): string[] {
  return [...readLedger(file)].flatMap(({ event }) => {
    const { type, call, label } = event as {
      type?: string;
      call?: unknown;
      label?: { integrity: string; secrecy: string };
    };
    return type === "decision" && typeof call === "string" && label ? [`${label.integrity} ${label.secrecy}`] : [];
  });
}

const [given = "[]", answer = ""] = process.argv.slice(2);
writeFileSync(answer, JSON.stringify(await play(JSON.parse(given) as Step[][])));
