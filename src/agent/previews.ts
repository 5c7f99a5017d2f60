import type { Box } from "../box/box.ts";
import type { Preview } from "../egress/preview.ts";
import type { Ledger } from "../ledger/append.ts";
import type { Gate } from "./gate.ts";

export interface PreviewsPlan {
  readonly box: Box;
  readonly gate: Gate;
  readonly ledger: Ledger;
  readonly now: () => number;
}

/** The ports of a session's box that the person looks at. */
export class Previews {
  readonly #plan: PreviewsPlan;
  readonly #open = new Map<number, Preview>();

  constructor(plan: PreviewsPlan) {
    this.#plan = plan;
  }

  /** Shows a port, on the person's word alone; returns the address to open. */
  async open(port: number): Promise<string> {
    const { box, gate } = this.#plan;
    const open = this.#open.get(port);
    if (open) return open.address;
    // Loaded here, since most sessions show none.
    const { Preview } = await import("../egress/preview.ts");
    const permit = gate.passForPerson({ kind: "preview", port, approvedBy: "person" });
    const preview = await Preview.open(permit, (asked) => box.connect(asked));
    this.#open.set(port, preview);
    return preview.address;
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
