/** A command, what it takes, and one line on what it does, which stand together in the help. */
interface Part {
  readonly command: string;
  readonly lines: readonly string[];
}

const PARTS: readonly Part[] = [
  {
    command: "",
    lines: [
      "ringfence [--model …]           interactive session in this repository; /help there shows its commands; --max-… as of run",
    ],
  },
  {
    command: "resume",
    lines: ["ringfence resume [ID]           go on with a session that is over or broke off: the newest, or that one"],
  },
  {
    command: "fork",
    lines: [
      "ringfence fork [ID]             a new session with the files and conversation of that one, or of the newest",
      "    --at TURN                   as they were before that turn; ringfence rewind --session ID lists them; --json",
    ],
  },
  {
    command: "run",
    lines: [
      'ringfence run "TASK"            one task, without a person',
      "    --model PROVIDER/NAME       anthropic, openai, google, ollama, llamacpp, vllm, openai-compatible; or scripted:FILE",
      "    --output-format FORMAT      text, json or stream-json",
      "    --branch NAME               on a branch that takes its commits at the end; the checkout stays as it is",
      "    --resume ID                 go on with that session; --resume last with the newest",
      "    --land patch|auto           auto lands source unread, which then runs at your next test",
      "    --max-usd N, --max-tokens N, --max-calls N, --max-agents N, --max-minutes N, --max-turns N",
    ],
  },
  {
    command: "exec",
    lines: [
      "ringfence exec -- COMMAND       one command in the box, no model",
      "    --preview PORT              show that port of the box to your browser; may be given again; --max-minutes N",
    ],
  },
  {
    command: "wrap",
    lines: [
      "ringfence wrap -- AGENT …       another agent in the box: it may ask its model, whose key stays outside",
      "    --provider NAME             anthropic, openai, google, …: whose key and address; may be given again",
      "    --config PATH               copy that of your home into the box's, secrets masked; may be given again",
      "    --max-usd N                 stop once its model has cost that; --max-tokens N, --max-minutes N; --preview PORT",
    ],
  },
  {
    command: "diff",
    lines: [
      "ringfence diff [PATH…]          what a session changed, hunks numbered; --stat, --json",
      "    --class CLASS               source, run-later, instruction, ignored or outside alone; may be given again",
    ],
  },
  {
    command: "land",
    lines: [
      "ringfence land [PATH…]          copy changes into the checkout; without PATH, commits too",
      "    --hunks 1,3                 of this one PATH only these hunks, as ringfence diff numbered them; or N@HASH",
      "    --approve PATH=HASH         and this held file, if it still is what HASH (of diff --json) says",
      "    --sign                      and sign the commits, with the key of your own git",
      "    --class source              the default: another class lands by --approve alone",
    ],
  },
  { command: "undo", lines: ["ringfence undo                  give back what the newest landing replaced"] },
  {
    command: "rewind",
    lines: [
      "ringfence rewind [N]            take a session's files back to before its turn N; without N, list its turns",
    ],
  },
  {
    command: "discard",
    lines: [
      "ringfence discard               throw a session's changes away",
      "    --ignored                   the ignored files instead that sessions keep for the next ones",
    ],
  },
  {
    command: "sessions",
    lines: [
      "ringfence sessions [--all]      the sessions of this checkout, or all; --json for scripts",
      "    --search TEXT               those with it in a name, a task, a prompt or a reply",
      "ringfence sessions name ID NAME to be used wherever an ID is; an empty NAME takes it away",
    ],
  },
  {
    command: "top",
    lines: [
      "ringfence top [--once]          the sessions that run: cost, label, last effect, what waits for you; --json",
    ],
  },
  {
    command: "kill",
    lines: ["ringfence kill [ID|--all]       end a session that runs, and every process of its box, at once"],
  },
  {
    command: "gc",
    lines: [
      "ringfence gc                    remove what sessions that are over hold, but their logs",
      "    --days N, --bytes N         what is older goes, and what is beyond: 14 days, 10 GB",
    ],
  },
  {
    command: "purge",
    lines: [
      "ringfence purge ID…             destroy what was written in a session that is over; the record of decisions stays",
      "    --older-than 30d, --all     those of that age, or all; changes that wait stay then",
      "    --content-only              the texts of the log, and no files of the session",
    ],
  },
  {
    command: "log",
    lines: [
      "ringfence log show|verify       the record of a session; whether it is whole, and who signed it; show --json",
      "ringfence log monitor           what the monitor says to the record, an alarm a line",
      "ringfence log prove NUMBER      what proves to others that this event is in it",
      "ringfence log check FILE        check such a proof [--key KEY]",
      "ringfence log export            the record as one page of HTML, on standard output",
      "    --format FORMAT             html, jsonl, otlp, ocsf or in-toto",
      "ringfence log replay [ID]       make every decision in it again, and compare; --all for every session; --json",
      "    --policy FILE|current       which decisions that policy would have made otherwise",
    ],
  },
  {
    command: "policy",
    lines: [
      "ringfence policy show           the rules in force, each with its file and line; --json",
      '    explain "ACTION"            what becomes of it: "GET https://host/path", "run: npm publish", "land PATH", …',
      "    test [FILE…], diff A B      try the examples; what B decides otherwise, exit 1 where it is looser; --managed",
      "    --policy FILE               of run, exec, wrap, net and the session: further rules of yours; may be given again",
      "    import claude|codex|gemini FILE   print a policy made of that agent's rules; - reads standard input",
    ],
  },
  {
    command: "net",
    lines: [
      "ringfence net                   what the box may reach: the rules in force; --json for each of the three",
      "ringfence net why URL           what allows or denies that, for you and for a model, and the line to add",
      "    --method METHOD             GET when left out",
      "ringfence net learn -- COMMAND  run it in the box, and propose rules for what it was refused; writes none",
    ],
  },
  {
    command: "trust",
    lines: [
      "ringfence trust [--json]        what of this repository you trust: commit, instructions, tool servers, skills, hooks",
      "ringfence trust PATH…           show such a file, or what changed of it, and ask; PATH=HASH approves what you read",
      "ringfence trust commit [ID]     approve the commit that is checked out, or that one",
      "ringfence trust public|private  whether anybody may read all that lies here; private unless you say so",
      "ringfence trust revoke [NAME…]  take back what you said of a commit or file, or all",
    ],
  },
  {
    command: "scan",
    lines: [
      "ringfence scan PATH…|-          look in files, trees or standard input for hidden text, injections and secrets",
      "    --diff FILE|-, --range A..B what a diff adds, or the commits of a range",
      "    --format FORMAT             text, json or sarif; --explain: weak findings too, and why",
      "    --jsonl FILE|-              a score for each line of {id, text, channel}; --channel NAME for all else",
    ],
  },
  { command: "doctor", lines: ["ringfence doctor [--json]       prove the box on this machine"] },
  {
    command: "demo",
    lines: ["ringfence demo [--model …]      the whole thing, offline, on a scripted model"],
  },
];

const SESSION = "    --session ID                for diff, land, undo, rewind, discard, log: another than the newest";
const EVERY = [
  "    -C FOLDER                   work there",
  "    --help, --version           COMMAND --help: of that command alone",
];

/** Writes the help of one command, or of all where it is none. */
export function helpFor(command: string, takesSession: boolean): string {
  const own = command === "" ? [] : PARTS.filter((part) => part.command === command);
  const parts = own.length > 0 ? own : PARTS;
  const session = own.length === 0 || takesSession ? [SESSION] : [];
  return `${[...parts.flatMap(({ lines }) => lines), ...session, ...EVERY].join("\n")}\n`;
}
