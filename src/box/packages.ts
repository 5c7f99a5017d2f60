import type { Label } from "../core/label.ts";
import type { NetRequest } from "../core/net-rules.ts";
import { ageDocument, type Dated, type PackageAge, readAge, type Told } from "../core/package-age.ts";
import { isLocked, type Locked, lockedNames, type Package } from "../core/packages.ts";
import { isReading, judgePackage, type PackageVerdict, urlOfRequest } from "../core/registries.ts";
import { documentOf, type Files, fileAsked, filesIn, isLockedFile } from "../core/registries-files.ts";
import { similarTo, whyPackage } from "../core/registries-why.ts";
import { cratesOf, type Registry, urlAt } from "../core/registry.ts";
import { Lockfiles } from "./lockfiles.ts";
import { findRegistries, type RegistriesPlan } from "./registries.ts";

export interface PackagesPlan extends RegistriesPlan {
  /**
   * Reads a document of a registry over the network, as the host; null when it cannot be had or is too large. `allowed` is
   * the label at which the person let the name in it go there; null where a lockfile has it.
   */
  readonly get: (url: string, accept: string, allowed: Label | null) => Promise<Told | null>;
}

/** Judges the requests of one session to package registries. */
export interface Packages {
  /** What a request is about; null when it goes to no registry. It never throws: what cannot be known is not locked. */
  judge(request: NetRequest): Promise<PackageVerdict | null>;
  /** Says what a request is and what to do; null when it goes to no registry. */
  why(request: NetRequest): Promise<string | null>;
  /** Says what is odd about the name of a package that no lockfile has; null when nothing is. */
  similar(one: Dated): Promise<string | null>;
  /** Takes down that the person lets the name of such a package go to its registry, at this label. */
  allow(one: Dated, label: Label): void;
  /** What the registry tells of its age; null until its name may go there. */
  age(one: Dated): Promise<PackageAge | null>;
  /** What the person must know of this judge: lockfiles that cannot be read. What the tools say, `findRegistries` tells. */
  notes(): readonly string[];
}

/** Makes the judge of a session. It does nothing before its first request: then it asks the tools and reads the lockfiles. */
export function packagesOf(plan: PackagesPlan): Packages {
  return new Judge(plan);
}

const DOCUMENTS_MAX = 2000;
const NOTES_MAX = 20;
/** Names that a person said yes to, one by one. */
const ALLOWED_MAX = 200;
/** A document that does not have a file is read again after this: the file may be new. */
const STALE_MS = 60_000;
const ACCEPT = {
  npm: "application/vnd.npm.install-v1+json, application/json;q=0.5",
  pypi: "application/vnd.pypi.simple.v1+json, text/html;q=0.5",
  json: "application/json",
} as const;
const EMPTY: Locked = { versions: new Map(), urls: new Map() };
const ORDER: readonly PackageVerdict["kind"][] = ["locked", "listing", "audit", "other"];

/** A package whose name the person let go to its registry. */
interface Allowed {
  readonly one: Dated;
  readonly label: Label;
}

interface Document {
  readonly readAt: number;
  /** Of a locked package, those of its locked versions alone. */
  readonly files: Promise<Files>;
}

class Judge implements Packages {
  readonly #plan: PackagesPlan;
  readonly #lockfiles: Lockfiles;
  readonly #documents = new Map<string, Document>();
  readonly #crates = new Map<Registry, Promise<Registry | null>>();
  readonly #notes = new Set<string>();
  /** By the address of the document that tells its age. */
  readonly #allowed = new Map<string, Allowed>();
  readonly #ages = new Map<string, Promise<PackageAge>>();
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

  async similar(one: Dated): Promise<string | null> {
    return similarTo(one, await this.#locked());
  }

  allow(one: Dated, label: Label): void {
    if (this.#allowed.size >= ALLOWED_MAX) return;
    for (const dated of [one, { ...one, version: null }]) {
      const document = ageDocument(dated);
      if (document !== null) this.#allowed.set(document.url, { one: dated, label });
    }
  }

  async age(one: Dated): Promise<PackageAge | null> {
    const dated = await this.#dated(one);
    const document = ageDocument(dated);
    if (document === null) return readAge(dated, { text: "", modified: null });
    const allowed = this.#allowed.get(document.url);
    if (allowed === undefined) return null;
    const known =
      this.#ages.get(`${document.url} ${dated.version}`) ??
      this.#get(document.url, document.accept, allowed.label).then((told) =>
        readAge(dated, told ?? { text: "", modified: null }),
      );
    this.#ages.set(`${document.url} ${dated.version}`, known);
    return known;
  }

  // Files of crates lie beside the index, which alone tells anything.
  async #dated(one: Dated): Promise<Dated> {
    if (one.registry.kind !== "crates") return one;
    for (const [index, crates] of this.#crates) if ((await crates) === one.registry) return { ...one, registry: index };
    return one;
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
    const file = await this.#judgeFile(registries, locked, url);
    if (file !== null) return file;
    if (verdict?.name) return verdict;
    return (await this.#judgeAllowed(url)) ?? verdict ?? (await this.#judgeCrate(registries, locked, request));
  }

  /** A file of a package that no lockfile has, where the registry's own document says that it lies; its name is known there. */
  async #judgeAllowed(url: string): Promise<PackageVerdict | null> {
    for (const { one, label } of this.#allowed.values()) {
      const { registry, name } = one;
      const { kind } = registry;
      if (one.version !== null || (kind !== "npm" && kind !== "pypi" && kind !== "composer")) continue;
      const address = documentOf(registry, { ecosystem: kind, name });
      if (address === null) continue;
      const files = await this.#filesOf({ ecosystem: kind, name }, address, label);
      const version = files.get(url) ?? (kind === "pypi" ? files.get(url.replace(/\.metadata$/, "")) : undefined);
      if (version !== undefined) return { kind: "other", registry, name, version };
    }
    return null;
  }

  /** A file lies where the registry's own document of a locked package says that it does, on whatever host. */
  async #judgeFile(registries: readonly Registry[], locked: Locked, url: string): Promise<PackageVerdict | null> {
    const one = fileAsked(locked, url);
    if (one === null) return null;
    for (const registry of registries) {
      const address = documentOf(registry, one);
      if (address === null) continue;
      for (const isStale of [false, true]) {
        const files = await this.#filesOf(one, address, null, isStale);
        if (isLockedFile(files, locked, one, url))
          return { kind: "locked", registry, name: one.name, version: one.version };
      }
    }
    return null;
  }

  #filesOf(
    { ecosystem, name }: Pick<Package, "ecosystem" | "name">,
    address: string,
    allowed: Label | null,
    isStale = false,
  ): Promise<Files> {
    const key = allowed === null ? address : `new ${address}`;
    const known = this.#documents.get(key);
    if (known && !(isStale && performance.now() - known.readAt > STALE_MS)) return known.files;
    if (this.#documents.size >= DOCUMENTS_MAX) this.#documents.clear();
    const accept = ACCEPT[ecosystem === "npm" || ecosystem === "pypi" ? ecosystem : "json"];
    const files = Promise.all([this.#get(address, accept, allowed), this.#locked()]).then(([told, locked]) => {
      const found = [...filesIn({ ecosystem, name }, told?.text ?? "", address)];
      const isWanted = (version: string) => allowed !== null || isLocked(locked, ecosystem, name, version);
      return new Map(found.filter(([, version]) => isWanted(version)));
    });
    this.#documents.set(key, { readAt: performance.now(), files });
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
          this.#get(urlAt(index.base, "config.json"), ACCEPT.json, null).then((told) =>
            cratesOf(index, told?.text ?? ""),
          );
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

  #get(url: string, accept: string, allowed: Label | null): Promise<Told | null> {
    return this.#plan.get(url, accept, allowed).catch((error: unknown) => this.#note(error, null));
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
