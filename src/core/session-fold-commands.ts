import { field, type JsonObject, recordOf } from "./json.ts";

/** Commands that are named; of more it is enough to know that there were some. */
const COMMANDS_MAX = 20;
const COMMAND_CHARS_MAX = 80;
/** How the box ends the text of a command that left something running. */
const LEFT_RUNNING = /\(still running in the background as bg\d{1,9}\)/;

/** Lists what went on after its call when the program ended. What a command printed itself can only add to it. */
export function foldCommands(): { add(event: JsonObject): void; running(): readonly string[] } {
  let begun = new Map<string, { readonly command: string; readonly isBackground: boolean }>();
  let running: string[] = [];
  let isPast = false;
  return {
    running: () => running,
    add(event) {
      // Until the model has been told that they ended.
      if (event.type === "prompt" && isPast) [running, isPast] = [[], false];
      isPast ||= event.type === "resumed";
      if (event.type === "request") begun = new Map();
      if (event.type === "decision" && typeof event.call === "string" && event.verdict === "allow") {
        const effect = recordOf(event.effect);
        const command = field(effect, "command");
        if (effect.kind === "run" && typeof command === "string")
          begun.set(event.call, { command, isBackground: effect.background === true });
      }
      // Said where something runs, so that no text is read for nothing.
      const isSilent = event.type !== "outcome" || event.running === undefined;
      if (isSilent || typeof event.call !== "string" || running.length >= COMMANDS_MAX) return;
      const call = begun.get(event.call);
      const isLeft = call?.isBackground === true ? event.ok === true : LEFT_RUNNING.test(String(event.text));
      if (call && isLeft) running.push(call.command.slice(0, COMMAND_CHARS_MAX).toWellFormed());
    },
  };
}
