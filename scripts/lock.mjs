// Checks that package-lock.json installs everywhere, names no host, and brings only what was agreed.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const LICENCES = new Set(
  "MIT ISC Apache-2.0 BSD-2-Clause BSD-3-Clause 0BSD BlueOak-1.0.0 CC0-1.0 Python-2.0 Unlicense".split(" "),
);
/** .npmrc keeps every install script from running; these packages have one and work without it. */
const SCRIPTS_IGNORED = new Set(["esbuild"]);
const NPMRC_LINES = ["ignore-scripts=true", "save-exact=true", "omit-lockfile-registry-resolved=true"];

const root = process.argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url)));
const read = (path) => readFileSync(join(root, path), "utf8");
const manifest = JSON.parse(read("package.json"));
const packages = JSON.parse(read("package-lock.json")).packages;
const npmrc = existsSync(join(root, ".npmrc"))
  ? read(".npmrc")
      .split("\n")
      .map((line) => line.trim())
  : [];

const problems = [
  ...["dependencies", "devDependencies", "optionalDependencies"].flatMap(unpinned),
  ...Object.entries(packages).flatMap(([path, entry]) => [
    ...absentOptional(path, entry),
    ...(path === "" ? [] : [...unwelcome(path, entry), ...badLicence(path, entry)]),
  ]),
  ...NPMRC_LINES.filter((line) => !npmrc.includes(line)).map((line) => `.npmrc: add the line ${line}`),
];
for (const problem of problems) process.stdout.write(`${problem}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;

function unpinned(field) {
  return Object.entries(manifest[field] ?? {})
    .filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))
    .map(([name, version]) => `package.json: ${field}.${name} is "${version}"; name one exact version`);
}

/** A newer npm can write a lock that lacks platform packages; npm ci of an older one then refuses it. */
function absentOptional(path, entry) {
  return Object.keys(entry.optionalDependencies ?? {})
    .filter((name) => !placesFor(path, name).some((place) => Object.hasOwn(packages, place)))
    .map((name) => `package-lock.json: ${path || "the project"} names ${name}, which the lock lacks`);
}

function placesFor(path, name) {
  const places = [];
  for (let at = path; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
    places.push(`${at}/node_modules/${name}`);
  }
  return [...places, `node_modules/${name}`];
}

function unwelcome(path, entry) {
  const name = nameOf(path);
  return [
    ...(entry.hasInstallScript && !SCRIPTS_IGNORED.has(name) ? [`${name}: has an install script`] : []),
    ...(entry.resolved ? [`package-lock.json: ${path} has "resolved"; the lock names no host`] : []),
  ];
}

/** What the package itself says counts; a package of another platform is not here and has only the lock's word. */
function badLicence(path, entry) {
  const own = join(root, path, "package.json");
  const licence = (existsSync(own) ? JSON.parse(readFileSync(own, "utf8")).license : undefined) ?? entry.license;
  return isAllowed(licence) ? [] : [`${nameOf(path)}: licence ${JSON.stringify(licence)} is not on the list`];
}

function isAllowed(licence) {
  if (typeof licence !== "string") return false;
  return licence
    .replace(/[()]/g, "")
    .split(/\s+OR\s+/)
    .some((choice) => choice.split(/\s+AND\s+/).every((part) => LICENCES.has(part)));
}

function nameOf(path) {
  return path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
}
