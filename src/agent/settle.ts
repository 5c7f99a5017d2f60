import type { Session } from "./session.ts";
import type { Workplace } from "./workplace.ts";
export async function settle(_session: Session, _workplace: Workplace, _land: "patch" | "auto") {
  return { held: [], landed: [], patch: null };
}
export async function forgetSession(_workplace: Workplace): Promise<void> {}
