import type { JsonObject } from "../core/json.ts";
import { effectLine, numberOf, objectOf, objectsOf, type Told, textOf, textsOf, typeOf } from "./export-read.ts";
import type { RecordedEvent } from "./verify.ts";

const VERSION = "1.6.0";
const INFORMATIONAL = 1;
const MEDIUM = 3;
const OTHER = 99;

/** The classes of OCSF that are used: number of the class; its category is the number's thousands. */
const CLASSES = { file: 1001, process: 1007, http: 4002, api: 6003 } as const;
const METHODS: Readonly<Record<string, number>> = {
  CONNECT: 1,
  DELETE: 2,
  GET: 3,
  HEAD: 4,
  OPTIONS: 5,
  POST: 6,
  PUT: 7,
};

/** Writes what was decided, landed and undone in a session as events of OCSF, for security monitoring. Texts of the conversation are not in them. */
export function toOcsf(told: Told): JsonObject[] {
  return told.events.flatMap((recorded) => {
    const { event } = recorded;
    if (typeOf(event) === "decision") return [decided(told, recorded)];
    if (typeOf(event) !== "landed" && typeOf(event) !== "undone") return [];
    const failed = objectsOf(event, "failed").map((one) => textOf(one, "path"));
    const at = (path: string, isDone: boolean) => fileEvent(told, recorded, path, isDone);
    return [
      ...[...textsOf(event, "landed"), ...textsOf(event, "undone")].map((path) => at(path, true)),
      ...failed.map((path) => at(path, false)),
    ];
  });
}

function decided(told: Told, recorded: RecordedEvent): JsonObject {
  const effect = objectOf(recorded.event, "effect");
  const isAllowed = textOf(recorded.event, "verdict") === "allow";
  const kind = textOf(effect, "kind");
  const common = (cls: keyof typeof CLASSES, activity: number) => ({
    ...base(told, recorded, cls, activity, isAllowed),
    message: effectLine(effect),
    status_detail: textOf(recorded.event, "reason"),
  });
  if (kind === "run")
    return { ...common("process", 1), process: { cmd_line: textOf(effect, "command") }, device: { type_id: 0 } };
  if (kind === "request" || kind === "push") {
    const method = textOf(effect, "method");
    const [path = "", query] = textOf(effect, "path").split("?", 2);
    const scheme = textOf(effect, "protocol");
    const [hostname, port] = [textOf(effect, "host"), numberOf(effect, "port")];
    const url = { scheme, hostname, port, path, ...(query === undefined ? {} : { query_string: query }) };
    const http_request = { http_method: method, url };
    return { ...common("http", METHODS[method] ?? OTHER), http_request, dst_endpoint: { hostname, port } };
  }
  if (kind === "read" || kind === "write" || kind === "edit") {
    const path = textOf(effect, "path");
    return { ...common("file", kind === "read" ? 2 : 3), file: fileOf(path), device: { type_id: 0 } };
  }
  return { ...common("api", OTHER), api: { operation: kind }, src_endpoint: { name: "box" } };
}

function fileEvent(told: Told, recorded: RecordedEvent, path: string, isDone: boolean): JsonObject {
  return {
    ...base(told, recorded, "file", 3, isDone),
    message: `${typeOf(recorded.event)} ${path}`,
    file: fileOf(path),
    device: { type_id: 0 },
  };
}

function base(told: Told, { seq, event }: RecordedEvent, cls: keyof typeof CLASSES, activity: number, isDone: boolean) {
  const label = objectOf(event, "label");
  const class_uid = CLASSES[cls];
  return {
    class_uid,
    category_uid: Math.floor(class_uid / 1000),
    activity_id: activity,
    type_uid: class_uid * 100 + activity,
    time: numberOf(event, "at"),
    severity_id: isDone ? INFORMATIONAL : MEDIUM,
    status_id: isDone ? 1 : 2,
    action_id: isDone ? 1 : 2,
    disposition_id: isDone ? 1 : 2,
    metadata: {
      version: VERSION,
      profiles: ["security_control"],
      product: { name: "Ringfence", vendor_name: "Ringfence", version: told.version },
      uid: `${told.session}#${seq}`,
      event_code: typeOf(event),
    },
    actor: { app_name: told.model || "ringfence", session: { uid: told.session } },
    unmapped: { checkout: told.checkout, integrity: textOf(label, "integrity"), secrecy: textOf(label, "secrecy") },
  };
}

function fileOf(path: string) {
  return { name: path.split("/").at(-1) ?? path, path, type_id: 1 };
}
