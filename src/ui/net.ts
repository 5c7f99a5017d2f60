import { configFile, UsageError } from "../agent/config.ts";
import type { NetInForce, NetWhy } from "../agent/net-why.ts";
import type { Start } from "../agent/workplace.ts";
import type { CredentialRule } from "../core/credential.ts";
import { addressOfTracked } from "../core/git-remote.ts";
import { type ProposedRule, proposeRules, ruleLine } from "../core/net-propose.ts";
import type { NetRule } from "../core/net-rules.ts";
import type { Decision } from "../core/policy.ts";
import { netText } from "../core/policy-text.ts";
import { urlAt } from "../core/registry.ts";
import { visibleJson } from "../core/text.ts";
import { row, type Terminal, writeSafe } from "./terminal.ts";

interface NetOptions {
  readonly json: boolean;
  readonly method: string | null;
}

/** `ringfence net`, `net why URL` and `net learn -- COMMAND`; none of them changes the configuration. */
export async function netCommand(
  words: readonly string[],
  command: readonly string[] | null,
  options: NetOptions,
  start: Start,
  terminal: Terminal,
): Promise<number> {
  const [action, url, ...more] = words;
  if (action !== "why" && options.method !== null) throw new UsageError("--method is for ringfence net why URL");
  if (action === "learn" && url === undefined && command !== null && command.length > 0)
    return learn(command, options, start, terminal);
  if (action === "why" && url !== undefined && more.length === 0 && command === null)
    return why(url, options, start, terminal);
  if (action === undefined && command === null) return list(options, start, terminal);
  throw new UsageError("type ringfence net, ringfence net why URL, or ringfence net learn -- COMMAND");
}

async function why(url: string, { json, method }: NetOptions, start: Start, { stdout }: Terminal): Promise<number> {
  const { whyRequest } = await import("../agent/net-why.ts");
  const found = await whyRequest(start, url, method ?? "GET");
  if (json) writeJson(stdout, jsonOf(found));
  else writeSafe(stdout, textOf(found, configFile(start.environment)));
  return 0;
}

function textOf({ address, rule, listed, person, model, notes, add, warning }: NetWhy, file: string): string {
  return [
    row(address),
    row(
      `  listed by              ${rule === null ? "nothing" : `${rule}${listed === "deny" ? ", which denies it" : ""}`}`,
    ),
    row(`  a command of your own  ${verdictText(person, "refused")}`),
    row(`  a model's session      ${verdictText(model, "asks you at a terminal, else refused")}`),
    ...notes.map((note) => row(`  ${note}`)),
    ...(add === null ? [] : [row(`  to allow it, add below net.allow in ${file}:`), row(`    ${add}`)]),
    ...(warning === null ? [] : [row(`  ${warning}`)]),
    ...(listed === "deny"
      ? [row(`  to allow it, take ${rule} out of ${file}: a line of deny wins over every other`)]
      : []),
  ].join("");
}

// Nobody asks the person about a command that they typed themselves.
function verdictText({ verdict, reason }: Decision, asking: string): string {
  const what = verdict === "allow" ? "passes" : verdict === "ask" ? asking : "refused";
  return `${what}: ${reason}`;
}

function jsonOf({ request, rule, listed, person, model, notes, add, warning }: NetWhy) {
  const { protocol, host, port, method, path } = request;
  const [exec, session] = [person, model].map(({ verdict, reason }) => ({ verdict, reason }));
  return { request: { protocol, host, port, method, path }, rule, listed, exec, session, notes, add, warning };
}

async function learn(
  words: readonly string[],
  { json }: NetOptions,
  start: Start,
  terminal: Terminal,
): Promise<number> {
  const { execCommand } = await import("./exec.ts");
  const file = configFile(start.environment);
  const onDone = ({ wanted }: { readonly wanted: Parameters<typeof proposeRules>[0] }) => {
    const rules = proposeRules(wanted);
    if (json) writeJson(terminal.stdout, { rules: rules.map(proposalOf), yaml: yamlOf(rules) });
    else if (rules.length === 0) writeSafe(terminal.stdout, "# nothing that a rule could allow was refused\n");
    else
      writeSafe(
        terminal.stdout,
        `# for ${file}, after a look; a command that was refused may want more when it is run again\n${yamlOf(rules)}`,
      );
  };
  return execCommand({ words, previews: [], ceilings: {}, onDone }, start, terminal);
}

function yamlOf(rules: readonly ProposedRule[]): string {
  if (rules.length === 0) return "";
  return `net:\n  allow:\n${rules.map((rule) => `    ${ruleLine(rule)}\n`).join("")}`;
}

function proposalOf({ host, port, methods, paths }: ProposedRule) {
  return { host, ports: [port], methods, paths };
}

async function list({ json }: NetOptions, start: Start, { stdout }: Terminal): Promise<number> {
  const { netInForce } = await import("../agent/net-why.ts");
  const { config, found, registries, notes, remote } = await netInForce(start);
  const { rules, services, credentials, push, limits } = config;
  const places = registries.map(({ tool, base }) => ({ tool, url: urlAt(base, "") }));
  if (json) {
    const named = credentials.map(({ variable, origins }) => ({ variable, origins }));
    const pushes = push.map(({ id, repository, ref }) => ({ id, url: addressOfTracked(repository), ref }));
    const vault = found.map(({ source, rules: bound }) => ({ source, rules: bound.map(boundOf) }));
    const own = { push: pushes, services, credentials: named, vault };
    writeJson(stdout, { ...rules, ...own, registries: places, remote, limits, notes });
    return 0;
  }
  const lines = [
    ...rules.deny.map((rule) => `denies   ${ruleText(rule, false)}`),
    ...rules.allow.map((rule) => `allows   ${ruleText(rule, true)}`),
    ...(remote === null ? [] : [remoteText(remote)]),
    ...push.map(
      ({ id, repository, ref }) => `pushes   ${ref} to ${addressOfTracked(repository)}, by a command of yours (${id})`,
    ),
    ...services.map(({ host, port }) => `shows    ${host}:${port}, a service of yours, at the same port of the box`),
    ...credentials.map(({ variable, origins }) => `puts on  ${variable}, toward ${origins.join(", ")}`),
    ...found.map(({ source, rules: bound }) => `found    ${source}: ${bindingText(bound)}`),
    ...places.map(
      ({ tool, url }) => `reads    ${url} for ${tool}: a model gets what the lockfile names, you any package`,
    ),
    ...notes.map((note) => `note     ${note}`),
  ];
  const file = configFile(start.environment);
  const hint = rules.allow.length === 0 ? [`nothing is allowed by ${file} (net.allow)`] : [];
  writeSafe(stdout, [...hint, ...lines].map(row).join(""));
  return 0;
}

function boundOf({ scheme, origins, methods, pathPrefixes }: CredentialRule) {
  return { scheme: scheme.kind, origins, methods, paths: pathPrefixes };
}

/** Says where a credential is put on, of which the box has a placeholder. */
function bindingText(rules: readonly CredentialRule[]): string {
  if (rules.length === 0) return "a placeholder in the box, put on nowhere (net.credentials can say where)";
  const places = rules.flatMap(({ origins, pathPrefixes }) =>
    origins.map((origin) => `${origin}${pathPrefixes.includes("/") ? "" : ` below ${pathPrefixes.join(", ")}`}`),
  );
  return `a placeholder in the box, put on toward ${[...new Set(places)].join("; ")}`;
}

function remoteText({ address, by }: NonNullable<NetInForce["remote"]>): string {
  if (by === null) return `note     ${address}, which your branch tracks, is no address that git in the box reaches`;
  return `fetches  ${address}, which your branch tracks, by ${by === "ssh" ? "your own ssh, outside the box" : by}`;
}

function ruleText(rule: NetRule, isAllowed: boolean): string {
  return `${netText(rule, isAllowed)} (${rule.id})`;
}

function writeJson(to: NodeJS.WritableStream, value: unknown): void {
  to.write(`${visibleJson(JSON.stringify(value))}\n`);
}
