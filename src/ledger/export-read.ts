import { field, type JsonObject } from "../core/json.ts";
import type { RecordedEvent } from "./verify.ts";

/** A session as its record tells it. A record is as old as its session, so whatever it lacks is "" or null. */
export interface Told {
  readonly session: string;
  readonly checkout: string;
  readonly version: string;
  /** SHA-256 of the policy that the session decided by, hex. */
  readonly policy: string;
  readonly model: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly events: readonly RecordedEvent[];
}

/** Reads what all exports say of a session out of its events. */
export function tell(events: readonly RecordedEvent[]): Told {
  const start = events.find(({ event }) => typeOf(event) === "start")?.event ?? {};
  const model = events.find(({ event }) => typeOf(event) === "request")?.event ?? {};
  const times = events.map(({ event }) => numberOf(event, "at")).filter((at) => at > 0);
  return {
    session: textOf(start, "session"),
    checkout: textOf(start, "checkout"),
    version: textOf(start, "version"),
    policy: textOf(start, "policy"),
    model: textOf(model, "model"),
    startedAt: times[0] ?? 0,
    endedAt: times.reduce((latest, at) => Math.max(latest, at), 0),
    events,
  };
}

export function typeOf(event: JsonObject): string {
  return textOf(event, "type");
}

/** A field's text; "" where it is none. */
export function textOf(record: JsonObject, name: string): string {
  const value = field(record, name);
  return typeof value === "string" ? value : "";
}

/** A field's number; 0 where it is none. */
export function numberOf(record: JsonObject, name: string): number {
  const value = field(record, name);
  return typeof value === "number" ? value : 0;
}

/** A field's object; an empty one where it is none. */
export function objectOf(record: JsonObject, name: string): JsonObject {
  const value = field(record, name);
  return isObject(value) ? value : {};
}

/** The objects of a list; none where it is no list. */
export function objectsOf(record: JsonObject, name: string): readonly JsonObject[] {
  const value = field(record, name);
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** The texts of a list; none where it is no list. */
export function textsOf(record: JsonObject, name: string): readonly string[] {
  const value = field(record, name);
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** Says in one line what an effect would do. */
export function effectLine(effect: JsonObject): string {
  const kind = textOf(effect, "kind");
  if (kind === "request" || kind === "push") {
    const port = numberOf(effect, "port");
    return `${textOf(effect, "method")} ${textOf(effect, "protocol")}://${textOf(effect, "host")}:${port}${textOf(effect, "path")}`;
  }
  const paths = textsOf(effect, "paths").join(", ");
  const what = [
    textOf(effect, "command"),
    textOf(effect, "path"),
    textOf(effect, "url"),
    textOf(effect, "branch"),
    paths,
  ];
  return [kind, what.find((text) => text !== "") ?? ""].join(" ").trim();
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
