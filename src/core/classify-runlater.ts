import type { Rule } from "./classify-match.ts";
import { TOOL_RULES } from "./classify-tools.ts";

/** Files that run because a person opens, checks out, commits, installs or pushes; `classify-tools.ts` has the builds. */
const EVENT_RULES: readonly Rule[] = [
  run(
    "git data",
    "git reads it as a repository's own data and may run its hooks or configured programs at the next git command",
    {
      paths:
        ".git/ config config.worktree commondir gitdir info/attributes objects/info/alternates .gitconfig git-hooks/ githooks/",
    },
  ),
  run("git hook", "git runs it when its folder serves as a hooks folder, at the next commit, checkout, merge or push", {
    paths: `hooks/{applypatch-msg,pre-applypatch,post-applypatch,pre-commit,pre-merge-commit,prepare-commit-msg,commit-msg,post-commit}
      hooks/{pre-rebase,post-checkout,post-merge,pre-push,pre-receive,update,proc-receive,post-receive,post-update,push-to-checkout}
      hooks/{pre-auto-gc,post-rewrite,sendemail-validate,fsmonitor-watchman,post-index-change,reference-transaction}`,
  }),
  run("repository head", "git takes a folder with this file for a repository and obeys the configuration in it", {
    paths: "head",
  }),
  run("git attributes", "git chooses filters, merge and diff drivers by it, at the next checkout, diff or merge", {
    paths: ".gitattributes",
  }),
  run("submodules", "git fetches what it names, at the next submodule update", { paths: ".gitmodules" }),
  run("hook manager", "git runs it through the hook manager, at the next commit, checkout or push", {
    paths: `.husky/ .huskyrc* .githooks/ .git-hooks/ .pre-commit-config.{yaml,yml} .pre-commit-hooks.{yaml,yml} lefthook*.{yml,yaml,toml,json}
      .lefthook* .lefthook/ .lefthook-local/ .lintstagedrc* .overcommit.yml .simple-git-hooks.* commitlint.* .commitlintrc* prek.toml`,
  }),
  run("continuous integration", "the CI service runs it with the project's secrets, at the next push or pull request", {
    paths: `.github/workflows/ .github/actions/ .github/dependabot.{yml,yaml} action.yml action.yaml .gitea/ .forgejo/ .gitlab/ .gitlab-ci*.{yml,yaml}
      *.gitlab-ci.{yml,yaml} .circleci/ jenkinsfile jenkinsfile.* *.jenkinsfile azure-pipelines*.{yml,yaml} .azure-pipelines/ azure-pipelines/
      .azuredevops/ .travis.{yml,yaml} .drone.{yml,yaml,jsonnet,star} .buildkite/ buildkite.{yml,yaml} .woodpecker/ .woodpecker*.{yml,yaml}
      bitbucket-pipelines.{yml,yaml} .appveyor.yml appveyor.{yml,yaml} .tekton/ tekton/ .cirrus.{yml,yaml,star} .semaphore/ .teamcity/
      codefresh.{yml,yaml} .codefresh/ wercker.yml buildspec*.{yml,yaml} cloudbuild*.{yml,yaml,json} .concourse/ .harness/ .builds/ .build.yml
      .sourcehut/ .hydra.json renovate.json renovate.json5 .renovaterc* .mergify.yml codecov.yml .codecov.yml dependabot.{yml,yaml} codeowners`,
  }),
  run("editor configuration", "the editor reads it, and may run its tasks or programs, when this folder is opened", {
    paths: `.vscode/ .vs/ .idea/ .devcontainer/ .devcontainer.json devcontainer.json .zed/ .fleet/ .nova/ *.code-workspace *.sublime-project
      *.sublime-workspace *.sublime-build *.iml *.ipr *.iws .vimrc _vimrc .exrc _exrc .nvimrc .nvim.lua .lvimrc .local.vimrc .gvimrc
      .dir-locals.el .dir-locals-2.el .projectile .emacs .emacs.d/ .kakrc .helix/ .gitpod.yml .gitpod.dockerfile .replit replit.nix nbproject/ .project
      .classpath .settings/ *.launch *.xcworkspace/ *.xcodeproj/ project.pbxproj *.workspace *.playground/ launch.json tasks.json`,
  }),
  run("shell startup", "a shell or a program of the terminal reads and runs it at its start", {
    paths: `.bashrc .bash_profile .bash_login .bash_logout .bash_aliases .bash_completion .profile .zshrc .zshenv .zprofile .zlogin .zlogout
      .kshrc .cshrc .tcshrc .login .logout .inputrc .fishrc config.fish fish_plugins .envrc .direnvrc .direnv/ .autoenv .autoenv.zsh .env.zsh
      .tmux.conf .screenrc .gdbinit .lldbinit gdbinit .pythonrc .pythonstartup .irbrc .pryrc .rprofile rprofile.site .renviron .octaverc
      .sqliterc .psqlrc .curlrc .wgetrc .netrc .ssh/ *profile.ps1 .xinitrc .xprofile .xsession .wezterm.lua`,
  }),
  run("environment", "tools and the program load it at every start; a masked copy of it never lands", {
    paths: ".env .env.* *.env .env/ .flaskenv .dev.vars* .env* env.local",
    staysWhenIgnored: true,
  }),
  run("tool versions", "a version manager downloads and runs what it names, when a shell enters this folder", {
    paths: `.nvmrc .node-version .python-version .ruby-version .ruby-gemset .rvmrc .java-version .go-version .php-version .terraform-version
      .swift-version .tool-versions .asdfrc .sdkmanrc mise.toml mise.*.toml .mise* .mise/ mise/config.toml .prototools rust-toolchain
      rust-toolchain.toml global.json .jvmrc .fvmrc .fvm/ .xcode-version .zigversion volta.json proto.toml devbox.json devenv.nix devenv.yaml
      flake.lock pixi.toml pixi.lock runtime.txt .bazelversion .bazeliskrc`,
  }),
  run("program", "it is compiled code: whatever starts or loads it runs it, and no diff can show what it does", {
    paths: `*.{exe,com,scr,msi,msix,dll,sys,so,dylib,node,pyd,pyc,pyo,class,jar,war,whl,egg,gem,vsix,crx,xpi,app,deb,rpm,apk,appimage,dmg,pkg,wasm}
      *.so.* *.app/ *.framework/ *.xpc/ __pycache__/`,
    staysWhenIgnored: true,
  }),
  run(
    "opened by a click",
    "the desktop or the command line of Windows runs it when it is opened, or when its name is typed in this folder",
    {
      paths: `*.{desktop,service,timer,socket,plist,command,tool,workflow,lnk,url,webloc,inetloc,fileloc,bat,cmd,hta,vbs,vbe,jse,wsf,wsh,reg,scf,pif,cpl,msc,application,settingcontent-ms}
      autorun.inf desktop.ini autorun autorun.sh autoexec.bat .directory folder.jpg.lnk`,
    },
  ),
  run("short name", "Windows may read it as a short name of another file, such as .git", {
    paths: "*~{0,1,2,3,4,5,6,7,8,9} *~{0,1,2,3,4,5,6,7,8,9}/ *~{0,1,2,3,4,5,6,7,8,9}.*",
  }),
];

export const RUN_LATER_RULES: readonly Rule[] = [...EVENT_RULES, ...TOOL_RULES];

function run(name: string, runs: string, rest: Pick<Rule, "paths" | "staysWhenIgnored">): Rule {
  return { name, cls: "run-later", runs, ...rest };
}
