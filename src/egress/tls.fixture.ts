import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { type SecureContext, TLSSocket } from "node:tls";
import type { Authority, Issuers } from "./certificates.ts";

/** A program that asks for `https://HOST/`, and what it says when it does not believe the certificate. */
export interface Client {
  readonly command: (url: string, place: Place) => readonly string[];
  readonly disbelief: RegExp;
}

export interface Place {
  /** Port of the server on 127.0.0.1. */
  readonly port: number;
  /** Folder for this test, with the file of roots. */
  readonly folder: string;
  readonly bundle: string;
}

const PYTHON = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode())";
const FETCH = "fetch(process.argv[1]).then((r) => r.text()).then(console.log, (e) => { throw e.cause })";

export const CLIENTS: Readonly<Record<string, Client>> = {
  curl: { command: (url) => ["curl", "-sS", url], disbelief: /subtree violation/ },
  wget: {
    command: (url, { bundle }) => ["wget", "-nv", "-O-", "--ca-certificate", bundle, url],
    disbelief: /not trusted|cannot verify/,
  },
  python: { command: (url) => ["python3", "-c", PYTHON, url], disbelief: /CERTIFICATE_VERIFY_FAILED.*subtree/ },
  node: { command: (url) => [process.execPath, "-e", FETCH, url], disbelief: /subtree/i },
  git: { command: (url) => ["git", "ls-remote", `${url}x`], disbelief: /certificate/ },
};

/** What a server of the fixture answers, and to git a repository without refs. */
export const ANSWER = "hello";
const NO_REFS = "001e# service=git-upload-pack\n00000000";

/** Has one authority vouch for whatever is asked, as none of a session does. */
export function only(authority: Authority): Issuers {
  return { root: authority.root, issuerFor: async () => authority };
}

/** Starts a proxy that answers for each host itself, with the certificate it is given; ended with the test. */
export async function serve(
  t: TestContext,
  roots: string,
  contextFor: (host: string) => Promise<SecureContext>,
): Promise<Place> {
  const server = createServer((request, response) => {
    const isGit = request.url?.includes("/info/refs");
    if (isGit) response.setHeader("content-type", "application/x-git-upload-pack-advertisement");
    response.end(isGit ? NO_REFS : ANSWER);
  });
  server.on("connect", async (request, socket) => {
    const host = (request.url ?? "").replace(/:\d+$/, "");
    socket.on("error", () => {});
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    const secureContext = await contextFor(host);
    const secured = new TLSSocket(socket as never, { isServer: true, secureContext, ALPNProtocols: ["http/1.1"] });
    secured.on("error", () => {});
    server.emit("connection", secured);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const folder = mkdtempSync("/tmp/ringfence-tls-");
  const bundle = join(folder, "roots.pem");
  writeFileSync(bundle, roots);
  t.after(() => {
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true });
  });
  return { port: (server.address() as AddressInfo).port, folder, bundle };
}

/** Asks a host for its root page through the server; returns the status and what the client said. */
export async function ask(
  client: Client,
  host: string,
  place: Place,
): Promise<{ readonly status: number | null; readonly out: string; readonly errors: string }> {
  const [program = "", ...args] = client.command(`https://${host}/`, place);
  const proxy = `http://127.0.0.1:${place.port}`;
  const child = spawn(program, args, {
    cwd: place.folder,
    timeout: 60_000,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env.PATH,
      HOME: place.folder,
      // The shims of pyenv look for the interpreters beside themselves.
      PYENV_ROOT: process.env.PYENV_ROOT,
      https_proxy: proxy,
      NODE_USE_ENV_PROXY: "1",
      SSL_CERT_FILE: place.bundle,
      SSL_CERT_DIR: place.folder,
      CURL_CA_BUNDLE: place.bundle,
      GIT_SSL_CAINFO: place.bundle,
      NODE_EXTRA_CA_CERTS: place.bundle,
    },
  });
  const [out, errors, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { status, out, errors };
}
