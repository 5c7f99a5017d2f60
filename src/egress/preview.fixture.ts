import type { Server } from "node:http";
import net from "node:net";
import type { TestContext } from "node:test";
import type { Effect } from "../core/effect.ts";
import { issueReceipt, mint, recordDecision } from "../core/permit.ts";
import { decide } from "../core/policy.ts";
import { Preview } from "./preview.ts";
import { startServer } from "./proxy.fixture.ts";

/** A preview of a server that stands for one of the box. */
export interface Shown {
  readonly preview: Preview;
  /** Where the preview answers. */
  readonly port: number;
  readonly wrapper: string;
  readonly app: string;
  /** Port of the server. */
  readonly boxPort: number;
}

/** Shows a server of the machine as if it were the box's; both end with the test. */
export async function showServer(t: TestContext, server: Server): Promise<Shown> {
  const boxPort = await startServer(t, server);
  return { ...(await showPort(t, boxPort)), boxPort };
}

/** Shows a port of the machine at which something listens, or nothing. */
export async function showPort(t: TestContext, boxPort: number): Promise<Shown> {
  const label = { integrity: "external", secrecy: "private" } as const;
  const effect: Effect = { kind: "preview", port: boxPort, approvedBy: "person", shownAt: label };
  const decision = decide(effect, label);
  const permit = mint(effect, decision, issueReceipt(1, "x", recordDecision(effect, decision, String)), String);
  const preview = await Preview.open(permit, connectHandle);
  t.after(() => preview.close());
  const wrapper = new URL(preview.address).host;
  return { preview, port: Number(wrapper.split(":")[1]), wrapper, app: `app.${wrapper}`, boxPort };
}

// Takes the handle from under a socket, as one comes from the box.
function connectHandle(port: number): Promise<object | null> {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: "127.0.0.1" }) as net.Socket & { _handle: object | null };
    socket.on("error", () => resolve(null));
    socket.on("connect", () => {
      const handle = socket._handle;
      socket._handle = null;
      resolve(handle);
    });
  });
}
