import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { secretKind } from "../core/secretfiles.ts";
import { inBox, type Stage } from "./box.fixture.ts";
import { quote } from "./commands.ts";
import { scanTests } from "./mask.ts";

const SECRET = "swordfish-7a1f";

/** Names that secretKind knows, at least one for each of its patterns. */
const SECRET_NAMES = [
  ".env",
  ".env.local",
  "app/.env.production",
  "prod.env",
  ".ENV",
  ".flaskenv",
  ".dev.vars",
  ".npmrc",
  "npmrc",
  ".netrc",
  "_netrc",
  "tls/server.pem",
  "server.key",
  "a.p12",
  "a.pfx",
  "a.p8",
  "a.pk8",
  "a.jks",
  "a.keystore",
  "a.ppk",
  "a.kdb",
  "a.kdbx",
  "a.ovpn",
  "a.bks",
  "a.jceks",
  "a.pvk",
  "a.agekey",
  "id_rsa",
  "id_ed25519",
  "id_ecdsa.bak",
  "secring.gpg",
  "master.key",
  "age.key",
  "identity",
  ".ssh/deploy",
  ".pypirc",
  ".git-credentials",
  ".htpasswd",
  ".pgpass",
  ".my.cnf",
  ".mylogin.cnf",
  ".boto",
  ".s3cfg",
  ".dockercfg",
  ".docker/config.json",
  ".vault-token",
  ".vault_pass",
  ".terraformrc",
  "terraform.rc",
  "credentials.tfrc.json",
  ".sentryclirc",
  ".kube/config",
  "kubeconfig",
  ".cargo/credentials",
  ".cargo/credentials.toml",
  ".gem/credentials",
  ".bundle/config",
  ".config/gh/hosts.yml",
  ".aws/credentials",
  ".aws/config",
  ".azure/tokens.json",
  ".config/gcloud/access_tokens.db",
  ".config/gcloud/legacy/adc.json",
  ".streamlit/secrets.toml",
  ".m2/settings.xml",
  ".m2/settings-security.xml",
  ".gradle/gradle.properties",
  "rclone.conf",
  ".rclone.conf",
  "local.settings.json",
  "auth.json",
  "credentials",
  "credentials.json",
  "my-credentials.yaml",
  "secret.json",
  "db.secrets.yaml",
  "my-service-account.json",
  "x-firebase-adminsdk-1.json",
  "client_secret_1.json",
  "gcp-key.json",
  "application_default_credentials.json",
  "a.tfvars",
  "a.tfvars.json",
  "a.auto.tfvars",
  "terraform.tfstate",
  "terraform.tfstate.backup",
  "prod.kubeconfig",
  "a.secret",
  "a.secrets",
];
const PLAIN_NAMES = [
  "README.md",
  "src/main.ts",
  ".env.example",
  "server.pem.pub",
  "package.json",
  ".git/hooks/pre-commit",
];

test("the scan finds every file whose name says that it holds a secret", () => {
  const folder = mkdtempSync(join(tmpdir(), "ringfence-mask-"));
  for (const name of [...SECRET_NAMES, ...PLAIN_NAMES]) place(folder, name, "x");
  assert.deepEqual(
    SECRET_NAMES.filter((name) => secretKind(name) === null),
    [],
  );
  const found = execFileSync("/usr/bin/find", [folder, ...scanTests([])], { encoding: "utf8" }).split("\0");
  const names = new Set(found.map((path) => path.slice(folder.length + 1)));
  assert.deepEqual(
    SECRET_NAMES.filter((name) => !names.has(name)),
    [],
  );
  rmSync(folder, { recursive: true });
});

test("no secret of the checkout can be read in the box, and what else the files say stays", async () => {
  await inBox(
    ({ checkout }) => {
      for (const name of SECRET_NAMES) place(checkout, name, `TOKEN=${SECRET}\n`);
      place(checkout, "README.md", "hello\n");
      place(checkout, ".git/config", `[remote "origin"]\n\turl = https://ada:${SECRET}@localhost/x.git\n`);
      place(checkout, "odd \n'name.pem", SECRET);
      // Many empty lines keep nobody waiting.
      place(checkout, "sub/.git/config", "\n".repeat(1 << 20));
    },
    async (run, box) => {
      assert.deepEqual(
        SECRET_NAMES.filter((name) => !box.masked.includes(name)),
        [],
      );
      assert.equal(await run(`grep -rsaF ${SECRET} . | head -c 300`), "(no output)");
      assert.match(await run("cat .env"), /^TOKEN=/);
      assert.match(await run("cat .git/config"), /https:\/\/localhost\/x\.git/);
      assert.equal(await run("cat README.md"), "hello");
    },
  );
});

test("a remote's password is masked in a git folder of any name", async () => {
  const url = `[remote "origin"]\n\turl = https://ada:${SECRET}@localhost/x.git\n`;
  await inBox(
    ({ checkout }) => {
      place(checkout, "data/config", url);
      place(checkout, "data/modules/lib/config", url);
      place(checkout, "mirror.git/config.worktree", url);
      place(checkout, "docs/config", `see https://ada:${SECRET.length}@localhost\n`);
      symlinkSync("data", join(checkout, ".git"));
    },
    async (run, box) => {
      assert.deepEqual(box.masked.toSorted(), ["data/config", "data/modules/lib/config", "mirror.git/config.worktree"]);
      assert.equal(await run(`grep -rsaF ${SECRET} . | head -c 300`), "(no output)");
      assert.match(await run("cat .git/config docs/config"), /https:\/\/localhost\/x\.git[\s\S]*ada:\d+@localhost/);
    },
  );
});

test("a masked file stays masked when it is renamed, copied, linked or deleted, or its folder is", async () => {
  await inBox(
    ({ checkout }) => {
      place(checkout, ".env", `TOKEN=${SECRET}\n`);
      place(checkout, "app/.env", `TOKEN=${SECRET}\n`);
      symlinkSync(".env", join(checkout, "shown.txt"));
    },
    async (run) => {
      await run(
        "cp .env a; ln .env b; mv .env c; rm -f app/.env; cp -r app app2; mv app2 app3; cp --reflink=auto shown.txt d",
      );
      assert.equal(await run(`grep -rsaF ${SECRET} .; ls -a app`), ".\n..");
    },
  );
});

test("a folder that the person deletes is gone from the view, and a secret in it stays hidden when they make it anew", async () => {
  const fill = (stage: Stage) => {
    mkdirSync(join(stage.checkout, "web"));
    writeFileSync(join(stage.checkout, "web/package.json"), "{}");
  };
  await inBox(fill, async (run, box, { checkout }) => {
    rmSync(join(checkout, "web"), { recursive: true });
    await box.remount();
    assert.equal(await run("ls -A"), "(no output)");
    mkdirSync(join(checkout, "web"));
    writeFileSync(join(checkout, "web/.env"), "KEY=canary\n");
    writeFileSync(join(checkout, "web/a"), "a\n");
    await box.remount();
    assert.equal(await run("cat web/.env 2>/dev/null; ls -A web"), "a");
  });
});

test("a secret file that the person makes during the session stays hidden, in upper folders and beside every dotenv file", async () => {
  const odd = "odd\n'\u001b";
  const late = [
    ".env",
    ".env.local",
    ".npmrc",
    ".netrc",
    "app/.env.production",
    "bare/.env",
    "bare/within/.env.local",
    `${odd}/.env`,
  ];
  await inBox(
    ({ checkout }) => {
      place(checkout, "app/.env", "A=1\n");
      place(checkout, "bare/within/x.ts", "1\n");
      place(checkout, `${odd}/x.ts`, "1\n");
    },
    async (run, _box, { checkout }) => {
      assert.equal(await run("ls -A app"), ".env");
      for (const name of late) place(checkout, name, `TOKEN=${SECRET}\n`);
      assert.equal(await run(`grep -rsaF ${SECRET} .; cat ${late.map(quote).join(" ")} 2>/dev/null`), `exit status 1`);
      assert.equal(await run(`ls -A app bare; ls -A ${quote(odd)}`), "app:\n.env\n\nbare:\nwithin\nx.ts");
    },
  );
});

test("a masked file keeps its mode, and a link in its place shows nothing from outside", async () => {
  await inBox(
    ({ checkout, home }) => {
      place(checkout, "server.key", SECRET, 0o640);
      place(home, "outside", SECRET);
      symlinkSync(join(home, "outside"), join(checkout, "auth.json"));
    },
    async (run, box) => {
      assert.deepEqual(box.masked, ["server.key"]);
      assert.equal(await run("stat -c %a server.key; cat auth.json 2>/dev/null || echo absent"), "640\nabsent");
    },
  );
});

function place(folder: string, name: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text, { mode });
}
