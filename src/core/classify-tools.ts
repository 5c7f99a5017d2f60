import type { Rule } from "./classify-match.ts";

/** The name of the one rule that looks at content: a change of descriptive fields alone is source. */
export const MANIFEST = "package manifest";

/** Files that run at the next install, build, test, format or deployment. */
export const TOOL_RULES: readonly Rule[] = [
  run("Node package", "npm and its kin run or install what it names, at the next install, script, publish or require", {
    paths: `package.json5 package.yaml package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml pnpm-workspace.yaml .npmrc npmrc
      .yarnrc* .yarn/ .pnp.* .pnpmfile.* pnpmfile.* .pnpm-store/ bun.lock bun.lockb bunfig.toml deno.{json,jsonc,lock} import_map.json jsr.json lerna.json
      nx.json project.json turbo.{json,jsonc} rush.json common/config/ .bowerrc bower.json .node-gyp/ binding.gyp *.gyp *.gypi .ncurc*`,
  }),
  run(MANIFEST, "npm and its kin run or install what it names, at the next install, script, publish or require", {
    paths: "package.json",
  }),
  run(
    "dependency code",
    "it is a dependency's code and runs whenever the project does; a lockfile does not vouch for it here",
    {
      paths: `node_modules/ .venv/ venv/ vendor/bundle/ site-packages/ dist-packages/ __pypackages__/ bower_components/ jspm_packages/ web_modules/
      pods/ carthage/ .bundle/ .gradle/ .m2/ .tox/ .nox/ .eggs/ *.egg-info/ *.dist-info/ elm-stuff/ .stack-work/ .dart_tool/ .pub-cache/`,
      staysWhenIgnored: true,
    },
  ),
  run(
    "JavaScript tool configuration",
    "the tool of this name runs or obeys it, at the next build, test, lint or format",
    {
      paths: `*.config.* *.conf.{js,cjs,mjs,ts,mts,cts,json} *.config .eslintrc* .babelrc* babelrc.* .prettierrc* .mocharc* .swcrc .postcssrc* .stylelintrc* .browserslistrc
      .terserrc* .parcelrc .huskyrc* .nycrc* .c8rc* .taprc .jestrc* .jshintrc .jscsrc .xo-config* .remarkrc* .markdownlint* .textlintrc* .releaserc*
      .release-it.* .changeset/ .changelogrc* .czrc .cz.* .versionrc* .size-limit* .storybook/ .ladle/ .nuxtrc .npmpackagejsonlintrc* .sassdocrc .svgrrc*
      .graphqlrc* .graphqlconfig* codegen.{yml,yaml} .watchmanconfig .linguirc .lighthouserc* .percy.* .testcaferc* .wdio* .electron* .esmrc .tsbuildinfo
      {jest,vitest,vite,karma,playwright,cypress,webpack,webpackfile,rollup,metro,knip,craco,pm2,ecosystem,stryker,lint-staged}.*{js,ts,json} setuptests.*
      {jest,vitest,test,mocha}{-,.,_}{setup,teardown,environment}.{js,cjs,mjs,ts,mts,cts} global-{setup,teardown}.* globalsetup.* globalteardown.*
      tsconfig*.json tsconfig.*.json jsconfig*.json tslint.json biome.{json,jsonc} rome.json dprint.{json,jsonc} oxlint*.json .oxlintrc* .oxfmtrc*
      angular.json .angular-cli.json ember-cli-build.js gulpfile.* gruntfile.* gulpfile.*/ brocfile.* fly.js jakefile jakefile.* plopfile.* nodemon.json
      .nodemonrc* electron-builder.* knexfile.* ormconfig.* mocha.opts app.json eas.json lint-staged.{yml,yaml} .knip.*
      wrangler.{toml,json,jsonc} *.babelrc .flowconfig .bundlewatch* .strykerrc* api-extractor.json typedoc.json next-env.d.ts`,
    },
  ),
  run(
    "Python project",
    "Python, pip, a build back end or a test runner runs or obeys it, at the next start, install or test",
    {
      paths: `setup.py setup.cfg pyproject.toml tox.ini noxfile.py pytest.ini .pytest.ini conftest.py sitecustomize.py usercustomize.py *.pth *.egg-link requirements*.txt
      requirements*.in *requirements.txt *-requirements*.txt requirements/*.txt constraints*.txt constraints/*.txt pipfile pipfile.lock poetry.lock poetry.toml uv.lock uv.toml pdm.lock pdm.toml
      pylock*.toml environment.{yml,yaml} environment-*.{yml,yaml} conda*.{yml,yaml} meta.yaml conda-lock.yml manifest.in versioneer.py tasks.py fabfile.py dodo.py pavement.py
      .pylintrc pylintrc .flake8 .coveragerc mypy.ini .mypy.ini .pyre_configuration pyrightconfig.json ruff.toml .ruff.toml .isort.cfg .style.yapf .bandit
      pyvenv.cfg .pdbrc pip.conf pip.ini .pip/ .condarc .pypirc hatch.toml buildout.cfg _custom_build.py hubconf.py ipython_config.py jupyter_*_config.* .ipython/ gunicorn.conf.py {docs,doc,source}/conf.py
      /{pip,pytest,_pytest,venv,virtualenv,ensurepip,unittest,pdb,tox,nox,mypy,ruff,black,flake8,pylint,coverage}{.py,/__init__.py,/__main__.py}`,
    },
  ),
  run("make and build systems", "the build tool runs it at the next build", {
    paths: `makefile makefile.* gnumakefile kbuild snakefile bsdmakefile *.mk *.mak justfile .justfile *.just taskfile taskfile*.{yml,yaml,dist.yml,dist.yaml} magefile.go magefiles/
      cmakelists.txt *.cmake cmakepresets.json cmakeuserpresets.json meson.build meson_options.txt meson.options sconstruct sconscript wscript *.ninja xmake.lua
      premake*.lua build build.bazel workspace workspace.bazel workspace.bzlmod *.bzl module.bazel module.bazel.lock *.bazelrc .bazelrc bazelrc buck targets .buckconfig .buckconfig.*
      .buckroot pants.toml pants*.toml .pants.* configure configure.ac configure.in *.am *.m4 autogen.sh bootstrap bootstrap.sh config.guess config.sub ltmain.sh install-sh
      earthfile dagger.json cue.mod/ tupfile* *.tup *.do jamfile jamroot *.jam *.gn *.gni .gn build.sh build.zig build.zig.zon conanfile.* vcpkg*.json nob.c nob.h
      *.pri *.pro *.vcxproj* *.vcproj *.sln *.slnx *.slnf *.csproj *.fsproj *.vbproj *.props *.targets *.proj *.rsp *.ruleset nuget.config packages.config packages.lock.json
      directory.packages.props *.nuspec paket.* .paket/ global.json omnisharp.json .config/dotnet-tools.json dotnet-tools.json *.cake *.fsx *.csx`,
  }),
  run("Rust and Go", "cargo or go runs or fetches what it names, at the next build or test", {
    paths: `cargo.toml cargo.lock build.rs .cargo/ clippy.toml .clippy.toml rustfmt.toml .rustfmt.toml cross.toml deny.toml go.mod go.sum go.work go.work.sum go.env
      vendor/modules.txt .golangci.* .goreleaser.* gopkg.* glide.* .air.toml tools.go`,
  }),
  run("JVM project", "Gradle, Maven, sbt or Ant runs it at the next build, or when an editor imports the folder", {
    paths: `*.gradle *.gradle.kts gradle.properties gradle.lockfile *.lockfile gradlew gradlew.bat gradle/ buildsrc/ build-logic/ *.versions.toml init.gradle local.properties
      pom.xml *.pom mvnw mvnw.cmd .mvn/ settings.xml build.xml ivy.xml build.sbt *.sbt project/*.{scala,sbt,properties} .sbtopts .jvmopts .sbt/ build.sc build.mill .mill* .scalafmt.conf .scalafix.conf
      project.clj deps.edn bb.edn shadow-cljs.edn build.boot .lein/ build.kts *.main.kts lombok.config .sdkmanrc`,
  }),
  run("Ruby and PHP", "bundler, rake or composer runs it at the next install, task or test", {
    paths: `gemfile gemfile.* *.gemfile gems.rb gems.locked *.gemspec rakefile rakefile.* *.rake capfile guardfile dangerfile dangerfile.* fastfile appfile matchfile fastlane/ podfile podfile.lock
      *.podspec *.podspec.json cartfile cartfile.* mintfile brewfile brewfile.* thorfile .rspec .rspec-local spec_helper.rb rails_helper.rb test_helper.rb .rubocop* .simplecov .irbrc config.ru puma.rb .solargraph.yml .standard.yml
      composer.json composer.lock phpunit.xml* phpstan.* phpcs.* .php-cs-fixer* .php_cs* psalm.xml* rector.php deptrac.* captainhook.json grumphp.yml php.ini .user.ini .htaccess auto_prepend* artisan`,
  }),
  run(
    "other package managers",
    "the package manager of its language fetches or runs what it names, at the next build",
    {
      paths: `mix.exs mix.lock .formatter.exs .iex.exs .credo.exs rebar.config rebar.lock rebar.config.script erlang.mk gleam.toml manifest.toml pubspec.yaml pubspec.lock pubspec_overrides.yaml
      analysis_options.yaml build.yaml dart_test.yaml melos.yaml package.swift package@swift*.swift package.resolved .swiftpm/ .swiftlint.yml *.xcconfig *.entitlements elm.json dune dune-project dune-workspace *.opam opam opam.locked esy.json
      .ocamlinit .ocamlformat stack.yaml stack.yaml.lock *.cabal cabal.project* setup.hs setup.lhs package.yaml hie.yaml .ghci spago.* packages.dhall rescript.json bsconfig.json *.nimble nimble.lock *.nims shard.yml shard.lock
      *.rockspec .luarocks/ .luacheckrc .busted project.toml manifest*.toml deps/build.jl renv.lock renv/ .lintr description cpanfile cpanfile.snapshot makefile.pl build.pl dist.ini .perltidyrc .perlcriticrc .proverc dub.json dub.sdl v.mod fpm.toml alire.toml foundry.toml truffle.js truffle-config.* remappings.txt
      *.nix flake.lock default.nix .guix* guix.scm manifest.scm channels.scm pkgbuild *.ebuild *.spec debian/ snapcraft.yaml portfile.cmake`,
    },
  ),
  run("containers and deployment", "the tool of this name builds, starts or deploys what it says, at the next run", {
    paths: `dockerfile dockerfile* *.dockerfile containerfile* *.containerfile docker-compose*.{yml,yaml} compose*.{yml,yaml} docker-bake.* .docker/ vagrantfile procfile procfile.* tiltfile *.star tilt_config.json
      skaffold*.{yml,yaml} devspace.yaml okteto.yml garden.yml *.garden.yml draft.toml helmfile* chart.yaml chart.lock kustomization.{yml,yaml} *.tf *.tf.json *.tfvars *.tofu .terraform* .terraform/ *.hcl terragrunt.* pulumi*.{yml,yaml} cdk.json cdktf.json
      serverless.{yml,yaml,json,js,ts} samconfig.* template.{yml,yaml} ansible.cfg playbook*.{yml,yaml} galaxy.yml *.pkr.hcl *.nomad vercel.json now.json netlify.toml netlify/ firebase.json .firebaserc
      fly.toml render.yaml railway.{toml,json} heroku.yml app.yaml app.yml nixpacks.toml static.json project.toml captain-definition deploy.sh config/deploy.yml .kamal/ .ebextensions/ .platform/ .platform.app.yaml apprunner.yaml
      crontab *.crontab cron.d/ supervisord.conf nginx.conf systemd/ launchagents/ launchdaemons/ .config/ *.kubeconfig`,
  }),
];

function run(name: string, runs: string, rest: Pick<Rule, "paths" | "staysWhenIgnored">): Rule {
  return { name, cls: "run-later", runs, ...rest };
}
