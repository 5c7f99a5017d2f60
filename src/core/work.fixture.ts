/** Milliseconds of processor time that this process took since `start`; what other programs take does not count. */
export function workMs(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}
