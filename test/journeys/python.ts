import type { Journey } from "./journey.ts";

/** Python: environments, processes, databases, tests. */
export const PYTHON: readonly Journey[] = [
  {
    name: "python: a virtual environment with a package and a command of its own",
    needs: ["python3", "bash"],
    setup: String.raw`mkdir -p greet; echo 'def hello(name): return f"hello {name}"' >greet/__init__.py
printf 'import sys\nfrom greet import hello\nprint(hello(sys.argv[1]))\n' >greet/__main__.py; printf '.venv\n__pycache__\n' >.gitignore`,
    steps: [
      "python3 -m venv --without-pip .venv && .venv/bin/python -c 'import sys; print(sys.prefix != sys.base_prefix)'",
      '. .venv/bin/activate && python -m greet you && basename "$VIRTUAL_ENV"',
      'site=$(.venv/bin/python -c \'import site; print(site.getsitepackages()[0])\') && pwd >"$site/here.pth" && cd /tmp && "$OLDPWD/.venv/bin/python" -m greet later; cd - >/dev/null',
      'printf \'#!%s/.venv/bin/python\\nfrom greet import hello; print(hello("script"))\\n\' "$PWD" >.venv/bin/greet && chmod +x .venv/bin/greet && .venv/bin/greet',
      "git status --short; rm -rf .venv",
    ],
  },
  {
    name: "python: multiprocessing by fork, spawn and forkserver",
    needs: ["python3", "bash"],
    setup: String.raw`cat >jobs.py <<'X'
import multiprocessing as mp, sys
def square(n): return n * n
def put(queue, lock, value, n):
    with lock: value.value += n
    queue.put(n)
if __name__ == "__main__":
    context = mp.get_context(sys.argv[1])
    with context.Pool(3) as pool: print(sum(pool.map(square, range(200))))
    queue, lock, value = context.Queue(), context.Lock(), context.Value("i", 0)
    many = [context.Process(target=put, args=(queue, lock, value, n)) for n in range(5)]
    [p.start() for p in many]; got = sorted(queue.get() for _ in many); [p.join() for p in many]
    print(got, value.value, [p.exitcode for p in many])
X`,
    steps: ["python3 jobs.py fork", "python3 jobs.py spawn", "python3 jobs.py forkserver"],
  },
  {
    name: "python: a manager, shared memory, executors",
    needs: ["python3", "bash"],
    setup: String.raw`cat >manager.py <<'X'
from multiprocessing import Manager, Process
def work(d, l, n): d[n] = n * n; l.append(n)
if __name__ == "__main__":
    with Manager() as manager:
        d, l = manager.dict(), manager.list()
        ps = [Process(target=work, args=(d, l, n)) for n in range(4)]
        [p.start() for p in ps]; [p.join() for p in ps]
        print(dict(sorted(d.items())), sorted(l))
X
cat >shm.py <<'X'
from multiprocessing import shared_memory, Process
def fill(name):
    block = shared_memory.SharedMemory(name); block.buf[:5] = b"hello"; block.close()
if __name__ == "__main__":
    block = shared_memory.SharedMemory(create=True, size=1 << 20)
    p = Process(target=fill, args=(block.name,)); p.start(); p.join()
    print(bytes(block.buf[:5])); block.close(); block.unlink()
X
cat >pool.py <<'X'
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
def f(n): return n ** 3
if __name__ == "__main__":
    for kind in ProcessPoolExecutor, ThreadPoolExecutor:
        with kind(4) as pool: print(kind.__name__, sum(pool.map(f, range(100))))
X`,
    steps: ["python3 manager.py", "python3 shm.py; ls /dev/shm | wc -l", "python3 pool.py"],
  },
  {
    name: "python: sqlite in the checkout, two processes, a journal that is written ahead",
    needs: ["python3", "bash"],
    steps: [
      String.raw`python3 -c 'import sqlite3; c = sqlite3.connect("app.db"); print(c.execute("pragma journal_mode=wal").fetchone()); c.execute("create table t(a integer primary key, b text)"); c.executemany("insert into t(b) values (?)", [(str(n),) for n in range(1000)]); c.commit(); c.close()'; ls`,
      String.raw`for i in 1 2 3 4; do python3 -c 'import sqlite3; c = sqlite3.connect("app.db", timeout=20); [(c.execute("insert into t(b) values (?)", ("x",)), c.commit()) for n in range(25)]' & done; wait; python3 -c 'import sqlite3; print(sqlite3.connect("app.db").execute("select count(*), max(a) from t").fetchone())'`,
      String.raw`python3 -c 'import sqlite3; c = sqlite3.connect("app.db"); print(c.execute("pragma integrity_check").fetchone(), c.execute("vacuum").fetchall()); print("\n".join(list(c.iterdump())[:3]))'`,
      "git add app.db && git commit -qm 'Add data' && rm app.db && git checkout -q app.db && python3 -c 'import sqlite3; print(sqlite3.connect(\"app.db\").execute(\"select count(*) from t\").fetchone())'; rm -f app.db*",
    ],
  },
  {
    name: "python: unittest finds a failure, the fix passes",
    needs: ["python3", "bash"],
    setup: String.raw`mkdir tests; touch tests/__init__.py; printf 'def mean(xs):\n    return sum(xs) // len(xs)\n' >stats.py; echo __pycache__ >.gitignore
printf 'import unittest\nfrom stats import mean\nclass T(unittest.TestCase):\n    def test_whole(self): self.assertEqual(mean([1, 3]), 2)\n    def test_half(self): self.assertEqual(mean([1, 2]), 1.5)\n    def test_empty(self):\n        with self.assertRaises(ZeroDivisionError): mean([])\n' >tests/test_stats.py`,
    steps: [
      "python3 -m unittest -v 2>&1 | sed 's/ in [0-9.]*s//'; exit ${PIPESTATUS[0]}",
      "sed -i 's_//_/_' stats.py && python3 -m unittest 2>&1 | sed 's/ in [0-9.]*s//'; exit ${PIPESTATUS[0]}",
      "python3 -m compileall -q . && find . -name '*.pyc' | wc -l; python3 -m doctest stats.py; git diff --stat",
    ],
  },
  {
    name: "python: asyncio with subprocesses, sockets and signals",
    needs: ["python3", "bash"],
    setup: String.raw`cat >main.py <<'X'
import asyncio, os, signal
async def main():
    p = await asyncio.create_subprocess_exec("sh", "-c", "cat; exit 3", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    out, _ = await p.communicate(b"through a pipe")
    print(out.decode(), p.returncode)
    async def serve(reader, writer): writer.write((await reader.readline()).upper()); writer.close()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"loud\n"); print((await reader.read()).decode().strip()); server.close()
    unix = await asyncio.start_unix_server(serve, "/tmp/py.sock")
    reader, writer = await asyncio.open_unix_connection("/tmp/py.sock")
    writer.write(b"unix\n"); print((await reader.read()).decode().strip()); unix.close()
    got = asyncio.Event(); asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, got.set)
    os.kill(os.getpid(), signal.SIGUSR1); await asyncio.wait_for(got.wait(), 5); print("signal")
asyncio.run(main())
X`,
    steps: [
      "python3 main.py",
      "python3 -c 'import signal, os; signal.alarm(1); os.read(0, 1); signal.pause()'; echo $?",
      "python3 -c 'import os, sys; sys.exit(os.WEXITSTATUS(os.system(\"exit 9\")))'",
    ],
  },
  {
    name: "python: a web server in the checkout, asked and stopped later",
    needs: ["python3", "bash"],
    setup: "echo '<h1>hi</h1>' >index.html; mkdir docs; echo text >docs/a.txt",
    steps: [
      "python3 -m http.server 8765 --bind 127.0.0.1 >/tmp/http.txt 2>&1 & echo $! >/tmp/http.pid; until python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 8765))' 2>/dev/null; do sleep 0.05; done",
      "python3 -c 'import urllib.request as u; r = u.urlopen(\"http://localhost:8765/\"); print(r.status, r.read())'",
      "echo changed >docs/a.txt; python3 -c 'import urllib.request as u; print(u.urlopen(\"http://127.0.0.1:8765/docs/a.txt\").read())'; grep -c GET /tmp/http.txt",
      { kill: "bg1", pattern: "http[.]server 8765" },
      "python3 -c 'import urllib.request as u; u.urlopen(\"http://localhost:8765/\")' 2>&1 | tail -1",
    ],
  },
  {
    name: "python: time zones, locales and names in other scripts",
    needs: ["python3", "bash"],
    steps: [
      "for z in UTC Asia/Tokyo America/St_Johns; do TZ=$z date -d @1700000000 '+%F %T %z'; done",
      'TZ=Europe/Berlin python3 -c \'import time; print(time.tzname, time.strftime("%H:%M", time.localtime(1700000000)))\'; python3 -c \'from zoneinfo import ZoneInfo; from datetime import datetime as d; print(d(2026, 3, 29, 3, 30, tzinfo=ZoneInfo("Europe/Paris")).astimezone(ZoneInfo("Australia/Sydney")))\'',
      String.raw`python3 -c 'import os; [open(n, "w").write(n) for n in ("наука.txt", "日本.txt", "é.txt", "e\u0301.txt", "🦊.txt")]; print(len(os.listdir(".")))'; ls *.txt | LC_ALL=C sort; locale 2>/dev/null | head -1`,
      "git add -A && git -c core.quotepath=true status --short && git commit -qm names && rm -- *.txt && git checkout -q -- . && ls | wc -l",
    ],
  },
  {
    name: "python: temporary files and archives used two calls later",
    needs: ["python3", "bash"],
    setup: "mkdir pkg; for i in 1 2 3; do echo $i >pkg/$i.txt; done",
    steps: [
      String.raw`python3 -c 'import shutil, tempfile; d = tempfile.mkdtemp(dir="/tmp"); open("/tmp/where", "w").write(d); print(shutil.make_archive(d + "/pkg", "zip", "pkg")[-8:])'`,
      "echo between; ls pkg",
      String.raw`python3 -c 'import shutil; d = open("/tmp/where").read(); shutil.unpack_archive(d + "/pkg.zip", "out"); shutil.move("pkg", "moved"); shutil.copytree("moved", "pkg2"); shutil.rmtree("moved")'; find out pkg2 -type f | sort; ls`,
      "python3 -m zipfile -l $(cat /tmp/where)/pkg.zip | awk '{print $1, $4}' && python3 -m tarfile -c /tmp/x.tar.gz out && tar tzf /tmp/x.tar.gz | sort; git status --short",
    ],
  },
];
