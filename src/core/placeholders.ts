import { needlesOf } from "./credential-forms.ts";

/** What stands in the box for a credential, and whose it is: "npmrc", "env GITHUB_TOKEN". */
export interface Placeholder {
  readonly placeholder: string;
  readonly source: string;
}

/** Writes what a script of the box looks for: for each form in which one may travel its index and its bytes in hex. */
export function searchedFor(placeholders: readonly Placeholder[]): string {
  return placeholders
    .flatMap(({ placeholder }, owner) => needlesOf(placeholder, placeholder, owner))
    .map(({ owner, bytes }) => `${owner}:${Buffer.from(bytes).toString("hex")}`)
    .join(" ");
}

/** Finds the first placeholder that a name or the path of a link holds. */
export function placeholderIn(placeholders: readonly Placeholder[], text: string): Placeholder | null {
  const holds = ({ placeholder }: Placeholder) =>
    needlesOf(placeholder, placeholder, 0).some(({ bytes }) => text.includes(Buffer.from(bytes).toString("latin1")));
  return placeholders.find(holds) ?? null;
}

/** Says why what holds a placeholder never lands. */
export function alarmOf({ source }: Placeholder): string {
  return `${ALARM} for the credential of ${source}, and never lands`;
}

const ALARM = "alarm: it holds what stands in the box";

/** Whether a reason for which something does not land is that it holds a placeholder. */
export function isAlarm(why: string): boolean {
  return why.includes(ALARM);
}
