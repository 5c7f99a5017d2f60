import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { addSignature, remakeCommit } from "../core/commit-object.ts";
import { ask, type FoundCommits, gitBinds, type LandCommitsPlan } from "./commits.ts";
import { type Environment, readGlobal } from "./identity.ts";
import { findProgram } from "./programs.ts";
import { isWithin } from "./toolchains.ts";

/** How the person's own git signs. */
export interface Signer {
  readonly format: "openpgp" | "ssh" | "x509";
  /** Absolute path, outside the checkout. */
  readonly program: string;
  readonly key: string;
  /** `NAME <EMAIL>` */
  readonly person: string;
  readonly environment: Readonly<Record<string, string>>;
}

const PROGRAMS = { openpgp: "gpg", ssh: "ssh-keygen", x509: "gpgsm" } as const;
/** What programs that sign ask for: where keys and agents are, and where a passphrase can be asked. */
const PASSED = (
  "HOME XDG_CONFIG_HOME XDG_RUNTIME_DIR GNUPGHOME GPG_TTY SSH_AUTH_SOCK SSH_ASKPASS SSH_ASKPASS_REQUIRE DISPLAY WAYLAND_DISPLAY " +
  "DBUS_SESSION_BUS_ADDRESS TERM LANG LC_ALL USER LOGNAME"
).split(" ");
/** A public key in place of a file's name, as git knows it. */
const LITERAL_KEY = /^(?:key::)?((?:ssh-|ecdsa-|sk-).*)$/s;
const SIGN_MS_MAX = 120_000;

/**
 * Reads how the person signs, from their global configuration alone: a repository must name no program and no key.
 *
 * Where something is missing it says what to set.
 */
export async function readSigner(
  environment: Environment,
  home: string,
  checkout: string,
): Promise<{ readonly ok: true; readonly signer: Signer } | { readonly ok: false; readonly why: string }> {
  const refuse = (why: string) => ({ ok: false, why }) as const;
  const config = await readGlobal(environment, home);
  const { "user.name": name, "user.email": email, "user.signingkey": key } = config;
  const format = config["gpg.format"] ?? "openpgp";
  if (format !== "openpgp" && format !== "ssh" && format !== "x509")
    return refuse(`gpg.format of your git is ${format}: git config --global gpg.format ssh (or openpgp, x509)`);
  if (!name || !email)
    return refuse('your git does not know you: git config --global user.name "NAME", and user.email');
  const person = `${name} <${email}>`.replace(/[\n\0]/g, "");
  if (!key && format === "ssh")
    return refuse("no key is set: git config --global user.signingKey PATH, with the path of your public ssh key");
  const inHome = (path: string) => (path.startsWith("~/") ? join(home, path.slice(2)) : path);
  const named = config[`gpg.${format}.program`] ?? (format === "openpgp" ? config["gpg.program"] : undefined);
  const program = resolveProgram(inHome(named ?? PROGRAMS[format]));
  if (program === null)
    return refuse(
      `${named ?? PROGRAMS[format]} is not a program that runs here: install it, or name it by its absolute path`,
    );
  const path = inHome(key ?? person);
  if (format === "ssh" && !path.startsWith("/") && !LITERAL_KEY.test(path))
    return refuse(`user.signingKey of your git is ${path}: give the absolute path of a key, or the key itself`);
  for (const used of [program, path])
    if (isWithin(used, checkout)) return refuse(`${used} lies in the checkout, which may name neither key nor program`);
  const passed = PASSED.flatMap((variable) => {
    const value = environment[variable];
    return value === undefined ? [] : [[variable, value] as const];
  });
  const signing = { ...Object.fromEntries(passed), HOME: home, PATH: "/usr/local/bin:/usr/bin:/bin" };
  return { ok: true, signer: { format, program, key: path, person, environment: signing } };
}

function resolveProgram(name: string): string | null {
  if (!name.startsWith("/")) return findProgram(name);
  try {
    accessSync(name, constants.X_OK);
    return realpathSync(name);
  } catch {
    return null;
  }
}

/**
 * Makes the commits that would land anew with the person's signature, and themselves as committer.
 *
 * Only the program that signs runs outside a sandbox, on bytes that it is handed. The commits are read from the verified
 * pack and written into another one, verified like it, in a sandbox. One that the person's repository has stays as it is.
 * `made` holds what was signed for another branch before, and is added to: what two of them share stays shared.
 */
export async function signCommits(
  plan: LandCommitsPlan,
  signer: Signer,
  now: Date,
  made: Map<string, Buffer>,
): Promise<FoundCommits> {
  const { found, facts, programs } = plan;
  const tip = found.moves[0]?.newId;
  if (tip === undefined) return found;
  const out = { source: join(found.folder, "verified"), target: "/out", access: "write" } as const;
  const binds = [...gitBinds(facts, "/base/.git", "read"), out];
  const reader = await ask({ facts, programs }, "raw", [tip], binds);
  const ids: string[] = [];
  const raws = new Map<string, Buffer>();
  while (!reader.isAtEnd) {
    const tag = reader.text();
    if (tag === "C") ids.push(reader.text());
    else if (tag === "O") raws.set(reader.text(), Buffer.from(reader.text(), "hex"));
    else throw reader.broken(`record ${tag}`);
  }
  const folder = join(found.folder, "signing");
  mkdirSync(folder, { mode: 0o700 });
  const committer = Buffer.from(`${signer.person} ${stamp(now)}`).toString("latin1");
  const signed = new Map<string, string>();
  const objects: Buffer[] = [];
  for (const id of ids) {
    const before = made.get(id);
    if (before !== undefined) {
      signed.set(id, idOf(before));
      objects.push(before);
      continue;
    }
    const raw = raws.get(id);
    if (!raw || idOf(raw) !== id) throw new Error(`commit ${id.slice(0, 7)} is too large to sign, or damaged`);
    const payload = remakeCommit(raw.toString("latin1"), { parents: signed, committer });
    if (payload === null) throw new Error(`commit ${id.slice(0, 7)} is not as git writes commits: it cannot be signed`);
    const signature = makeSignature(signer, Buffer.from(payload, "latin1"), join(folder, id));
    const object = Buffer.from(addSignature(payload, signature), "latin1");
    made.set(id, object);
    signed.set(id, idOf(object));
    objects.push(object);
  }
  if (objects.length === 0) return found;
  const newId = signed.get(tip) ?? tip;
  const answer = await ask({ facts, programs }, "signed", [newId], binds, {
    input: objects.map((object) => Buffer.from(object.toString("hex"))),
  });
  if (answer.text() !== "V") throw answer.broken("no pack");
  const pack = [answer.text(), answer.text(), answer.text()] as const;
  const commits = found.commits.map((commit) => ({ ...commit, id: signed.get(commit.id) ?? commit.id }));
  const moves = found.moves.map((move) => ({ ...move, newId }));
  const digest = createHash("sha256")
    .update(JSON.stringify([pack, commits, moves]))
    .digest("hex");
  return { ...found, pack, commits, moves, digest };
}

// Stdin and terminal are the person's, for a passphrase.
function makeSignature({ format, program, key, environment }: Signer, payload: Buffer, file: string): string {
  const run = (args: readonly string[], input: Buffer) => {
    const done = spawnSync(program, args, {
      cwd: "/",
      env: environment,
      input,
      timeout: SIGN_MS_MAX,
      encoding: "utf8",
    });
    return { isDone: done.status === 0, stdout: done.stdout ?? "", stderr: done.error?.message ?? done.stderr ?? "" };
  };
  const fail = (said: string): never => {
    const line = said.split("\n").findLast((text) => text.trim() !== "" && !text.startsWith("[GNUPG:]"));
    throw new Error(
      `${program} signed nothing: ${line?.trim() ?? "it did not say why"}; check user.signingKey of your git (git config --global)`,
    );
  };
  if (format !== "ssh") {
    const done = run(["--status-fd=2", "-bsau", key], payload);
    return done.isDone && /^\[GNUPG:\] SIG_CREATED /m.test(done.stderr) ? done.stdout : fail(done.stderr);
  }
  writeFileSync(file, payload, { mode: 0o600 });
  const literal = LITERAL_KEY.exec(key)?.[1];
  if (literal !== undefined) writeFileSync(`${file}.pub`, `${literal}\n`, { mode: 0o600 });
  // A key that is given as such is the agent's.
  const where = literal === undefined ? ["-f", key] : ["-f", `${file}.pub`, "-U"];
  const done = run(["-Y", "sign", "-n", "git", ...where, file], Buffer.alloc(0));
  return done.isDone ? readFileSync(`${file}.sig`, "utf8") : fail(done.stderr);
}

function idOf(commit: Buffer): string {
  return createHash("sha1").update(`commit ${commit.length}\0`).update(commit).digest("hex");
}

// As git writes a time: seconds, and how far the clock of the person is ahead of Greenwich.
function stamp(now: Date): string {
  const ahead = -now.getTimezoneOffset();
  const [hours, minutes] = [Math.floor(Math.abs(ahead) / 60), Math.abs(ahead) % 60];
  const zone = `${ahead < 0 ? "-" : "+"}${String(hours).padStart(2, "0")}${String(minutes).padStart(2, "0")}`;
  return `${Math.floor(now.getTime() / 1000)} ${zone}`;
}
