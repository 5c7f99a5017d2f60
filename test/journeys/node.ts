import type { Journey } from "./journey.ts";

const copyModules = (...names: readonly string[]) =>
  `mkdir -p node_modules; for n in ${names.join(" ")}; do mkdir -p "node_modules/$(dirname $n)"; cp -a "$MODULES/$n" "node_modules/$n"; done; echo node_modules >.gitignore\n`;

const MODULES_OF = {
  esbuild: copyModules("esbuild", `@esbuild/linux-${process.arch}`),
  typescript: copyModules("typescript", `@typescript/typescript-linux-${process.arch}`),
  biome: copyModules("@biomejs/biome", `@biomejs/cli-linux-${process.arch}`),
};

/** Node, its test runner, compilers, bundlers and linters. */
export const NODE: readonly Journey[] = [
  {
    name: "node: a failing test is mended and passes",
    needs: ["node", "bash"],
    setup: String.raw`echo '{"type":"module","scripts":{"test":"node --test"}}' >package.json
echo 'export const add = (a, b) => a - b;' >add.js
printf 'import assert from "node:assert/strict"; import { test } from "node:test"; import { add } from "./add.js";\ntest("adds", () => assert.equal(add(2, 3), 5));\ntest("adds nothing", () => assert.equal(add(2, 0), 2));\n' >add.test.js`,
    steps: [
      "node --test --test-reporter=tap >/tmp/out.txt; s=$?; grep -E '^(not )?ok|^# (pass|fail)' /tmp/out.txt; exit $s",
      "sed -i 's/a - b/a + b/' add.js && git diff --stat",
      "node --test --test-reporter=tap | grep -E '^(not )?ok|^# (pass|fail)'",
      "git commit -qam 'Mend add' && git log --format=%s && git status --short",
    ],
  },
  {
    name: "node: a server started in one call answers the next",
    needs: ["node", "bash"],
    setup: String.raw`printf 'const http = require("http"); let n = 0;\nhttp.createServer((q, s) => { n++; if (q.url === "/stop") { s.end("bye"); setTimeout(() => process.exit(0), 10); } else s.end(n + " " + q.method + " " + q.url); }).listen(8080, "127.0.0.1", () => console.log("listening"));\n' >server.cjs
printf 'fetch("http://localhost:8080" + process.argv[2], { method: process.argv[3] || "GET" }).then(r => r.text()).then(console.log, e => { console.log(e.cause.code); process.exit(3); });\n' >ask.cjs`,
    steps: [
      "node server.cjs >/tmp/server.txt 2>&1 & until grep -q listening /tmp/server.txt 2>/dev/null; do sleep 0.05; done; cat /tmp/server.txt",
      "node ask.cjs /one",
      "node ask.cjs /two POST && node ask.cjs /three",
      "node ask.cjs /stop; while (exec 3<>/dev/tcp/127.0.0.1/8080) 2>/dev/null; do sleep 0.05; done",
      "node ask.cjs /gone",
    ],
  },
  {
    name: "node: a file watcher sees what later calls write",
    needs: ["node", "bash"],
    setup: String.raw`mkdir src; echo one >src/a.txt
printf 'const fs = require("fs");\nfs.watch("src", (t, f) => fs.appendFileSync("/tmp/seen.txt", t + " " + f + "\\n"));\nfs.writeFileSync("/tmp/ready.txt", "");setTimeout(() => process.exit(), 60000);\n' >watch.cjs`,
    steps: [
      "node watch.cjs & until [ -e /tmp/ready.txt ]; do sleep 0.05; done; echo started",
      "echo two >>src/a.txt; echo new >src/b.txt; mv src/b.txt src/c.txt",
      "until grep -q c.txt /tmp/seen.txt; do sleep 0.05; done; sort -u /tmp/seen.txt",
      "rm src/c.txt src/a.txt; until grep -q 'rename a.txt' /tmp/seen.txt; do sleep 0.05; done; sort -u /tmp/seen.txt; ls src",
    ],
  },
  {
    name: "node: --watch runs a program again after each change",
    needs: ["node", "bash"],
    setup: "echo 'console.log(\"run\", require(\"./value.cjs\"))' >main.cjs; echo 'module.exports = 1' >value.cjs",
    steps: [
      "node --watch main.cjs >/tmp/watch.txt 2>&1 & until grep -q 'run 1' /tmp/watch.txt 2>/dev/null; do sleep 0.05; done; grep run.[0-9] /tmp/watch.txt",
      // The file may be changed before it is watched: then it is written again.
      "until grep -q 'run 2' /tmp/watch.txt; do echo 'module.exports = 2' >value.cjs; for i in $(seq 100); do grep -q 'run 2' /tmp/watch.txt && break; sleep 0.05; done; done; grep run.[0-9] /tmp/watch.txt | sort -u",
      "cat value.cjs; git diff --stat",
    ],
  },
  {
    name: "node: workers, clusters, forked children and their messages",
    needs: ["node", "bash"],
    setup: String.raw`cat >worker.mjs <<'X'
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";
if (isMainThread) {
  const shared = new SharedArrayBuffer(4);
  await Promise.all(Array.from({ length: 4 }, () => new Promise((done) => new Worker(new URL(import.meta.url), { workerData: shared }).on("exit", done))));
  console.log(new Int32Array(shared)[0]);
} else { const view = new Int32Array(workerData); for (let i = 0; i < 1000; i++) Atomics.add(view, 0, 1); parentPort.close(); }
X
cat >cluster.cjs <<'X'
const cluster = require("cluster"), http = require("http");
if (cluster.isPrimary) {
  let up = 0;
  for (let i = 0; i < 2; i++) cluster.fork();
  cluster.on("listening", async () => { if (++up === 2) { const t = await (await fetch("http://127.0.0.1:8123/")).text(); console.log(t); for (const w of Object.values(cluster.workers)) w.kill(); } });
  cluster.on("exit", (w, code, signal) => console.log("worker", signal));
} else http.createServer((q, s) => s.end("from a worker")).listen(8123, "127.0.0.1");
X
cat >fork.cjs <<'X'
const { fork, execFileSync } = require("child_process");
if (process.argv[2]) process.on("message", (m) => { process.send(m * 2); process.disconnect(); });
else { const c = fork(__filename, ["child"]); c.send(21); c.on("message", (m) => console.log(m, execFileSync("echo", ["sync"]).toString().trim())); c.on("exit", (s) => console.log("exit", s)); }
X`,
    steps: ["node worker.mjs", "node cluster.cjs", "node fork.cjs"],
  },
  {
    name: "node: file calls, streams and big files",
    needs: ["node", "bash"],
    setup:
      "mkdir -p data/deep/er; for i in 1 2 3; do echo $i >data/deep/$i.txt; done; ln -s deep/1.txt data/link; chmod 755 data/deep/2.txt",
    steps: [
      String.raw`node -e 'const fs=require("fs");fs.cpSync("data","copy",{recursive:true});fs.renameSync("copy/deep","copy/moved");fs.symlinkSync("moved","copy/way");console.log(fs.readdirSync("copy",{recursive:true}).sort().join(" "),fs.readlinkSync("data/link"))'`,
      String.raw`node -e 'const fs=require("fs"),{pipeline}=require("stream/promises"),z=require("zlib");(async()=>{const w=fs.createWriteStream("big.bin");for(let i=0;i<64;i++)w.write(Buffer.alloc(1<<20,i));w.end();await new Promise(r=>w.on("close",r));await pipeline(fs.createReadStream("big.bin"),z.createGzip(),fs.createWriteStream("big.gz"));await pipeline(fs.createReadStream("big.gz"),z.createGunzip(),fs.createWriteStream("back.bin"));console.log(fs.statSync("back.bin").size)})()'`,
      "cmp big.bin back.bin && rm big.bin big.gz back.bin && gzip --version | head -1",
      String.raw`node -e 'const fs=require("fs");const d=fs.mkdtempSync("/tmp/x-");fs.writeFileSync(d+"/f","1",{mode:0o640});fs.renameSync("data/deep/3.txt","data/three.txt");fs.linkSync("data/three.txt","data/hard.txt");fs.truncateSync("data/deep/1.txt",1);fs.rmSync("data/deep/2.txt");console.log((fs.statSync(d+"/f").mode&0o777).toString(8),fs.statSync("data/hard.txt").nlink)'`,
    ],
  },
  {
    name: "npm: scripts with hooks, a workspace linked offline, a package packed and installed",
    needs: ["node", "npm", "bash"],
    setup: String.raw`mkdir -p packages/one packages/two
echo '{"name":"root","private":true,"workspaces":["packages/*"],"scripts":{"prebuild":"echo before","build":"echo $npm_lifecycle_event","postbuild":"echo after","fail":"exit 7"}}' >package.json
echo '{"name":"one","version":"1.0.0","main":"index.js"}' >packages/one/package.json; echo 'module.exports = () => "one";' >packages/one/index.js
echo '{"name":"two","version":"1.0.0","main":"index.js","dependencies":{"one":"^1.0.0"}}' >packages/two/package.json; echo 'module.exports = () => require("one")() + " two";' >packages/two/index.js
echo node_modules >.gitignore`,
    steps: [
      "npm install --offline --no-audit --no-fund --silent && ls -l node_modules | grep -o '[a-z]* -> .*'",
      "node -p 'require(\"two\")()'",
      "npm run build --silent; npm run fail --silent",
      "cd packages/one && npm pack --silent && tar tzf one-1.0.0.tgz | sort",
      'pwd | grep -o packages/one; mkdir -p /tmp/user && cd /tmp/user && echo \'{"name":"user"}\' >package.json && npm install --offline --no-audit --no-fund --silent "$OLDPWD/one-1.0.0.tgz" && node -p \'require("one")()\'',
      "rm -rf /tmp/user; git -C ~- status --short",
    ],
  },
  {
    name: "typescript: an error, its fix, an incremental build of two projects",
    needs: ["node", "bash"],
    setup: `${MODULES_OF.typescript}${String.raw`mkdir -p core app
echo '{"compilerOptions":{"composite":true,"outDir":"../dist/core","rootDir":".","module":"nodenext","target":"es2022","types":[]},"include":["*.ts"]}' >core/tsconfig.json
echo '{"compilerOptions":{"composite":true,"outDir":"../dist/app","rootDir":".","module":"nodenext","target":"es2022","types":[]},"include":["*.ts"],"references":[{"path":"../core"}]}' >app/tsconfig.json
echo '{"type":"module"}' >package.json; printf 'node_modules\ndist\n' >.gitignore
echo 'export function double(n: number): number { return n * 2; }' >core/index.ts
echo 'import { double } from "../core/index.js"; export const four: number = double("2");' >app/index.ts`}`,
    steps: [
      "node_modules/.bin/tsc --version 2>/dev/null || node node_modules/typescript/bin/tsc --version",
      "node node_modules/typescript/bin/tsc -b app --pretty false",
      "sed -i 's/\"2\"/2/' app/index.ts && node node_modules/typescript/bin/tsc -b app --pretty false && find dist -name '*.js' | sort",
      "node -e 'import(\"./dist/app/index.js\").then((m) => console.log(m.four))'",
      "node node_modules/typescript/bin/tsc -b app --dry --verbose --pretty false | grep -c 'up to date'; git status --short; rm -rf dist",
    ],
  },
  {
    name: "esbuild: bundles, fails clearly, and builds again on its own",
    needs: ["node", "bash"],
    setup: `${MODULES_OF.esbuild}${String.raw`mkdir src; echo 'import { greet } from "./greet"; console.log(greet("you"));' >src/main.ts
echo 'export const greet = (name: string): string => "hello " + name;' >src/greet.ts; printf 'node_modules\ndist\n' >.gitignore`}`,
    steps: [
      "node_modules/esbuild/bin/esbuild src/main.ts --bundle --minify --sourcemap --outfile=dist/main.js --log-level=warning && node dist/main.js && ls dist",
      "echo 'import \"./absent\";' >src/bad.ts; node_modules/esbuild/bin/esbuild src/bad.ts --bundle --outfile=dist/bad.js --color=false 2>&1 | grep -A4 'ERROR'; rm src/bad.ts",
      "node_modules/esbuild/bin/esbuild src/main.ts --bundle --outfile=dist/watched.js --watch=forever --log-level=warning >/tmp/esbuild.txt 2>&1 & until grep -q '^})' dist/watched.js 2>/dev/null; do sleep 0.05; done; node dist/watched.js",
      "sed -i 's/hello/goodbye/' src/greet.ts; until grep -q goodbye dist/watched.js && grep -q '^})' dist/watched.js; do sleep 0.05; done; node dist/watched.js",
      'node -e \'require("esbuild").transform("let a: number = 1", { loader: "ts" }).then((r) => console.log(r.code))\'; rm -rf dist',
    ],
  },
  {
    name: "biome: finds, formats, fixes",
    needs: ["node", "bash"],
    setup: `${MODULES_OF.biome}${String.raw`printf 'var  a = 1\nif (a == 1) { console.log( "x" ) }\n' >a.js; echo '{"formatter":{"indentStyle":"space"},"vcs":{"enabled":false}}' >biome.json`}`,
    steps: [
      "node node_modules/@biomejs/biome/bin/biome lint --colors=off --reporter=github a.js | sort; exit ${PIPESTATUS[0]}",
      "node node_modules/@biomejs/biome/bin/biome format --colors=off --write a.js | sed 's/in .*s\\./in T./'; cat a.js",
      "node node_modules/@biomejs/biome/bin/biome check --colors=off --write --unsafe a.js >/dev/null 2>&1; echo $?; cat a.js; git diff --stat",
    ],
  },
];
