import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Writes the licence texts of all packages that the bundler took in, from the paths of its inputs. */
export function thirdParty(root, inputs) {
  const folders = [...new Set(inputs.map(packageFolder).filter((folder) => folder !== undefined))].sort();
  const parts = folders.map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
    return `## ${name} ${version} (${license})\n\n${licenceTexts(join(root, folder)) || "The package has no licence file.\n"}`;
  });
  return `# Packages contained in this one\n\n${parts.join("\n")}`;
}

function packageFolder(input) {
  return /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
}

function licenceTexts(folder) {
  return readdirSync(folder)
    .filter((file) => /^(?:licen[cs]e|copying|notice)(?:[.-]|$)/i.test(file) && existsSync(join(folder, file)))
    .map((file) => `\`\`\`text\n${readFileSync(join(folder, file), "utf8").trim()}\n\`\`\`\n`)
    .join("\n");
}
