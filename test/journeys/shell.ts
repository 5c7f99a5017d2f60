import type { Journey } from "./journey.ts";

/** The shell, its processes, files and signals. */
export const SHELL: readonly Journey[] = [
  {
    name: "shell: the working folder is kept, variables and umask are not",
    needs: ["bash"],
    setup: "mkdir -p a/b 'with space'",
    steps: [
      "cd a/b; X=1; export Y=2; umask 077; touch private; stat -c %a private",
      'basename "$PWD"; echo "[$X$Y]"; umask; touch open; stat -c %a open',
      "cd ../..; cd 'with space'; touch here; false",
      'basename "$PWD"; cd -P ..; ls -d with*; cd a; (cd b; pwd | grep -o \'a/b$\'); basename "$PWD"',
      "rmdir ../a/nothing 2>/dev/null; cd b && rm -rf ../b; pwd | grep -o 'a/b$'",
      "cd ~ && pwd | grep -c home; cd /usr/bin; ls bash",
      "pwd; cd /nonexistent; pwd",
    ],
  },
  {
    name: "shell: signals, traps and exit statuses",
    needs: ["bash"],
    steps: [
      "trap 'echo got term' TERM; kill -TERM $$; trap 'echo leaving' EXIT; (exit 4); echo $?",
      "bash -c 'kill -9 $$'; echo $?; bash -c 'trap \"echo int; exit 9\" INT; kill -INT $$; sleep 1'; echo $?; bash -c 'kill -SEGV $$' 2>/dev/null; echo $?",
      "sleep 30 & p=$!; kill -0 $p && kill $p; wait $p; echo $?; kill -0 $p 2>/dev/null || echo gone",
      "timeout 0.2 sleep 10; echo $?; timeout -s KILL 0.2 sleep 10; echo $?; set -e; false; echo never",
      "set -o pipefail; false | true; echo $?; yes | head -1; exit 300",
      "(trap '' TERM; touch /tmp/deaf; exec sleep 0.4) & until [ -e /tmp/deaf ]; do sleep 0.02; done; kill $!; wait $!; echo $?; exec bash -c 'exit 42'",
      "nonexistent-program; echo $?; ./nonexistent; echo $?; touch plain; ./plain; echo $?; kill -TERM $$; echo after",
    ],
  },
  {
    name: "shell: jobs that end late, and files in /tmp used two calls later",
    needs: ["bash"],
    steps: [
      "(until [ -e /tmp/go ]; do sleep 0.05; done; echo late >/tmp/late.txt; echo also >late-in-checkout.txt) & echo now >/tmp/early.txt; ls /tmp/late.txt 2>&1",
      "cat /tmp/early.txt; nohup bash -c 'until [ -e /tmp/go ]; do sleep 0.05; done; echo hup >/tmp/hup.txt' >/dev/null 2>&1 & disown",
      "touch /tmp/go; until [ -s late-in-checkout.txt ] && [ -s /tmp/hup.txt ]; do sleep 0.05; done; cat /tmp/late.txt /tmp/early.txt /tmp/hup.txt; ls",
      "mkdir -p /tmp/x/y && echo deep >/tmp/x/y/z; setsid -f bash -c 'sleep 0.3; date +%Y >/tmp/year.txt'",
      "until [ -s /tmp/year.txt ]; do sleep 0.05; done; cat /tmp/x/y/z; test -s /tmp/year.txt && rm -r /tmp/x && ls /tmp/x 2>&1; ls /var/tmp >/dev/null && echo ok",
    ],
  },
  {
    name: "shell: a daemon that leaves its shell, found and ended later",
    needs: ["bash", "python3"],
    setup: String.raw`cat >daemon.py <<'X'
import os, sys, time
if os.fork(): sys.exit(0)
os.setsid()
if os.fork(): os._exit(0)
os.chdir("/"); null = os.open("/dev/null", os.O_RDWR); [os.dup2(null, n) for n in (0, 1, 2)]
open("/tmp/daemon.pid", "w").write(str(os.getpid()))
for n in range(6000):
    open("/tmp/daemon.new", "w").write(str(n)); os.rename("/tmp/daemon.new", "/tmp/daemon.beat"); time.sleep(0.05)
X`,
    steps: [
      "python3 daemon.py; echo returned $?; until [ -s /tmp/daemon.beat ]; do sleep 0.02; done",
      'a=$(cat /tmp/daemon.beat); until [ "$(cat /tmp/daemon.beat)" -gt "$a" ]; do sleep 0.05; done; echo beating',
      { kill: "bg1", pattern: "daemon[.]py" },
      'a=$(cat /tmp/daemon.beat); sleep 0.3; [ "$a" = "$(cat /tmp/daemon.beat)" ] && echo silent',
    ],
  },
  {
    name: "shell: pseudo terminals",
    needs: ["bash", "script", "python3"],
    steps: [
      "tty; [ -t 1 ] || echo 'no terminal'; script -qec 'tty | grep -c /dev/pts; [ -t 0 ] && [ -t 1 ] && echo terminal' /dev/null",
      "script -qec 'stty rows 40 cols 100; stty size; exit 6' /dev/null; echo $?",
      String.raw`python3 -c 'import os, pty; m = []; s = pty.spawn(["sh", "-c", "echo inner; exit 3"], lambda fd: os.read(fd, 100)); print(os.waitstatus_to_exitcode(s))'`,
      String.raw`python3 -c 'import os, pty
pid, fd = pty.fork()
if pid == 0: os.execvp("cat", ["cat"])
os.write(fd, b"typed\n"); out = b""
while out.count(b"typed\r\n") < 2: out += os.read(fd, 100)
os.write(fd, b"\x04"); print(out, os.waitpid(pid, 0)[1])'`,
      "script -qc 'echo logged' typescript >/dev/null; grep -c '^logged' typescript; rm typescript; printf 'col\\033[31mor\\033[0m\\rover\\n'",
    ],
  },
  {
    name: "shell: input is empty, here-documents and pipes give more",
    needs: ["bash", "python3", "node"],
    steps: [
      'cat; read x; echo "$? [$x]"; python3 -c \'import sys; print(repr(sys.stdin.read()))\'; node -e \'process.stdin.on("data", console.log).on("end", () => console.log("end"))\'',
      "cat <<X\nhere $((1 + 1))\nX\nwc -w <<<'one two three'; diff <(seq 3) <(seq 4); paste -sd+ <(seq 5) | tee /tmp/tee.txt | bash -c 'echo $(($(cat)))'; cat /tmp/tee.txt",
      "mkfifo /tmp/fifo pipe; (cat /tmp/fifo >/tmp/from-fifo.txt) & echo through >/tmp/fifo; wait; cat /tmp/from-fifo.txt; cat pipe & echo in the checkout >pipe; wait; rm pipe",
      "mkfifo /tmp/later; (tr a-z A-Z </tmp/later >/tmp/loud.txt) & echo reader waits",
      "echo hello >/tmp/later; until [ -s /tmp/loud.txt ]; do sleep 0.05; done; cat /tmp/loud.txt; exec 3>/tmp/three; echo x >&3; exec 3>&-; cat /tmp/three; echo err >&2; echo out >/dev/stdout; echo e2 >/dev/stderr; ls -l /dev/fd/ >/dev/null && echo fds",
      "seq 1 5 | while read n; do echo -n \"$n \"; done; printf 'no newline'; printf 'a\\0b' | tr '\\0' '-'; xargs -n1 -P4 -I{} sh -c 'echo {}' < <(seq 4) | sort | tr '\\n' ' '",
    ],
  },
  {
    name: "shell: big and binary output",
    needs: ["bash"],
    steps: [
      "seq 1 300000 | md5sum; seq 1 200000",
      "head -c 3000000 /dev/zero | tr '\\0' x | fold -w 120 | tail -3 | cut -c 1-20",
      "printf '\\001\\002\\377\\376 caf\\303\\251\\n' | od -An -tx1; printf 'bell\\a\\b back\\tslash\\n'",
      "for i in $(seq 2000); do echo out $i; echo err $i >&2; done; exit 5",
      "head -c 200000 /dev/urandom >r.bin; stat -c %s r.bin; gzip -k r.bin && gunzip -c r.bin.gz | cmp - r.bin && rm r.bin r.bin.gz",
    ],
  },
  {
    name: "shell: files of every kind, modes, times and links",
    needs: ["bash", "python3"],
    setup:
      "mkdir d; echo x >d/f; echo y >g; chmod 755 g; ln -s g s; ln -s /etc/hostname out; ln -s nowhere dangling; touch -d 2020-01-02 old",
    steps: [
      "stat -c '%n %F %a' * | sort; date -r old +%F; readlink s out dangling; cat s",
      "chmod 600 g; chmod -R a-w d; stat -c '%n %a' g d d/f; echo more >>d/f; echo $?; rm -f d/f; echo $?; chmod u+w d d/f; rm d/f",
      "ln g hard; stat -c %h g; ln -s loop loop; cat loop; touch -d '2001-02-03 04:05:06' g; stat -c %y hard | cut -c 1-19; rm hard loop; mv g moved; ln -sfn moved s; cat s",
      "truncate -s 100M sparse; stat -c %s sparse; rm sparse; mkdir -m 700 p; cp -a old p/; date -r p/old +%F; install -m 640 /dev/null i; stat -c %a i; umask 027; mkdir u; touch u/f; stat -c '%a' u u/f",
      "mkdir -p x/y/z; rmdir -p x/y/z; mv -n d p/d; mv p q; ls q; tar cf - q | tar xf - -C /tmp; ls /tmp/q; rsync --version >/dev/null 2>&1; chmod 000 i; cat i; chmod 644 i",
      String.raw`python3 -c 'import os; os.mkdir("made"); open("made/a", "w").close(); os.rename("made", "renamed"); os.rename("renamed/a", "b"); os.removedirs("renamed"); print(sorted(os.listdir(".")))'; rm -rf ./* && ls -A | grep -v '^.git$'`,
    ],
  },
  {
    name: "shell: find, sed, awk, sort, patch, tar over a small tree",
    needs: ["bash", "perl"],
    setup:
      "mkdir -p src/{a,b,c}; for d in a b c; do for i in 1 2 3; do printf 'old %s\\nkeep %s\\n' $d$i $i >src/$d/$i.txt; done; done",
    steps: [
      "find src -name '*.txt' -exec sed -i 's/^old/new/' {} + && grep -rc new src | sort && git diff --stat | tail -1",
      "git diff >/tmp/c.patch; git checkout -q .; patch -p1 </tmp/c.patch | sort && awk '/new/ { n++ } END { print n }' src/*/*.txt",
      "perl -pi -e 's/keep (\\d)/$1 * 2/e' src/*/*.txt && cat src/b/*.txt && find src -newer .gitignore -type f 2>&1 | head -1",
      "tar czf /tmp/src.tgz src && rm -rf src && tar xzf /tmp/src.tgz && find src -type f | sort | xargs md5sum | md5sum && find src -type f -print0 | xargs -0 -P3 -n2 wc -l | awk '/total/ { t += $1 } END { print t }'",
      "sort -t' ' -k2,2r src/a/*.txt | uniq -c | awk '{print $1, $2, $3}'; comm -12 <(sort src/a/1.txt) <(sort src/a/1.txt) | wc -l; split -l 1 src/a/1.txt /tmp/part- && ls /tmp/part-*",
    ],
  },
  {
    name: "shell: locks, limits, devices and what a process sees of itself",
    needs: ["bash", "flock"],
    steps: [
      "(flock 9; touch /tmp/locked; until [ -e /tmp/go ]; do sleep 0.05; done; echo first >>order.txt) 9>lock & until [ -e /tmp/locked ]; do sleep 0.02; done; flock -n lock true; echo $?",
      "(sleep 0.3; touch /tmp/go) & flock lock sh -c 'echo second >>order.txt'; cat order.txt; rm lock order.txt",
      "echo x >/dev/null; head -c 4 /dev/zero | od -An -tx1; head -c 8 /dev/urandom | wc -c; echo full >/dev/full; echo /dev/shm/x >/dev/shm/x && cat /dev/shm/x && rm /dev/shm/x; [ -e /dev/tty ] && echo tty",
      "readlink /proc/self/cwd | grep -o 'repo$'; tr '\\0' ' ' </proc/self/cmdline; echo; grep -c processor /proc/cpuinfo | grep -c '^[1-9]'; nproc | grep -c '^[1-9]'; id -u; ps -o comm= -p $$; ls /proc/$$/fd >/dev/null && echo fds",
      "(ulimit -n 64; ulimit -n); (ulimit -v 500000; ulimit -v); (ulimit -t 1; timeout 50 bash -c 'while :; do :; done'; echo $?); (ulimit -f 1; head -c 5000 /dev/zero >f; echo $?); rm -f f",
      "test -r /etc/hosts && grep -c localhost /etc/hosts | grep -c '[1-9]'; getent hosts localhost | awk '{print $2}' | head -1; echo $HOME | grep -o 'home$'; echo $TERM $LANG $SHELL; mktemp | cut -d. -f1",
    ],
  },
];
