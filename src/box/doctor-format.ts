import { counted } from "../core/text.ts";
import type { DoctorReport } from "./doctor.ts";

/** Writes a report as a table; its last line tells how many acts held. */
export function formatDoctor(report: DoctorReport): string {
  const held = report.acts.filter((act) => act.held).length;
  const differ = report.toolchains.programs.filter(({ isSame }) => !isSame).length;
  const acts = report.acts.map(({ group, held: isHeld, what, detail }) => [
    isHeld ? "held" : "NOT HELD",
    group,
    what,
    detail,
  ]);
  const programs = report.toolchains.programs.map(({ name, isSame, inside, outside }) => [
    isSame ? "same" : "DIFFERENT",
    name,
    isSame ? inside.version : `inside ${inside.version}, outside ${outside.version}`,
    isSame && inside.path === outside.path
      ? inside.path
      : `inside ${inside.path || "nowhere"}, outside ${outside.path}`,
  ]);
  const machine = [
    ["as", report.as],
    ["kernel", report.kernel],
    ["bubblewrap", report.bubblewrap],
    [
      "view",
      report.view.kind === "overlay"
        ? "an overlay over the checkout"
        : `a copy of the checkout: the kernel refuses an overlay here (${report.view.why})`,
    ],
    [
      "unix sockets",
      report.unixSockets
        ? "allowed: none of the machine's can be reached"
        : "refused: one of the machine's could be reached",
    ],
    ...Object.entries(report.limits).map(([name, how]) => [`limit: ${name}`, how]),
    ...report.toolchains.roots.map((root, index) => [index === 0 ? "toolchains, read-only" : "", root]),
  ];
  return [
    ...align(machine),
    "",
    ...align(programs),
    "",
    ...align(acts),
    "",
    `${held} of ${report.acts.length} held${differ > 0 ? `, but ${another(differ)} in the box than outside: see DIFFERENT` : ""}\n`,
  ].join("\n");
}

function another(count: number): string {
  return counted(count, "program has another version", "programs have another version");
}

function align(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}
