import type { Place } from "./land.fixture.ts";
import { openBox } from "./open.fixture.ts";

// A box that runs commands, says where it is and waits for its end. "checkpoint" stands for one.
const { place, commands } = JSON.parse(process.argv[2] ?? "{}") as { place: Place; commands: string[] };
const { box, text } = await openBox({ after: () => {} }, "", { place });
for (const command of commands) {
  if (command === "checkpoint") await box.checkpoint("turn", command);
  else await text(command);
}
process.stdout.write(`${JSON.stringify(box.folder)}\n`);
setInterval(() => {}, 1 << 30);
