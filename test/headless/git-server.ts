import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { gunzipSync } from "node:zlib";
import { makeAuthority, makeLeaf } from "../../src/egress/certificates.ts";
import { type Ended, makePlace, type Place, ringfence, sh, type User } from "./program.ts";

export const PASSWORD = "gitCanary0123456789abcdefGHIJKLMN";

/** A request as the server got it. */
export interface Got {
  readonly line: string;
  readonly headers: string;
  /** Unpacked. */
  readonly body: Buffer;
}

export interface GitPlace extends Place {
  readonly url: string;
  readonly got: Got[];
  /** Runs git in the server's repository. */
  readonly served: (command: string) => string;
}

export interface GitPlaceOptions {
  readonly user?: User;
  /** Shell that runs in the checkout, after it was cloned. */
  readonly make?: string;
  /** The configuration's `net`, in YAML; URL stands for the repository's address, HOST for the server. */
  readonly net?: string;
  /** A file of the home for the person's login; HOST stands for the server. */
  readonly login?: { readonly file: string; readonly text: string } | null;
}

const NETRC = { file: ".netrc", text: `machine 127.0.0.1 login person password ${PASSWORD}\n` };

/** A checkout cloned from git's own server program, which listens on the loopback behind TLS and wants a password. */
export async function makeGitPlace(t: TestContext, options: GitPlaceOptions = {}): Promise<GitPlace> {
  const { user, make = "", net = "", login = NETRC } = options;
  const made = makePlace(t, "echo one >a.txt", user === undefined ? {} : { user });
  const authority = await makeAuthority(["127.0.0.1"], Date.now());
  const { key, chain } = await makeLeaf(authority, "127.0.0.1", Date.now());
  const got: Got[] = [];
  const server = createServer({ key, cert: chain }, (request, answer) => void serve(made, got, request, answer));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const url = `https://127.0.0.1:${port}/group/thing.git`;
  const roots = join(made.home, "roots.pem");
  writeFileSync(roots, authority.root);
  const env = { ...made.env, NODE_EXTRA_CA_CERTS: roots };
  const place = { ...made, env };
  sh(
    place,
    `mkdir -p ../served/group; for name in thing other; do git clone -q --bare . ../served/group/$name.git; done
     git remote add origin ${url}; git update-ref refs/remotes/origin/main main
     git config branch.main.remote origin; git config branch.main.merge refs/heads/main
     mkdir -p ~/.config/ringfence
     ${make}`,
  );
  const config = net.replaceAll("URL", url).replaceAll("HOST", `127.0.0.1:${port}`);
  if (config !== "") {
    const file = join(made.home, ".config/ringfence/config.yaml");
    writeFileSync(file, `net:\n${config}`);
  }
  if (login !== null) {
    const text = login.text.replaceAll("HOST", `127.0.0.1:${port}`);
    writeFileSync(join(made.root, "login"), text);
    sh(place, `umask 077; mkdir -p "$(dirname ~/${login.file})"; cat ../login >~/${login.file}`);
  }
  const served = (command: string) => sh({ ...place, checkout: join(made.root, "served/group/thing.git") }, command);
  return { ...place, url, got, served };
}

/** In the box the loopback is reached without the proxy else. */
export const BEFORE = "export no_proxy= NO_PROXY=; ";

/** Runs a shell program in a new session's box, as the person's own command. */
export function inBox(place: GitPlace, program: string): Promise<Ended> {
  return ringfence(place, ["exec", "--", "bash", "-c", `${BEFORE}${program}`]);
}

/** Has somebody else push a commit to the server's repository. */
export function othersCommit(place: GitPlace, name: string): void {
  place.served(
    `git -C ../../.. clone -q served/group/thing.git ${name}; cd ../../../${name}; git checkout -q main; echo ${name} >${name}.txt; git add .; git commit -qm ${name}; git push -q origin main`,
  );
}

async function serve(place: Place, got: Got[], request: IncomingMessage, answer: ServerResponse): Promise<void> {
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  const sent = Buffer.concat(pieces);
  const { headers, method = "", url = "", rawHeaders } = request;
  const body = headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
  got.push({ line: `${method} ${url}`, headers: rawHeaders.join("\n"), body });
  const right = `Basic ${Buffer.from(`person:${PASSWORD}`).toString("base64")}`;
  if (headers.authorization !== right) {
    answer.writeHead(401, { "WWW-Authenticate": 'Basic realm="git"' });
    return void answer.end("who are you?\n");
  }
  const [path = "", query = ""] = url.split("?", 2);
  const { uid, gid } = place.user;
  const child = spawn("git", ["http-backend"], {
    ...(process.getuid?.() === uid ? {} : { uid, gid }),
    env: {
      PATH: "/usr/bin:/bin",
      HOME: place.home,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_PROJECT_ROOT: join(place.root, "served"),
      GIT_HTTP_EXPORT_ALL: "1",
      // Without its escapes, as every server hands it on.
      PATH_INFO: decodeURIComponent(path),
      QUERY_STRING: query,
      REQUEST_METHOD: method,
      REMOTE_USER: "person",
      CONTENT_TYPE: headers["content-type"] ?? "",
      CONTENT_LENGTH: String(body.length),
      GIT_PROTOCOL: String(headers["git-protocol"] ?? ""),
    },
    stdio: ["pipe", "pipe", "ignore"],
  });
  const out: Buffer[] = [];
  child.stdout.on("data", (piece: Buffer) => out.push(piece));
  child.stdin.on("error", () => {});
  child.stdin.end(body);
  await new Promise((resolve) => child.on("close", resolve));
  const text = Buffer.concat(out);
  const end = text.indexOf("\r\n\r\n");
  const lines = text.subarray(0, end).toString().split("\r\n");
  const status = Number(/^Status: (\d+)/.exec(lines.find((line) => line.startsWith("Status:")) ?? "")?.[1] ?? 200);
  for (const line of lines.filter((each) => !each.startsWith("Status:"))) {
    const at = line.indexOf(":");
    answer.setHeader(line.slice(0, at), line.slice(at + 1).trim());
  }
  answer.statusCode = status;
  answer.end(text.subarray(end + 4));
}
