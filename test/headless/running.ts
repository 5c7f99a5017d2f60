import { type Place, PROGRAM, sh } from "./program.ts";

/** Starts the program where one of the system's programs is another file; returns what it said, and its exit status. */
export function onMachineWith(place: Place, file: string, program: string, args: string): string {
  const inside = 'mount --bind "$1" "$2"; shift 2; exec "$@"';
  return sh(
    place,
    `unshare -rm sh -ec '${inside}' sh ${file} ${program} '${process.execPath}' '${PROGRAM}' ${args} 2>&1 || echo "status $?"`,
  );
}
