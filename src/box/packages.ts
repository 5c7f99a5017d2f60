import type { NetRequest } from "../core/net-rules.ts";
import { isLocked, type Locked, lockedNames, type Package } from "../core/packages.ts";
import { isReading, judgePackage, type PackageVerdict, urlOfRequest } from "../core/registries.ts";
import { documentOf, type Files, fileAsked, filesIn, isLockedFile } from "../core/registries-files.ts";
import { whyPackage } from "../core/registries-why.ts";
import { cratesOf, type Registry, urlAt } from "../core/registry.ts";
import { Lockfiles } from "./lockfiles.ts";
import { findRegistries, type RegistriesPlan } from "./registries.ts";

export interface PackagesPlan extends RegistriesPlan {
  /** Reads a document of a registry over the network, as the host; null when it cannot be had or is too large. */
  readonly get: (url: string, accept: string) => Promise<string | null>;
}

/** Judges the requests of one session to package registries. */
export interface Packages {
  /** What a request is about; null when it goes to no registry. It never throws: what cannot be known is not locked. */
  judge(request: NetRequest): Promise<PackageVerdict | null>;
  /** Says what a request is and what to do; null when it goes to no registry. */
  why(request: NetRequest): Promise<string | null>;
  /** What the person must know of this judge: lockfiles that cannot be read. What the tools say, `findRegistries` tells. */
  notes(): readonly string[];
}

/** Makes the judge of a session. It does nothing before its first request: then it asks the tools and reads the lockfiles. */
export function packagesOf(plan: PackagesPlan): Packages {
  return new Judge(plan);
}

const DOCUMENTS_MAX = 2000;
const NOTES_MAX = 20;
/** A document that does not have a file is read again after this: the file may be new. */
const STALE_MS = 60_000;
const ACCEPT = {
  npm: "application/vnd.npm.install-v1+json, application/json;q=0.5",
  pypi: "application/vnd.pypi.simple.v1+json, text/html;q=0.5",
  json: "application/json",
} as const;
const EMPTY: Locked = { versions: new Map(), urls: new Map() };
const ORDER: readonly PackageVerdict["kind"][] = ["locked", "listing", "audit", "other"];

interface Document {
  readonly readAt: number;
  /** Of the versions that are locked alone. */
  readonly files: Promise<Files>;
}

class Judge implements Packages {
  readonly #plan: PackagesPlan;
  readonly #lockfiles: Lockfiles;
  readonly #documents = new Map<string, Document>();
  readonly #crates = new Map<Registry, Promise<Registry | null>>();
  readonly #notes = new Set<string>();
  #registries: Promise<readonly Registry[]> | null = null;

  constructor(plan: PackagesPlan) {
    this.#plan = plan;
    this.#lockfiles = new Lockfiles(plan.checkout);
  }

  async judge(request: NetRequest): Promise<PackageVerdict | null> {
    const verdict = await this.#judgeOnce(request);
    if (verdict?.kind !== "other" || verdict.name === null || !isReading(request)) return verdict;
    // The person may have added it, or it landed, since the lockfiles were read.
    const hasChanged = await this.#lockfiles.refresh().catch((error: unknown) => this.#note(error, false));
    if (!hasChanged) return verdict;
    this.#documents.clear();
    return this.#judgeOnce(request);
  }

  async why(request: NetRequest): Promise<string | null> {
    const verdict = await this.judge(request);
    return verdict === null ? null : whyPackage(verdict, request, await this.#locked());
  }

  notes(): readonly string[] {
    return [...this.#notes];
  }

  async #judgeOnce(request: NetRequest): Promise<PackageVerdict | null> {
    const [registries, locked] = await Promise.all([this.#findRegistries(), this.#locked()]);
    const verdict = bestOf(registries, locked, request);
    if (verdict !== null && verdict.kind !== "other") return verdict;
    const url = urlOfRequest(request);
    if (url === null || !isReading(request)) return verdict;
    return (
      (await this.#judgeFile(registries, locked, url)) ??
      verdict ??
      (await this.#judgeCrate(registries, locked, request))
    );
  }

  /** A file lies where the registry's own document of a locked package says that it does, on whatever host. */
  async #judgeFile(registries: readonly Registry[], locked: Locked, url: string): Promise<PackageVerdict | null> {
    const one = fileAsked(locked, url);
    if (one === null) return null;
    for (const registry of registries) {
      const address = documentOf(registry, one);
      if (address === null) continue;
      for (const files of [
        await this.#filesOf(one, locked, address, false),
        await this.#filesOf(one, locked, address, true),
      ])
        if (isLockedFile(files, locked, one, url))
          return { kind: "locked", registry, name: one.name, version: one.version };
    }
    return null;
  }

  #filesOf(one: Package, locked: Locked, address: string, isStale: boolean): Promise<Files> {
    const known = this.#documents.get(address);
    if (known && !(isStale && performance.now() - known.readAt > STALE_MS)) return known.files;
    if (this.#documents.size >= DOCUMENTS_MAX) this.#documents.clear();
    const files = this.#get(
      address,
      ACCEPT[one.ecosystem === "npm" || one.ecosystem === "pypi" ? one.ecosystem : "json"],
    ).then(
      (text) =>
        new Map(
          [...filesIn(one, text ?? "", address)].filter(([, version]) =>
            isLocked(locked, one.ecosystem, one.name, version),
          ),
        ),
    );
    this.#documents.set(address, { readAt: performance.now(), files });
    return files;
  }

  /** Where crates are is told by the index alone. */
  async #judgeCrate(
    registries: readonly Registry[],
    locked: Locked,
    request: NetRequest,
  ): Promise<PackageVerdict | null> {
    if (lockedNames(locked, "cargo").length === 0) return null;
    const indexes = registries.filter(({ kind }) => kind === "cargo");
    const found = await Promise.all(
      indexes.map((index) => {
        const known =
          this.#crates.get(index) ??
          this.#get(urlAt(index.base, "config.json"), ACCEPT.json).then((text) => cratesOf(index, text ?? ""));
        this.#crates.set(index, known);
        return known;
      }),
    );
    return bestOf(
      found.filter((crates) => crates !== null),
      locked,
      request,
    );
  }

  #get(url: string, accept: string): Promise<string | null> {
    return this.#plan.get(url, accept).catch((error: unknown) => this.#note(error, null));
  }

  #findRegistries(): Promise<readonly Registry[]> {
    this.#registries ??= findRegistries(this.#plan).then(({ registries }) => registries);
    return this.#registries;
  }

  #locked(): Promise<Locked> {
    return this.#lockfiles.known().catch((error: unknown) => this.#note(error, EMPTY));
  }

  #note<T>(error: unknown, instead: T): T {
    if (this.#notes.size < NOTES_MAX) this.#notes.add(error instanceof Error ? error.message : String(error));
    return instead;
  }
}

function bestOf(registries: readonly Registry[], locked: Locked, request: NetRequest): PackageVerdict | null {
  const verdicts = registries.flatMap((registry) => judgePackage(registry, locked, request) ?? []);
  const rank = ({ kind, name }: PackageVerdict) => ORDER.indexOf(kind) * 2 + (name === null ? 1 : 0);
  return verdicts.sort((a, b) => rank(a) - rank(b))[0] ?? null;
}
