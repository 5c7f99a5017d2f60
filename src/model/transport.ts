import type { Agent, IncomingMessage, RequestOptions } from "node:http";
import { Readable } from "node:stream";
import { Fault, faultOfStatus, field, printable } from "./fault.ts";
import { WireHeaders } from "./headers.ts";

/** The part of the platform's fetch that models use. */
export type Fetch = (address: string | URL, init?: RequestInit) => Promise<Answer>;

/** The part of the platform's Response that models use; its body is read once. */
export interface Answer {
  readonly status: number;
  readonly ok: boolean;
  readonly headers: WireHeaders;
  readonly body: ReadableStream<Uint8Array> | null;
  text(): Promise<string>;
}

export interface TransportLimits {
  /** From the call to the answer's headers: connect, send, and the server's thinking. */
  readonly firstByteMs: number;
  /** Longest silence in the middle of an answer. */
  readonly idleMs: number;
  readonly bytesMax: number;
}

const MB = 1024 * 1024;
export const LIMITS: TransportLimits = { firstByteMs: 120_000, idleMs: 90_000, bytesMax: 32 * MB };
const ERROR_BYTES_MAX = 64 * 1024;

/**
 * Wraps a fetch so that every wait and buffer is bounded, and everything that goes wrong becomes a Fault.
 *
 * A redirect is never followed: the next host would get the key. Only 2xx answers come back. An abort rejects with
 * the signal's own reason. Faults name the host and nothing else of the request.
 */
export function guardFetch(unguarded: Fetch, limits: TransportLimits = LIMITS): Fetch {
  return async (address, init = {}) => {
    const { host } = new URL(address);
    const timeout = new AbortController();
    const aborts = init.signal ? [init.signal, timeout.signal] : [timeout.signal];
    const signal = AbortSignal.any(aborts);
    const late = new Fault("transient", `${host} did not answer in ${limits.firstByteMs / 1000} s`);
    const timer = setTimeout(() => timeout.abort(late), limits.firstByteMs);
    const headers = new WireHeaders(init.headers);
    headers.set("user-agent", "ringfence");
    try {
      const response = await unguarded(address, { ...init, headers: [...headers], signal, redirect: "manual" });
      if (response.status >= 300 && response.status < 400) throw redirectFault(host, response, timeout);
      if (!response.ok) throw await statusFault(response, timeout);
      const body = bounded(response, host, limits, timeout, signal);
      return answerOf(response.status, response.headers, body);
    } catch (error) {
      throw signal.aborted && !(error instanceof Fault) ? signal.reason : networkFault(error, host);
    } finally {
      clearTimeout(timer);
    }
  };
}

function redirectFault(host: string, response: Answer, stop: AbortController): Fault {
  const target = URL.parse(response.headers.get("location") ?? "", `https://${host}`)?.host ?? "another address";
  const message = `${host} redirects to ${printable(target)}, which would get the key. Set the final address as base URL`;
  const fault = new Fault("provider", message);
  stop.abort(fault);
  return fault;
}

async function statusFault(response: Answer, stop: AbortController): Promise<Fault> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > ERROR_BYTES_MAX) break;
  }
  const fault = faultOfStatus(response.status, text.slice(0, ERROR_BYTES_MAX), response.headers, Date.now());
  stop.abort(fault);
  return fault;
}

function bounded(
  response: Answer,
  host: string,
  limits: TransportLimits,
  stop: AbortController,
  signal: AbortSignal,
): ReadableStream<Uint8Array> {
  const reader = (response.body ?? emptyStream()).getReader();
  let bytes = 0;
  const fail = (fault: Fault): Fault => {
    stop.abort(fault);
    return fault;
  };
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const silent = new Fault(
        "transient",
        `${host} fell silent for ${limits.idleMs / 1000} s in the middle of a reply`,
      );
      const timer = setTimeout(() => stop.abort(silent), limits.idleMs);
      try {
        const { done, value } = await reader.read();
        bytes += value?.byteLength ?? 0;
        if (bytes > limits.bytesMax)
          throw fail(new Fault("provider", `a reply from ${host} is over ${limits.bytesMax} bytes`));
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        throw signal.aborted ? signal.reason : networkFault(error, host);
      } finally {
        clearTimeout(timer);
      }
    },
    cancel(reason) {
      stop.abort(reason);
    },
  });
}

/** Names a network error by its code alone, since its text may quote what was sent. */
function networkFault(error: unknown, host: string): Fault {
  if (error instanceof Fault) return error;
  const code = String(field(error, "code") ?? field(field(error, "cause"), "code") ?? field(error, "name"));
  if (code === "ECONNREFUSED") return new Fault("transient", `nothing listens at ${host}`);
  if (/CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO_(VERIFY|GET)/.test(code)) {
    return new Fault("provider", `${host} has no certificate that this machine trusts (${printable(code)})`);
  }
  return new Fault("transient", `the connection to ${host} broke (${printable(code)})`);
}

/**
 * Makes a fetch that goes straight to the host, over connections it keeps.
 *
 * The platform's fetch and node:http's global agent take a proxy from the environment when Node is started so; agents
 * of our own never do. It asks for no compression, follows nothing and caches nothing.
 */
export function directFetch(): Fetch {
  const agents = new Map<string, Agent>();
  return async (address, init = {}) => {
    const url = new URL(address);
    // An import would read all that the module exports, and one of that loads the platform's other client.
    const http = process.getBuiltinModule(url.protocol === "https:" ? "node:https" : "node:http");
    const agent = agents.get(url.protocol) ?? new http.Agent({ keepAlive: true });
    agents.set(url.protocol, agent);
    const body = typeof init.body === "string" ? Buffer.from(init.body) : Buffer.alloc(0);
    const options: RequestOptions = {
      method: init.method ?? "GET",
      agent,
      headers: { ...Object.fromEntries(new WireHeaders(init.headers)), "content-length": body.byteLength },
      ...(init.signal ? { signal: init.signal } : {}),
    };
    return await new Promise<Answer>((resolve, reject) => {
      const request = http.request(url, options, (message) => resolve(responseOf(message)));
      // Stays attached after the answer began, so that a broken socket cannot end the process.
      request.on("error", reject);
      request.end(body);
    });
  };
}

function responseOf(message: IncomingMessage): Answer {
  const headers = new WireHeaders();
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(", ") : value);
  }
  const status = message.statusCode ?? 500;
  const hasNoBody = status === 204 || status === 205 || status === 304;
  if (hasNoBody) message.resume();
  return answerOf(status, headers, hasNoBody ? null : Readable.toWeb(message));
}

function answerOf(status: number, headers: WireHeaders, body: ReadableStream<Uint8Array> | null): Answer {
  return { status, ok: status >= 200 && status < 300, headers, body, text: () => textOf(body) };
}

async function textOf(body: ReadableStream<Uint8Array> | null): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of body ?? []) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}

function emptyStream(): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.close() });
}
