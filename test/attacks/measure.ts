import { readdirSync, readFileSync, statfsSync } from "node:fs";
import { STAGE_PLACE } from "./place.ts";

const INTERVAL_MS = 100;
const PAGE_BYTES = 4096;

/** Watches the stage while an attack runs; returns what is to be called at its end for the peaks. */
export function watchStage(
  agentPid: () => number | undefined,
  onLook: (peaks: Readonly<Record<string, number>>) => void = () => {},
) {
  const start = look(agentPid());
  const peaks: Record<string, number> = {};
  const measure = () => {
    for (const [name, value] of Object.entries(look(agentPid()))) {
      const grown = name === "agent_rss_bytes" ? value : value - (start[name] ?? 0);
      peaks[name] = Math.max(peaks[name] ?? 0, grown);
    }
    onLook(peaks);
  };
  const timer = setInterval(measure, INTERVAL_MS);
  return () => {
    clearInterval(timer);
    measure();
    return peaks;
  };
}

/** Says whether any process of the stage has the text among its arguments. */
export function found(text: string): boolean {
  return pids().some((pid) => read(`/proc/${pid}/cmdline`).includes(text));
}

function look(agent: number | undefined): Record<string, number> {
  const all = pids();
  const fs = statfsSync(STAGE_PLACE);
  const memory = all.reduce((sum, pid) => sum + residentBytes(pid), 0);
  return {
    host_pids: all.length,
    host_mem_bytes: memory,
    workspace_fs_bytes: (fs.blocks - fs.bfree) * fs.bsize,
    inodes: fs.files - fs.ffree,
    agent_rss_bytes: agent === undefined ? 0 : residentBytes(String(agent)),
  };
}

function pids(): string[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
}

function residentBytes(pid: string): number {
  const [, resident = "0", shared = "0"] = read(`/proc/${pid}/statm`).split(" ");
  return (Number(resident) - Number(shared)) * PAGE_BYTES;
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // The process is gone.
    return "";
  }
}
