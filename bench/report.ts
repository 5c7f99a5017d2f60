/** The promised numbers of docs and issue: name, unit and what it may be at most. */
export const TARGETS = {
  first_request_ms: 200,
  tool_call_p50_ms: 8,
  tool_call_ratio: 0.75,
  tool_call_p95_ratio: 1.3,
  tool_call_big_host_ratio: 1.5,
  cpu_20_s: 1,
  cpu_200_s: 2.5,
  growth: 1.15,
  anon_mb_1: 45,
  anon_mb_200: 60,
  first_request_bytes: 6000,
  work_ratio: 1.15,
  diff_list_50k_ms: 50,
  diff_50k_ratio: 1.3,
  checkpoint_50k_ms: 200,
  land_50k_ratio: 1.3,
  scan_100mb_ms: 333,
  mask_100mb_ms: 333,
  net_request_over_ms: 1.5,
  net_slowdown: 1,
  net_tls_slowdown: 2,
  net_lost: 0,
  net_body_rss_mb: 64,
  session_20k_growth: 1.1,
  decide_200_us: 5,
  shell_analysis_p95_us: 100,
  policy_load_ms: 10,
  policy_managed_ms: 10,
  npm_install_ratio: 1.15,
  ledger_append_ratio: 1.3,
  ledger_group_us: 66,
  ledger_verify_us: 12.5,
  resume_10k_ms: 300,
  monitor_event_us: 20,
  kill_ms: 300,
  version_ms: 65,
  packed_mb: 15,
} as const;

export type Key = keyof typeof TARGETS;

export interface Measured {
  readonly key: Key;
  readonly value: number;
  /** What stands behind the value: the floor's own numbers, how often, by which means. */
  readonly note: string;
}

/** Says whether a name is that of a number. */
export function isKey(name: string): name is Key {
  return Object.hasOwn(TARGETS, name);
}

/** Gives the value below which the share `p` (0 to 1) of all lies; the middle one for 0.5. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * p;
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  if (below === undefined || above === undefined) throw new Error("nothing was measured");
  return below + (above - below) * (at - Math.floor(at));
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Rounds to three digits that matter. */
export function rounded(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

/** Lays the numbers out beside their targets. */
export function table(measured: readonly Measured[]): string {
  const head = ["name", "value", "target", "", "beside it"];
  const rows = measured.map(({ key, value, note }) => {
    const isKept = value <= TARGETS[key];
    return [key, String(rounded(value)), `<= ${TARGETS[key]}`, isKept ? "ok" : "OVER", note];
  });
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const lines = [head, ...rows].map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "));
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}
