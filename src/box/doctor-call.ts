import { SYSCALLS, type SyscallName } from "./syscalls.ts";

const ARCH = process.arch === "arm64" ? "aarch64" : "x86_64";
/** CLONE_NEWUSER. */
export const NEW_USER = 0x10000000;

/** Writes Perl that makes a system call and prints whether it was refused. */
export function call(what: string, name: SyscallName, args: string): string {
  return `call("${what}", ${number(name)}, ${args});`;
}

/** Tells the number of a call on this machine. */
export function number(name: SyscallName): number {
  const found = SYSCALLS[name][ARCH];
  if (found === null) throw new Error(`bug: ${name} does not exist on ${ARCH}`);
  return found;
}

/** Tells the number of `exit`, for a child that must do nothing else. */
export function exitNumber(): number {
  return ARCH === "x86_64" ? 60 : 93;
}
