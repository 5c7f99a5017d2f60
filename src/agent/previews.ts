import type { Box } from "../box/box.ts";
import type { Label } from "../core/label.ts";
import type { Preview } from "../egress/preview.ts";
import type { Ledger } from "../ledger/append.ts";
import type { Gate } from "./gate.ts";

export interface PreviewsPlan {
  readonly box: Box;
  readonly gate: Gate;
  readonly ledger: Ledger;
  readonly now: () => number;
}

/** A port that is shown, or what the person is to be told first, and the label that their yes is good for. */
export type Opened =
  | { readonly ok: true; readonly address: string }
  | { readonly ok: false; readonly label: Label; readonly reason: string };

/** The ports of a session's box that the person looks at. */
export class Previews {
  readonly #plan: PreviewsPlan;
  readonly #open = new Map<number, Preview>();

  constructor(plan: PreviewsPlan) {
    this.#plan = plan;
  }

  /** Shows a port that the person named with the command, before anything of it ran: that was told where the option is. */
  async openTyped(port: number): Promise<string> {
    const first = await this.open(port, null);
    const opened = first.ok ? first : await this.open(port, first.label);
    if (!opened.ok) throw new Error(`bug: a preview before anything ran was refused: ${opened.reason}`);
    return opened.address;
  }

  /** Shows a port, on the person's word alone. Where a page could carry something out they say so twice: once they were told, at the label as it was. */
  async open(port: number, shownAt: Label | null): Promise<Opened> {
    const { box, gate } = this.#plan;
    const open = this.#open.get(port);
    if (open) return { ok: true, address: open.address };
    const gated = gate.pass({ kind: "preview", port, approvedBy: "person", shownAt }, null);
    if (gated.verdict === "deny") throw new Error(`bug: a preview for the person was denied: ${gated.reason}`);
    if (gated.verdict === "ask") {
      const { integrity, secrecy } = gated.label;
      return { ok: false, label: { integrity, secrecy }, reason: gated.reason };
    }
    // Loaded here, since most sessions show none.
    const { Preview } = await import("../egress/preview.ts");
    const preview = await Preview.open(gated.permit, (asked) => box.connect(asked));
    this.#open.set(port, preview);
    return { ok: true, address: preview.address };
  }

  list(): readonly { readonly port: number; readonly address: string }[] {
    return [...this.#open.values()].map(({ port, address }) => ({ port, address }));
  }

  /** Ends one; false where that port is not shown. */
  close(port: number): boolean {
    const preview = this.#open.get(port);
    if (!preview) return false;
    this.#open.delete(port);
    preview.close();
    this.#plan.ledger.append({ type: "preview-end", at: this.#plan.now(), decision: preview.seq });
    return true;
  }

  closeAll(): void {
    for (const port of [...this.#open.keys()]) this.close(port);
  }
}
