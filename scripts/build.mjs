// Builds what is published: dist/pkg, and dist/ringfence-VERSION.tgz out of it. `npm run build`
//
// All code and every file that lies beside code in src/ lands flat in dist/pkg/dist/, so `new URL("./NAME",
// import.meta.url)` finds the file in the checkout and in the package alike.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { thirdParty } from "./notices.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const pkg = join(root, "dist/pkg");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const COPIED = ["bin", "examples", "README.md", "LICENSE", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs"];
/** Bundled CommonJS packages call require for Node's own modules; an ES module has none. */
const BANNER = `import { createRequire as $createRequire } from "node:module"; const require = $createRequire(import.meta.url);`;

rmSync(join(root, "dist"), { recursive: true, force: true });
mkdirSync(join(pkg, "dist"), { recursive: true });
const sources = readdirSync(join(root, "src"), { recursive: true }).filter((file) =>
  statSync(join(root, "src", file)).isFile(),
);
const metafile = await bundle();
copyAssets();
writeFileSync(join(pkg, "dist/build.sha256"), `${digestOfBuild()}\n`);
for (const name of COPIED)
  if (existsSync(join(root, name))) cpSync(join(root, name), join(pkg, name), { recursive: true });
const hasTypes = emitTypes();
writeFileSync(join(pkg, "THIRD_PARTY.md"), thirdParty(root, Object.keys(metafile.inputs)));
writeFileSync(join(pkg, "package.json"), `${JSON.stringify(published(), null, 2)}\n`);
pack();

async function bundle() {
  const entries = ["main.ts", "lib.ts", ...sources.filter((file) => file.endsWith(".worker.ts"))];
  const result = await build({
    absWorkingDir: root,
    entryPoints: entries.map((file) => ({ in: join(root, "src", file), out: basename(file, ".ts") })),
    outdir: join(pkg, "dist"),
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    chunkNames: "[name]-[hash]",
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: "external",
    external: Object.keys(manifest.dependencies),
    banner: { js: BANNER },
    metafile: true,
    logLevel: "warning",
  });
  return result.metafile;
}

/** Copies what is no code: a helper in another language, a page, a grammar. */
function copyAssets() {
  const taken = new Set();
  for (const file of sources.filter((source) => !/\.[cm]?[jt]sx?$/.test(source))) {
    const name = basename(file);
    if (taken.has(name)) throw new Error(`two files in src/ are called ${name}; in the package they would be one`);
    taken.add(name);
    cpSync(join(root, "src", file), join(pkg, "dist", name));
  }
}

/** Digests the code and what lies beside it, by which the record of a session names the program. */
function digestOfBuild() {
  const hash = createHash("sha256");
  for (const name of readdirSync(join(pkg, "dist")).sort())
    hash.update(`${name}\0`).update(
      createHash("sha256")
        .update(readFileSync(join(pkg, "dist", name)))
        .digest(),
    );
  return hash.digest("hex");
}

/** Writes the declarations of the library entry and of what it reaches. */
function emitTypes() {
  const tsc = join(root, "node_modules/.bin/tsc");
  const flags = "--ignoreConfig --declaration --emitDeclarationOnly --rewriteRelativeImportExtensions --strict";
  const more =
    "--target es2024 --lib es2024,esnext.disposable --module nodenext --types node --skipLibCheck --exactOptionalPropertyTypes";
  const args = [
    ...flags.split(" "),
    ...more.split(" "),
    "--rootDir",
    "src",
    "--outDir",
    join(pkg, "types"),
    "src/lib.ts",
  ];
  run(tsc, args, root);
  return existsSync(join(pkg, "types/lib.d.ts"));
}

function published() {
  const { name, version, description, license, type, engines, dependencies, repository, keywords } = manifest;
  const types = hasTypes ? { types: "./types/lib.d.ts" } : {};
  const bin = { ringfence: "bin/ringfence.js" };
  const exports = { ".": { ...types, default: "./dist/lib.js" }, "./package.json": "./package.json" };
  return { name, version, description, license, repository, keywords, type, engines, bin, exports, dependencies };
}

function pack() {
  const output = run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", join(root, "dist")], pkg);
  const [report] = JSON.parse(output);
  const kilobytes = (bytes) => `${Math.round(bytes / 1024)} kB`;
  const files = readdirSync(join(pkg, "dist")).filter((file) => file.endsWith(".js"));
  const main = statSync(join(pkg, "dist/main.js")).size;
  process.stdout.write(
    `dist/${report.filename}: ${kilobytes(report.size)} packed, ${kilobytes(report.unpackedSize)} unpacked, ` +
      `${report.entryCount} files; main.js ${kilobytes(main)}, ${files.length} code files\n`,
  );
}

function run(program, args, cwd) {
  const result = spawnSync(program, args, { cwd, encoding: "utf8", timeout: 120_000 });
  if (result.status === 0) return result.stdout;
  throw new Error(
    `${basename(program)} failed: ${result.stdout ?? ""}${result.stderr ?? ""}${result.error?.message ?? ""}`,
  );
}
