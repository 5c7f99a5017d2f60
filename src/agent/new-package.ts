import type { Packages } from "../box/packages.ts";
import { type Dated, describeAge, isOld, type PackageAge } from "../core/package-age.ts";
import type { Gated } from "./gate.ts";
import type { Asking, Questions } from "./questions.ts";

interface Around {
  readonly questions: Questions;
  readonly packages: Packages;
  /** Has the same request judged once more. */
  readonly pass: () => Gated;
  /** Records that what was allowed is not sent, since it is asked about once more. */
  readonly dropped: (seq: number) => void;
  readonly now: () => number;
}

/**
 * Asks the person about a package that no lockfile has: its name, what it could be taken for, and how old it is.
 *
 * A registry is asked for the age only once the person let the name go there: a name can carry anything out. So the first
 * question for a name cannot tell it. Where that one is for a file already, and the file turns out to be young, or of an
 * age that is not told, they are asked again before it comes.
 */
export async function askAboutPackage(
  { dated, ...asking }: Asking & { readonly dated: Dated },
  asked: Gated & { readonly verdict: "ask" },
  { questions, packages, pass, dropped, now }: Around,
): Promise<Gated> {
  const known = await packages.age(dated);
  const names = await nameLines(dated, packages);
  const first = await questions.pass({ ...asking, about: [...names, ...ageLines(dated, known, now())] }, asked);
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
