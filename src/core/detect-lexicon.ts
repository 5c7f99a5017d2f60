import { FOREIGN_WORDS } from "./detect-lexicon-foreign.ts";

/** Kinds of words that injections are made of. Their order is that of the weights: a new one goes to the end, and the model is trained anew. */
const WORDS = {
  ignore:
    "ignore ignoring ignored disregard disregarding forget forgetting override overriding overrides bypass bypassing discard neglect supersede supersedes overrule overrules nullify abandon dismiss void circumvent",
  prior: "previous prior above earlier preceding former foregoing previously",
  instruction:
    "instruction instructions prompt prompts rule rules guideline guidelines directive directives constraint constraints restriction restrictions safeguard safeguards guardrails guardrail policies",
  agent:
    "assistant assistants ai agent agents copilot claude gpt chatgpt cursor codex gemini llm llms chatbot chatbots bot bots model models windsurf cline aider devin gpt4 openai anthropic llama",
  you: "you your yourself yours u ur you're you'll you've",
  must: "must should shall required mandatory immediately now always ensure urgent important critical first strictly compulsory obligated necessary priority",
  send: "send sends sending upload uploads uploading post posts posting exfiltrate forward forwards transmit email mail submit leak share ping report deliver publish push fetch request",
  reveal:
    "reveal revealing print show output display repeat disclose expose dump tell recite provide give copy read cat open quote echo paste return say write_out",
  secret:
    "secret secrets token tokens password passwords passwd passcode credential credentials key keys env ssh aws id_rsa id_ed25519 pem npmrc netrc kubeconfig apikey api_key wallet cookies cookie keychain database_url private_key npm_token gh_pat github_token",
  hide: "secretly silently quietly covertly mention mentioning notify inform informing hidden unnoticed confidential asking confirmation confirming permission stealthily discreetly alerting revealing_this",
  not: "not don't dont never no without nor cannot can't mustn't shouldn't nothing t none neither",
  user: "user users human humans operator developer owner customer maintainer reviewer",
  authority:
    "admin administrator authorized authorised approved authorization official compliance root superuser sudo maintenance debug unrestricted privileged elevated privileges verified supervisor security emergency",
  system: "system sys systems",
  destroy:
    "delete deletes deleting remove removes rm erase wipe destroy drop truncate disable disables disabling kill shutdown uninstall overwrite corrupt sabotage terminate halt",
  execute:
    "run runs running execute executes executing eval invoke install installs download downloads launch start call curl wget bash sh chmod pip npx powershell nc netcat exec",
  change:
    "add append insert modify change write edit create replace set commit merge approve inject include register schedule update embed rewrite",
  target:
    "bashrc zshrc bash_profile profile crontab cron hooks hook authorized_keys gitconfig cursorrules workflow workflows postinstall preinstall prompt_command pre-commit settings vscode mcp backdoor startup",
  fresh: "new next following instead real actual true updated additional henceforth onwards onward",
  persona:
    "act pretend pretending roleplay role persona character imagine jailbreak jailbroken dan unfiltered uncensored simulate mode become acting simulating amoral unethical evil",
  task: "task tasks question request query conversation answer answers response reply respond job",
  web: "http https www ftp webhook attacker evil exfil collect ngrok pastebin url link",
  marker: "",
  encoding: "base64 hex rot13 encode encoded encoding decode decoded decoding cipher",
  security:
    "injection injections attack attacks attacker attackers payload payloads malicious vulnerability vulnerabilities exploit exploits adversarial jailbreaks detect detects detected detection detector detectors scanner scan owasp threat threats mitigation mitigations red-team redteam garak benchmark benchmarks phishing cve signature signatures evasion guard classifier blocked sanitize untrusted",
  please: "please kindly dear hey attention note hello hi warning fyi heads reminder notice",
  sample:
    "example examples e.g assert expect sample samples fixture fixtures dataset pattern patterns regex match matches detects",
  session: "session sessions memory future context history remaining rest onward turn",
  private: "birth birthday birthdate phone residence resides lives personal ssn whereabouts",
  hypothesis:
    "imagine imagining suppose supposing hypothetical hypothetically story fiction fictional scenario fantasy",
} as const;

export type WordClass = keyof typeof WORDS;

const NAMES = Object.keys(WORDS) as WordClass[];

/** Number of a class, from 1; 0 is that of all other words. */
export const CLASS = Object.fromEntries(NAMES.map((name, at) => [name, at + 1])) as Readonly<Record<WordClass, number>>;

export const CLASSES = NAMES.length + 1;

/** Names in which some markers of chat templates and of prompts are written. */
const ROLES =
  "system assistant user human inst sys instruction instructions important admin im_start im_end developer response input prompt endoftext eot_id start_header_id bos eos tool override note";

/** Hashes a word one UTF-16 unit after the other, as the tokens of a text are. */
export function hashStep(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, 0x01000193);
}

export const HASH_START = 0x811c9dc5 | 0;

function hashOf(word: string): number {
  let hash = HASH_START;
  for (let at = 0; at < word.length; at += 1) hash = hashStep(hash, word.charCodeAt(at));
  return hash;
}

/** A table of word hashes: open addressing, because a Map of numbers takes half of the time of a scan. */
export interface HashTable {
  readonly keys: Int32Array;
  readonly values: Uint8Array;
}

const TABLE_SIZE = 1 << 13;
/** Above the numbers of the kinds. */
export const FIRST_HEAD = 64;

export function lookUp({ keys, values }: HashTable, hash: number): number {
  for (let at = (hash ^ (hash >>> 15)) & (TABLE_SIZE - 1); ; at = (at + 1) & (TABLE_SIZE - 1)) {
    if (values[at] === 0) return 0;
    if (keys[at] === hash) return values[at]!;
  }
}

function tableOf(entries: Iterable<readonly [string, number]>): HashTable {
  const table = { keys: new Int32Array(TABLE_SIZE), values: new Uint8Array(TABLE_SIZE) };
  for (const [word, value] of entries) {
    const hash = hashOf(word);
    let at = (hash ^ (hash >>> 15)) & (TABLE_SIZE - 1);
    while (table.values[at] !== 0) at = (at + 1) & (TABLE_SIZE - 1);
    table.keys[at] = hash;
    table.values[at] = value;
  }
  return table;
}

/** How many letters of a word tell its kind where the rest of it is inflected. */
export const STEM_CHARS = 5;

const ENGLISH = Object.entries(WORDS).flatMap(([name, words]) =>
  words
    .split(" ")
    .filter((word) => word !== "")
    .map((word) => [word, CLASS[name as WordClass]] as const),
);
const HEADS = Object.keys(FOREIGN_WORDS);
const FOREIGN = Object.values(FOREIGN_WORDS).flatMap((words, at) =>
  words.split(" ").map((word) => [word, FIRST_HEAD + at] as const),
);

/** Kinds of words; from `FIRST_HEAD` on, the number of the English word that a word of another language stands for. */
export const WORD_CLASSES = tableOf([...FOREIGN.filter(([word]) => !word.endsWith("*")), ...ENGLISH]);
export const STEM_CLASSES = tableOf(
  FOREIGN.filter(([word]) => word.endsWith("*")).map(([word, head]) => [word.slice(0, STEM_CHARS), head] as const),
);

/** Of each such English word its kind and its hashes. */
export const HEAD_CLASSES = Uint8Array.from(HEADS, (word) => new Map<string, number>(ENGLISH).get(word) ?? 0);
export const HEAD_HASHES = Int32Array.from(HEADS, hashOf);
export const HEAD_STEMS = Int32Array.from(HEADS, (word) => hashOf(word.slice(0, STEM_CHARS)));

export const ROLE_NAMES = tableOf(ROLES.split(" ").map((name) => [name, 1] as const));
