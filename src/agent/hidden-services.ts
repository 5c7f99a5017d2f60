import { refusedPorts } from "../core/refused-ports.ts";
import { listeningAt } from "../egress/listening.ts";

const PORTS_MAX = 5;
const TAIL_CHARS_MAX = 64 << 10;

/**
 * Explains why a service of the person's machine does not answer in the box, whose loopback is another one.
 *
 * A direct connection there never reaches the proxy, so all there is to go by is what a command says, which may be anything:
 * nothing follows from it but words. What the model is told is the same whatever listens outside.
 */
export class HiddenServices {
  readonly #shown: ReadonlySet<number>;
  readonly #told = new Set<number>();

  constructor(services: readonly { readonly port: number }[]) {
    this.#shown = new Set(services.map(({ port }) => port));
  }

  /** What to tell of a command's output, to the model and to the person; each port is told of once. */
  explain(output: string): { readonly model: readonly string[]; readonly person: readonly string[] } {
    const ports = refusedPorts(output).filter((port) => !this.#shown.has(port) && !this.#told.has(port));
    const fresh = ports.slice(0, PORTS_MAX - this.#told.size);
    for (const port of fresh) this.#told.add(port);
    const places = fresh.flatMap((port) => listeningAt(port) ?? []);
    return {
      model: fresh.map(
        (port) =>
          `127.0.0.1:${port} is the box's own; a service of the person's machine is seen there once they list it under net.services`,
      ),
      person: places.map(
        (place) =>
          `a command says that nobody answers at ${place}: the box does not show what listens there on your machine; to show it, add "${place}" to net.services in config.yaml`,
      ),
    };
  }
}

/** Keeps the end of what a command writes. */
export class Tail {
  #text = "";

  push(bytes: Uint8Array): void {
    this.#text = (this.#text + Buffer.from(bytes).toString("latin1")).slice(-TAIL_CHARS_MAX);
  }

  get text(): string {
    return this.#text;
  }
}
