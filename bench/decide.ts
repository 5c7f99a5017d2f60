import { parse } from "yaml";
import { parsePolicy } from "../src/agent/config-policy-parse.ts";
import { UNKNOWN_SOURCE } from "../src/core/label.ts";
import { judgeRules, type NetRequest } from "../src/core/net-rules.ts";
import { decideWithin } from "../src/core/policy-decide.ts";
import { makePolicy, netRulesOf, TABLE_ALONE } from "../src/core/policy-rules.ts";
import { type Measured, median, rounded } from "./report.ts";

export const RULES = 200;
const DECISIONS = 20_000;
const DENIED = 20;
const OTHERS = 40;

/** A policy of 200 rules: hosts that are denied and allowed, and paths, commands and branches. */
export function policyText(): string {
  const denied = Array.from({ length: DENIED }, (_, number) => {
    const host = `denied${number}.example`;
    return `- deny: {net: ${host}}\n  examples: {match: ["GET https://${host}/"]}`;
  });
  const allowed = Array.from({ length: RULES - DENIED - OTHERS }, (_, number) => {
    const example = `GET https://${number % 2 ? "www." : ""}h${number}.example/api/v1`;
    return `- allow: {net: "${number % 2 ? "*." : ""}h${number}.example", paths: [/api/]}\n  examples: {match: ["${example}"]}`;
  });
  const others = Array.from({ length: OTHERS / 4 }, (_, number) =>
    [
      `- ask: {land: "src/part${number}/**"}\n  examples: {match: [land src/part${number}/a.ts]}`,
      `- deny: {read: "**/hidden${number}/*"}\n  examples: {match: [read a/hidden${number}/b]}`,
      `- deny: {run: [tool${number}, publish]}\n  examples: {match: ["run: tool${number} publish"]}`,
      `- ask: {push: "release${number}/*"}\n  examples: {match: [push release${number}/a]}`,
    ].join("\n"),
  );
  return `rules:\n${[...denied, ...allowed, ...others].join("\n")}\n`;
}

/** Measures one decision about a request: what lists it, then the gate with all rules, for hosts of the first, last and no rule. */
export function measureDecide(rounds: number): Measured[] {
  const file = parsePolicy(parse(policyText()), { tier: "user", name: "user policy.yaml", lineOf: (index) => index });
  const policy = makePolicy(file.rules, file.ceilings);
  if (policy.rules.length !== RULES) throw new Error(`${policy.rules.length} rules`);
  const listing = netRulesOf(policy);
  const hosts = ["h0.example", `www.h${RULES - DENIED - OTHERS - 1}.example`, "elsewhere.example", "denied19.example"];
  const requests = hosts.map((host): NetRequest => {
    return { protocol: "https", host, port: 443, method: "GET", path: "/api/v1/items?page=2", hasBody: false };
  });
  const known = { rule: "net.allow[0]", origin: "composed", command: 1, approvedBy: "none", shown: null } as const;
  const own = (request: NetRequest) => {
    const { verdict: listed } = judgeRules(listing, request);
    return decideWithin(policy, { kind: "request", ...request, listed, ...known }, UNKNOWN_SOURCE).verdict;
  };
  const gateAlone = (request: NetRequest) =>
    decideWithin(TABLE_ALONE, { kind: "request", ...request, listed: "allow", ...known }, UNKNOWN_SOURCE).verdict;
  const note = `the gate without rules ${rounded(timed(gateAlone, requests, rounds))} µs; median of ${rounds} times ${DECISIONS}`;
  return [{ key: "decide_200_us", value: timed(own, requests, rounds), note }];
}

function timed(decideOne: (request: NetRequest) => string, requests: readonly NetRequest[], rounds: number): number {
  const times: number[] = [];
  // The first round compiles, and does not count.
  for (let round = 0; round <= rounds; round += 1) {
    let asked = 0;
    const startedAt = performance.now();
    for (let number = 0; number < DECISIONS; number += 1) {
      const verdict = decideOne(requests[number % requests.length]!);
      if (verdict !== "allow") asked += 1;
    }
    times.push(((performance.now() - startedAt) * 1000) / DECISIONS);
    if (asked !== DECISIONS) throw new Error(`${DECISIONS - asked} requests were let through`);
  }
  return median(times.slice(1));
}
