// A small agent of another make: offers the model one tool, a shell, and does what the model says until it says no more.
import { execFile } from "node:child_process";

const base = process.env.OPENAI_BASE_URL;
const messages = [{ role: "user", content: process.argv.at(-1) }];
const tools = [{ type: "function", function: { name: "bash", parameters: { type: "object" } } }];
for (;;) {
  const reply = await ask({ model: "gpt-5", messages, tools, stream: true, stream_options: { include_usage: true } });
  messages.push(reply);
  if (!reply.tool_calls) {
    process.stdout.write(`${reply.content}\n`);
    break;
  }
  for (const { id, function: call } of reply.tool_calls) {
    const { command } = JSON.parse(call.arguments);
    messages.push({ role: "tool", tool_call_id: id, content: await shell(command) });
  }
}

async function ask(body) {
  const headers = { authorization: `Bearer ${process.env.OPENAI_API_KEY}`, "content-type": "application/json" };
  const answer = await fetch(`${base}/chat/completions`, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${answer.status}: ${text}`);
  const reply = { role: "assistant", content: "" };
  for (const line of text.split("\n").filter((each) => each.startsWith("data: {"))) {
    const delta = JSON.parse(line.slice(6)).choices[0]?.delta ?? {};
    if (delta.content) reply.content += delta.content;
    if (delta.tool_calls) reply.tool_calls = delta.tool_calls.map(({ index: _, ...call }) => call);
  }
  return reply;
}

function shell(command) {
  return new Promise((resolve) => {
    execFile("/bin/bash", ["-c", command], { timeout: 20_000 }, (_error, stdout, stderr) => resolve(stdout + stderr));
  });
}
