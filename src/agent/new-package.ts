import type { Packages } from "../box/packages.ts";
import type { Label } from "../core/label.ts";
import { type Dated, describeAge, isOld, type PackageAge } from "../core/package-age.ts";
import type { Gated } from "./gate.ts";
import type { Asking, Questions } from "./questions.ts";

interface Around {
  readonly questions: Questions;
  readonly yeses: PackageYeses;
  readonly packages: Packages;
  /** Has the same request judged once more. */
  readonly pass: () => Gated;
  /** Records that what was allowed is not sent, since it is asked about once more. */
  readonly dropped: (seq: number) => void;
  readonly now: () => number;
}

type AboutPackage = Asking & { readonly dated: Dated };
type Asked = Gated & { readonly verdict: "ask" };

interface Yes {
  /** Of the question that they said yes to. */
  readonly decision: number;
  /** The one version that may come; null until a file is asked for. */
  version: string | null;
  filesLeft: number;
}

const YESES_MAX = 200;
/** An installer asks for some of a version's files beside the package itself: its metadata, checksums and signatures. */
const FILES_MAX = 8;

/** Yeses of the person to a package, each for one command and what the session had seen then. */
export class PackageYeses {
  readonly #yeses = new Map<string, Yes>();

  add(asking: AboutPackage, { label, seq }: Asked): void {
    const key = keyOf(asking, label);
    if (key === null || this.#yeses.has(key) || this.#yeses.size >= YESES_MAX) return;
    this.#yeses.set(key, { decision: seq, version: asking.dated.version, filesLeft: FILES_MAX });
  }

  /** Ends every yes. */
  revoke(): void {
    this.#yeses.clear();
  }

  /** Says which decision's yes lets one more file of that package come; null where none does. Only one version comes by a yes. */
  take(asking: AboutPackage, { label }: Asked): number | null {
    const { version } = asking.dated;
    const yes = this.#yeses.get(keyOf(asking, label) ?? "");
    if (yes === undefined || version === null || yes.filesLeft === 0) return null;
    yes.version ??= version;
    if (yes.version !== version) return null;
    yes.filesLeft -= 1;
    return yes.decision;
  }
}

function keyOf({ dated, effect }: AboutPackage, { integrity, secrecy }: Label): string | null {
  const { registry, name } = dated;
  return effect.command === null ? null : JSON.stringify([effect.command, registry.tool, name, integrity, secrecy]);
}

/**
 * Asks the person about a package that no lockfile has: its name, what it could be taken for, and how old it is.
 *
 * A registry is asked for the age only once the person let the name go there: a name can carry anything out. So the first
 * question for a name cannot tell it. Where that one is for a file already, and the file turns out to be young, or of an
 * age that is not told, they are asked again before it comes. Once the age is known, an old version comes by that one yes.
 */
export async function askAboutPackage(
  { dated, ...asking }: AboutPackage,
  asked: Asked,
  { questions, yeses, packages, pass, dropped, now }: Around,
): Promise<Gated> {
  const about = { ...asking, dated };
  const known = await packages.age(dated);
  const covering = known !== null && isOld(known, now()) ? yeses.take(about, asked) : null;
  if (covering !== null) return questions.passWith(asking, asked, covering);
  const names = await nameLines(dated, packages);
  const first = await questions.pass({ ...asking, about: [...names, ...ageLines(dated, known, now())] }, asked);
  if (first.verdict === "allow") yeses.add(about, asked);
  if (first.verdict !== "allow" || known !== null) return first;
  packages.allow(dated, asked.label);
  if (dated.version === null) return first;
  const age = await packages.age(dated);
  if (age === null || isOld(age, now())) return first;
  dropped(first.permit.seq);
  const again = pass();
  if (again.verdict !== "ask") return again;
  return questions.pass({ ...asking, about: [...names, ...describeAge(age, dated.version, now())] }, again);
}

async function nameLines(dated: Dated, packages: Packages): Promise<string[]> {
  const { name, version, registry } = dated;
  const similar = await packages.similar(dated);
  const what = `${name}${version === null ? "" : ` ${version}`}`;
  return [
    `${what}, which no lockfile of this checkout has`,
    `from the registry that ${registry.tool} is configured for`,
    ...(similar === null ? [] : [`WARNING: ${similar}`]),
  ];
}

function ageLines({ version }: Dated, known: PackageAge | null, now: number): string[] {
  if (known !== null) return describeAge(known, version, now);
  const next = version === null ? "the question for its file tells it" : "you are asked again unless it is a week old";
  return ["its age is not known yet: its registry is asked after your yes", next];
}
