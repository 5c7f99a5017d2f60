// The floor: a loop that asks the model and spawns what it says, and does nothing else.
// Arguments: `plain`, or `bwrap` for one bubblewrap per call; then the address of the model.
import { spawn } from "node:child_process";

interface Call {
  readonly id: string;
  readonly function: { readonly arguments: string };
}

interface Reply {
  readonly content: string | null;
  readonly calls: readonly Call[];
}

const [kind = "plain", url = ""] = process.argv.slice(2);
const here = process.cwd();
const flags = ["--unshare-all", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--bind", here, here];
const messages: object[] = [{ role: "user", content: "Do the steps." }];

for (;;) {
  const { content, calls } = await ask();
  if (calls.length === 0) break;
  messages.push({ role: "assistant", content, tool_calls: calls });
  for (const call of calls) {
    const { command } = JSON.parse(call.function.arguments) as { command: string };
    messages.push({ role: "tool", tool_call_id: call.id, content: await run(command) });
  }
}

async function ask(): Promise<Reply> {
  const body = JSON.stringify({ model: "bench", stream: true, messages });
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}/chat/completions`, { method: "POST", headers, body });
  let content: string | null = null;
  const calls: Call[] = [];
  for (const line of (await response.text()).split("\n")) {
    if (!line.startsWith("data: {")) continue;
    const delta = JSON.parse(line.slice(6)).choices[0]?.delta;
    content = delta?.content ?? content;
    calls.push(...(delta?.tool_calls ?? []));
  }
  return { content, calls };
}

function run(command: string): Promise<string> {
  const [program, args] =
    kind === "bwrap" ? ["bwrap", [...flags, "--", "bash", "-c", command]] : ["bash", ["-c", command]];
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => (output += bytes));
    child.on("error", reject);
    child.on("close", (status) => resolve(status === 0 ? output : `${output}exit status ${status}`));
  });
}
