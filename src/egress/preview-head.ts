import { answerHeaders, type Head, headerOf, type Origin, readHead } from "./head.ts";

/** The two names of a preview, each with its port, and the port in the box. */
export interface PreviewNames {
  /** Of our own page, which holds the other in a frame. */
  readonly wrapper: string;
  /** Of what the box's server answers. */
  readonly app: string;
  readonly boxPort: number;
}

/** What a browser asks of a preview. */
export type Asked =
  | { readonly what: "wrapper"; readonly path: string }
  | { readonly what: "redirect"; readonly to: string }
  | { readonly what: "app"; readonly method: string; readonly path: string; readonly headers: string[] }
  | { readonly what: "refused"; readonly status: number; readonly reason: string };

/** What the frame may do. It opens no window, leads the tab nowhere and saves no file. */
const FRAME_MAY = "allow-scripts allow-same-origin allow-forms allow-modals allow-pointer-lock";
const SHUT_FEATURES =
  "accelerometer attribution-reporting browsing-topics camera clipboard-read display-capture geolocation gyroscope hid " +
  "identity-credentials-get idle-detection join-ad-interest-group local-fonts magnetometer microphone midi payment " +
  "publickey-credentials-create publickey-credentials-get run-ad-auction screen-wake-lock serial shared-storage " +
  "storage-access usb window-management xr-spatial-tracking";

/** Headers of the box's server that would have the browser speak with others, or undo what we say ourselves. */
const DROPPED =
  /^(?:access-control-.*|alt-svc|attribution-reporting-.*|cache-control|clear-site-data|content-security-policy.*|expires|feature-policy|link|location|nel|no-vary-search|origin-trial|permissions-policy.*|pragma|referrer-policy|refresh|report-to|reporting-endpoints|service-worker-allowed|sourcemap|speculation-rules|x-dns-prefetch-control|x-frame-options|x-sourcemap)$/;

/**
 * Reads whom a request is for, and refuses what no page of the preview asks.
 *
 * Other pages of the person's browser could otherwise use it to drive the box's server, and a browser that does not say
 * where a request comes from could show the app outside the frame that holds it.
 */
export function readAsked(head: Head, names: PreviewNames, isUpgrade: boolean): Asked {
  const host = headerOf(head, "host");
  if (host !== names.wrapper && host !== names.app) return refused(421, "no preview has that name");
  const read = readHead(head, originOf(host));
  if (!read.ok) return refused(400, read.reason);
  const { method, path } = read.request;
  const site = headerOf(head, "sec-fetch-site");
  const isPlain = method === "GET" || method === "HEAD";
  if (host === names.wrapper) {
    if (!isPlain || isUpgrade) return refused(405, "this page is only looked at");
    // A link of somebody else's page must not choose what is asked of the box's server.
    return site === "cross-site" && path !== "/"
      ? refused(403, "another site leads here: type the address instead")
      : { what: "wrapper", path };
  }
  const reason = isUpgrade ? refuseUpgrade(head, names) : refuseForeign(head, site, isPlain, names);
  if (reason !== null) return refused(403, reason);
  if (!isUpgrade && headerOf(head, "sec-fetch-dest") === "document")
    return isPlain
      ? { what: "redirect", to: `http://${names.wrapper}${path}` }
      : refused(403, "a form of the preview stays in its frame");
  return { what: "app", method, path, headers: asOfTheBox(read.headers, names) };
}

// A WebSocket says its origin always, and where it comes from not in every browser.
function refuseUpgrade(head: Head, { app }: PreviewNames): string | null {
  return headerOf(head, "origin") === `http://${app}` ? null : "only the preview's own page connects";
}

function refuseForeign(head: Head, site: string | null, isPlain: boolean, { app }: PreviewNames): string | null {
  const dest = headerOf(head, "sec-fetch-dest");
  if (site === null)
    return "it does not say where it comes from: take a newer browser; with curl, add -H 'Sec-Fetch-Site: same-origin'";
  // It would answer for the server, without the policy of this preview.
  if (dest === "serviceworker" || head.rawHeaders.some((name, at) => at % 2 === 0 && /^service-worker$/i.test(name)))
    return "a preview has no service worker";
  const isOurs = site === "same-site" && dest === "iframe" && isPlain;
  if (site !== "same-origin" && site !== "none" && !isOurs) return "another site asks";
  const isNamed = head.rawHeaders.some((name, at) => at % 2 === 0 && /^origin$/i.test(name));
  if (!isNamed) return null;
  const from = headerOf(head, "origin");
  // A form says "null", since the page's policy is to say nothing of itself.
  return from === `http://${app}` || (from === "null" && site === "same-origin") ? null : "another origin asks";
}

// Servers for development answer to localhost alone, and compare it with the origin.
function asOfTheBox(headers: readonly string[], { boxPort }: PreviewNames): string[] {
  const own = `localhost:${boxPort}`;
  return headers.map((value, at) => {
    const name = at % 2 === 1 ? headers[at - 1]?.toLowerCase() : null;
    return name === "host" ? own : name === "origin" ? `http://${own}` : value;
  });
}

/** What a browser is told of the box's answer: its own headers without those that reach further; null for one that leads elsewhere. */
export function appHeaders(rawHeaders: readonly string[], path: string, names: PreviewNames): string[] | null {
  const headers = answerHeaders(rawHeaders);
  const kept: string[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const [name = "", value = ""] = [headers[at], headers[at + 1]];
    if (!DROPPED.test(name.toLowerCase())) kept.push(name, value);
    if (name.toLowerCase() !== "location") continue;
    const to = leadsTo(value, path, names);
    if (to === null) return null;
    kept.push("Location", to);
  }
  return kept;
}

function leadsTo(location: string, path: string, { app, boxPort }: PreviewNames): string | null {
  const own = `http://localhost:${boxPort}`;
  const to = URL.parse(location, `${own}${path}`);
  const isOwn =
    to && [own, `http://127.0.0.1:${boxPort}`, `http://[::1]:${boxPort}`, `http://${app}`].includes(to.origin);
  return isOwn ? `http://${app}${to.pathname}${to.search}${to.hash}` : null;
}

/** What we say ourselves with every answer of the app: the page loads from itself alone, and is shown in our frame alone. */
export function appPolicy({ app, wrapper }: PreviewNames): Readonly<Record<string, string>> {
  return {
    ...COMMON,
    // Of newer browsers: it holds what the policy below does not reach, look-ups, connections ahead of need and WebRTC.
    "Connection-Allowlist": "(response-origin);redirects=allow;webrtc=block",
    "Content-Security-Policy": policy({
      "default-src": "'self' data: blob: 'unsafe-inline' 'unsafe-eval'",
      "connect-src": `'self' ws://${app} data: blob:`,
      "worker-src": "'self' blob:",
      "form-action": "'self'",
      "base-uri": "'self'",
      "frame-ancestors": `http://${wrapper} http://${app}`,
      sandbox: FRAME_MAY,
    }),
  };
}

const STYLE = "html,body,iframe{margin:0;border:0;width:100%;height:100%;display:block}";

/**
 * Writes the page that a person opens: one frame, with the app in it.
 *
 * Where the frame may go is this page's policy, and no policy of a page says where it goes itself: so the app needs one above it.
 */
export function wrapperPage(path: string, { app, boxPort }: PreviewNames): string {
  const source = `http://${app}${path}`.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
  return (
    `<!doctype html>\n<meta charset="utf-8">\n<title>port ${boxPort} of the box</title>\n<style>${STYLE}</style>\n` +
    `<iframe src="${source}" sandbox="${FRAME_MAY}" referrerpolicy="no-referrer"></iframe>\n`
  );
}

/** What is said with that page. `digest` gives the SHA-256 of a text in base64. */
export function wrapperPolicy(
  { app }: PreviewNames,
  digest: (text: string) => string,
): Readonly<Record<string, string>> {
  return {
    ...COMMON,
    "Content-Type": "text/html; charset=utf-8",
    "Connection-Allowlist": `(response-origin "http://${app}");redirects=allow;webrtc=block`,
    "Content-Security-Policy": policy({
      "default-src": "'none'",
      "frame-src": `http://${app}`,
      "style-src": `'sha256-${digest(STYLE)}'`,
      "form-action": "'none'",
      "base-uri": "'none'",
      "frame-ancestors": "'none'",
    }),
    // Whoever opened it could lead the frame in it elsewhere.
    "Cross-Origin-Opener-Policy": "same-origin",
  };
}

const COMMON = {
  "Referrer-Policy": "no-referrer",
  "X-DNS-Prefetch-Control": "off",
  "Permissions-Policy": SHUT_FEATURES.split(" ")
    .map((feature) => `${feature}=()`)
    .join(", "),
  // From a cache the app could come without being asked for, outside the frame.
  "Cache-Control": "no-store",
} as const;

function policy(directives: Readonly<Record<string, string>>): string {
  return Object.entries(directives)
    .map(([name, value]) => `${name} ${value}`)
    .join("; ");
}

function originOf(authority: string): Origin {
  const [host = "", port] = authority.split(":");
  return { protocol: "http", host, port: Number(port) };
}

function refused(status: number, reason: string): Asked {
  return { what: "refused", status, reason };
}
