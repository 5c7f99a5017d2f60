import type { FilterOptions } from "./seccomp.ts";
import type { Arch } from "./syscalls.ts";

/** One instruction of BPF: its code, how far it jumps on yes and on no, and its constant. */
export type Instruction = { readonly code: number; readonly yes: number; readonly no: number; readonly k: number };

/** The filter with every option off. */
export const strict = (arch: Arch): FilterOptions => ({ arch, unixSockets: false, debug: false, isOffline: false });

/** Takes the bytes of a filter apart. */
export function instructionsOf(filter: Uint8Array): Instruction[] {
  const view = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  return Array.from({ length: filter.byteLength / 8 }, (_, index) => ({
    code: view.getUint16(index * 8, true),
    yes: view.getUint8(index * 8 + 2),
    no: view.getUint8(index * 8 + 3),
    k: view.getUint32(index * 8 + 4, true),
  }));
}
