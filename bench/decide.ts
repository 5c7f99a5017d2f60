import { UNKNOWN_SOURCE } from "../src/core/label.ts";
import { judgeRules, type NetRequest, type NetRule } from "../src/core/net-rules.ts";
import { decide } from "../src/core/policy.ts";
import { type Measured, median, rounded } from "./report.ts";

const RULES = 200;
const DECISIONS = 20_000;
const DENIED = 20;

/** Measures one decision about a request: the person's 200 rules, then the gate, for hosts of the first, last and no rule. */
export function measureDecide(rounds: number): Measured[] {
  const rules = {
    deny: Array.from({ length: DENIED }, (_, number) => ruleOf(`denied${number}.example`)),
    allow: Array.from({ length: RULES - DENIED }, (_, number) => ruleOf(`${number % 2 ? "*." : ""}h${number}.example`)),
  };
  const hosts = ["h0.example", `www.h${RULES - DENIED - 1}.example`, "elsewhere.example", "denied19.example"];
  const requests = hosts.map((host): NetRequest => {
    return { protocol: "https", host, port: 443, method: "GET", path: "/api/v1/items?page=2", hasBody: false };
  });
  const known = { rule: "net.allow[0]", origin: "composed", command: 1, approvedBy: "none", shown: null } as const;
  const own = (request: NetRequest) => {
    const { verdict: listed } = judgeRules(rules, request);
    return decide({ kind: "request", ...request, listed, ...known }, UNKNOWN_SOURCE).verdict;
  };
  const gateAlone = (request: NetRequest) =>
    decide({ kind: "request", ...request, listed: "allow", ...known }, UNKNOWN_SOURCE).verdict;
  const note = `the gate alone ${rounded(timed(gateAlone, requests, rounds))} µs; median of ${rounds} times ${DECISIONS}`;
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

function ruleOf(host: string): NetRule {
  return {
    id: host,
    host,
    ports: [443],
    methods: null,
    paths: ["/api/"],
    body: false,
    tls: "terminate",
    private: false,
  };
}
