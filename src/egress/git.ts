import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Transform } from "node:stream";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { FETCH_BYTES_MAX, readFetch, writeFetch } from "../core/git-fetch.ts";
import { type PushCommand, type ReadPush, readPush, writePush, writeRefusal } from "../core/git-push.ts";
import { ShownRefs } from "../core/git-refs.ts";
import { type GitAsked, gitAskedOf, type Tracked } from "../core/git-remote.ts";
import { addressOf, type NetRequest } from "../core/net-rules.ts";
import type { GitSsh, SshCall } from "./git-ssh.ts";
import { type Head, headerOf } from "./head.ts";

/** What the person's repository says to a push; `landed`: the commit stands on their branch, and this is what to send. */
export type Packed =
  | { readonly found: "landed"; readonly pack: Buffer; readonly summary: string }
  | { readonly found: "absent" | "diverged" };

export interface GitPlan {
  readonly tracked: Tracked;
  /** The one value of Authorization that a request may have, with a placeholder in it; null for none. */
  readonly authorization: string | null;
  /** What answers where the repository is reached by ssh; null for one on the web. */
  readonly ssh: GitSsh | null;
  /** Which of some ids are objects of the person's repository. */
  readonly known: (ids: readonly string[]) => Promise<ReadonlySet<string>>;
  /** Makes the pack of a push of the person's own objects, without what the remote has shown. */
  readonly pack: (command: PushCommand, shown: readonly string[]) => Promise<Packed>;
}

/** What a request of git's does: reads from the tracked remote, or moves a branch there. */
export type GitCall =
  | { readonly kind: "fetch" }
  | {
      readonly kind: "push";
      readonly command: PushCommand;
      readonly found: Packed["found"];
      /** SHA-256, hex, of the pack that would be sent; "" where there is none. */
      readonly digest: string;
      /** Commits and files of it, for a person who is asked; "" where there is none. */
      readonly summary: string;
    };

/** A request of git's, composed anew: nothing of it is the sender's own wording. */
export type GitRead =
  | {
      readonly ok: true;
      readonly call: GitCall;
      readonly headers: readonly string[];
      readonly body: Buffer | null;
      /** The same for the person's ssh, where that answers it. */
      readonly ssh: { readonly by: GitSsh; readonly call: SshCall } | null;
      /** What the answer passes through. */
      readonly through: readonly Transform[];
      /** Git's own form for the reason of a refusal; null where a status says it. */
      readonly refuse: (reason: string) => Buffer | null;
    }
  | { readonly ok: false; readonly reason: string };

const FETCH = { call: { kind: "fetch" }, isOpenEnded: false, refuse: () => null } as const;
const SSH_PORT = 22;
const OPEN_MAX = 4;
const AGENT = "git/2.0 (ringfence)";
const NO_FETCH = "that is no fetch as git sends one";
const unpack = promisify(gunzip);

/** Git's requests to the tracked repository: read strictly, and composed anew before anything of them leaves. */
export class GitRemote {
  readonly #plan: GitPlan;
  /** What the remote has shown in this session. */
  readonly #shown = new Set<string>();
  #open = 0;
  /** A push holds a pack, and making one is work: one at a time. */
  #isPushing = false;
  /** Each question about the person's repository is a sandbox, so they are asked one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(plan: GitPlan) {
    this.#plan = plan;
  }

  /** Whether this is a request of git's to the tracked repository. */
  claims(request: NetRequest): boolean {
    return gitAskedOf(this.#plan.tracked, request) !== null;
  }

  /** The request as it is judged and recorded: by the way that it goes. */
  judgedAs(request: NetRequest): NetRequest {
    const { place } = this.#plan.ssh ?? {};
    return place === undefined ? request : { ...request, protocol: "ssh", port: place.port ?? SSH_PORT };
  }

  /** Ends what runs for it. */
  close(): void {
    this.#plan.ssh?.close();
  }

  /** Reads a claimed request with its body; it counts as open until it is answered. */
  async read(request: NetRequest, head: Head, incoming: IncomingMessage, answer: ServerResponse): Promise<GitRead> {
    if (this.#open >= OPEN_MAX) return { ok: false, reason: `git may ask ${OPEN_MAX} things at once` };
    this.#open += 1;
    answer.once("close", () => {
      this.#open -= 1;
    });
    const asked = gitAskedOf(this.#plan.tracked, request);
    if (asked === null) throw new Error("bug: a request that is none of git's to the tracked repository");
    if (asked.service === "git-receive-pack" && asked.what === "call") {
      if (this.#isPushing) return { ok: false, reason: "another push is on its way" };
      this.#isPushing = true;
      answer.once("close", () => {
        this.#isPushing = false;
      });
    }
    const version = asked.service === "git-upload-pack" && headerOf(head, "git-protocol") === "version=2" ? 2 : 0;
    const authorization = headerOf(head, "authorization");
    // A name beside the placeholder would be of free choice.
    if (authorization !== null && authorization !== this.#plan.authorization)
      return { ok: false, reason: "it has a login of its own for the tracked repository" };
    const composed = await this.#compose(asked, head, incoming, version).catch((error: Error) => ({
      ok: false as const,
      reason: error.message,
    }));
    if (!composed.ok) return composed;
    const { body } = composed;
    const headers = [
      // Not as it was spelled.
      ...["Host", addressOf(request).split("/")[2] ?? "", "User-Agent", AGENT],
      ...(authorization === null ? [] : ["Authorization", authorization]),
      ...(version === 2 ? ["Git-Protocol", "version=2"] : []),
      ...["Accept", asked.what === "refs" ? "*/*" : `application/x-${asked.service}-result`],
      ...(body === null
        ? []
        : ["Content-Type", `application/x-${asked.service}-request`, "Content-Length", String(body.length)]),
    ];
    const { ssh } = this.#plan;
    const { isOpenEnded } = composed;
    return { ...composed, headers, ssh: ssh && { by: ssh, call: { ...asked, version, body, isOpenEnded } } };
  }

  async #compose(asked: GitAsked, head: Head, incoming: IncomingMessage, version: 0 | 2): Promise<Composed> {
    if (asked.what === "refs") return { ok: true, ...FETCH, body: null, through: [this.#listen()] };
    const encoding = headerOf(head, "content-encoding")?.toLowerCase() ?? "identity";
    if (asked.service === "git-receive-pack") return this.#push(encoding, incoming);
    const packed = await readWhole(incoming);
    if (packed === null) return { ok: false, reason: "it asks for more at once than git does" };
    const bytes = await unpacked(packed, encoding);
    const call = bytes && readFetch(bytes, version);
    if (call === null) return { ok: false, reason: NO_FETCH };
    const ids = call.kind === "fetch" ? [...call.haves, ...call.shallow] : [];
    if (call.kind === "fetch" && !call.wants.every((id) => this.#shown.has(id)))
      return { ok: false, reason: "it wants what the remote has not shown" };
    const others = ids.filter((id) => !this.#shown.has(id));
    const known = others.length === 0 ? new Set() : await this.#after(() => this.#plan.known([...new Set(others)]));
    const body = Buffer.from(
      writeFetch(call, (id) => this.#shown.has(id) || known.has(id)),
      "latin1",
    );
    const isOpenEnded = call.kind === "fetch" && call.end !== "done";
    return { ok: true, ...FETCH, body, isOpenEnded, through: call.kind === "refs" ? [this.#listen()] : [] };
  }

  async #push(encoding: string, incoming: IncomingMessage): Promise<Composed> {
    if (encoding !== "identity") return { ok: false, reason: "that is no push as git sends one" };
    const read = await readStart(incoming);
    if (!read.ok) return read;
    const start = Buffer.from(writePush(read.call), "latin1");
    if (read.call.kind === "probe") return { ok: true, ...FETCH, body: start, through: [] };
    const asked = read.call;
    const { command } = asked;
    const packed = await this.#after(() => this.#plan.pack(command, [...this.#shown]));
    const pack = packed.found === "landed" ? packed.pack : null;
    const digest = pack === null ? "" : createHash("sha256").update(pack).digest("hex");
    const summary = packed.found === "landed" ? packed.summary : "";
    const call: GitCall = { kind: "push", command, found: packed.found, digest, summary };
    const refuse = (reason: string) => {
      const text = writeRefusal(asked, reason);
      return text === null ? null : Buffer.from(text, "latin1");
    };
    return { ok: true, call, body: pack && Buffer.concat([start, pack]), isOpenEnded: false, through: [], refuse };
  }

  #listen(): Transform {
    const refs = new ShownRefs(this.#shown);
    return new Transform({
      transform(piece: Buffer, _, done) {
        refs.push(piece);
        done(null, piece);
      },
    });
  }

  #after<T>(act: () => Promise<T>): Promise<T> {
    const next = this.#last.then(act);
    this.#last = next.catch(() => {});
    return next;
  }
}

/** Answers a push in git's own form. */
export function tellGit(answer: ServerResponse, body: Buffer): void {
  answer.writeHead(200, { "Content-Type": "application/x-git-receive-pack-result", "Content-Length": body.length });
  answer.end(body);
}

type Composed =
  | (Omit<GitRead & { readonly ok: true }, "headers" | "ssh"> & {
      /** Whether the far side would wait for more behind the body, were each call not whole in itself. */
      readonly isOpenEnded: boolean;
    })
  | { readonly ok: false; readonly reason: string };

async function readWhole(incoming: IncomingMessage): Promise<Buffer | null> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of incoming as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > FETCH_BYTES_MAX) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

async function unpacked(bytes: Buffer, encoding: string): Promise<Buffer | null> {
  if (encoding === "identity") return bytes;
  if (encoding !== "gzip" && encoding !== "x-gzip") return null;
  return unpack(bytes, { maxOutputLength: FETCH_BYTES_MAX }).catch(() => null);
}

/** Reads the command of a push. The pack behind it is thrown away as it comes: another one is sent. */
function readStart(incoming: IncomingMessage): Promise<ReadPush> {
  const { promise, resolve } = Promise.withResolvers<ReadPush>();
  let bytes = Buffer.alloc(0);
  const take = (piece: Buffer) => {
    bytes = Buffer.concat([bytes, piece]);
    const read = readPush(bytes);
    if (read !== null) settle(read);
  };
  const end = () => settle({ ok: false, reason: "that is no push as git sends one" });
  const settle = (read: ReadPush) => {
    incoming.off("data", take).off("end", end).off("close", end).resume();
    resolve(read);
  };
  incoming.on("data", take).on("end", end).on("close", end);
  return promise;
}
