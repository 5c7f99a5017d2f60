import type { Journey } from "./journey.ts";

/** Servers, terminals and browsers that live on between calls. */
export const SERVICES: readonly Journey[] = [
  {
    name: "redis: started as a daemon, used by later calls, shut down",
    needs: ["redis-server", "redis-cli", "bash"],
    steps: [
      "redis-server --port 6390 --unixsocket /tmp/redis.sock --save '' --dir /tmp --daemonize yes --pidfile /tmp/redis.pid --logfile /tmp/redis.log >/dev/null; until redis-cli -p 6390 ping >/dev/null 2>&1; do sleep 0.05; done; redis-cli -p 6390 ping",
      "redis-cli -p 6390 set key value; redis-cli -s /tmp/redis.sock get key; seq 100 | sed 's/.*/incr n/' | redis-cli -p 6390 | tail -1",
      'redis-cli -p 6390 eval \'return redis.call("get", "n") * 2\' 0; redis-cli -p 6390 lpush list a b c; redis-cli -p 6390 lrange list 0 -1',
      "redis-cli -p 6390 shutdown nosave; while redis-cli -p 6390 ping >/dev/null 2>&1; do sleep 0.05; done; redis-cli -p 6390 ping",
    ],
  },
  {
    name: "tmux: a session is started, typed into and read",
    needs: ["tmux", "bash"],
    steps: [
      "tmux -f /dev/null new-session -d -s work -x 80 -y 20 'env PS1=\"> \" bash --norc --noprofile' && tmux list-sessions -F '#S'",
      "tmux send-keys -t work 'echo $((6 * 7)) >/tmp/answer; echo seen' Enter; until [ -s /tmp/answer ]; do sleep 0.05; done; cat /tmp/answer",
      "until tmux capture-pane -p -t work | grep -q '^seen'; do sleep 0.05; done; tmux capture-pane -p -t work | grep -c '^seen'; tmux split-window -t work -d 'sleep 60'; tmux list-panes -t work | wc -l",
      "tmux send-keys -t work 'touch from-tmux' Enter; until [ -e from-tmux ]; do sleep 0.05; done; ls; tmux kill-server; while tmux list-sessions >/dev/null 2>&1; do sleep 0.05; done; echo gone",
    ],
  },
  {
    name: "inotifywait: watches a tree while later calls change it",
    needs: ["inotifywait", "bash"],
    setup: "mkdir -p src/sub; echo 1 >src/a; echo 2 >src/sub/b",
    steps: [
      "inotifywait -m -r -e close_write,create,delete,moved_to --format '%e %w%f' src >/tmp/events.txt 2>/tmp/ready.txt & until grep -q established /tmp/ready.txt 2>/dev/null; do sleep 0.05; done; echo watching",
      "echo new >src/c; echo more >>src/sub/b; mv src/c src/d; rm src/d",
      "until grep -q 'DELETE src/d' /tmp/events.txt; do sleep 0.05; done; grep -v ISDIR /tmp/events.txt | sort -u",
      "mkdir src/newdir; until grep -q newdir/f /tmp/events.txt; do echo x >src/newdir/f; sleep 0.1; done; grep -c newdir/f /tmp/events.txt | grep -c '[1-9]'; git status --short",
      { kill: "bg1", pattern: "inotify[w]ait" },
      "mkdir src/late; sleep 0.2; grep -c late /tmp/events.txt",
    ],
  },
  {
    name: "curl: uploads to and downloads from a local server",
    needs: ["curl", "python3", "bash"],
    setup: String.raw`cat >server.py <<'X'
import hashlib, http.server
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self): self.send_response(200 if self.path == "/big" else 404); self.end_headers(); self.path == "/big" and self.wfile.write(b"x" * 5_000_000)
    def do_POST(self): b = self.rfile.read(int(self.headers["content-length"])); self.send_response(201); self.end_headers(); self.wfile.write(hashlib.md5(b).hexdigest().encode())
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer(("127.0.0.1", 9090), H).serve_forever()
X`,
    steps: [
      "python3 server.py & until curl -so /dev/null http://localhost:9090/; do sleep 0.05; done; echo up",
      "curl -s http://127.0.0.1:9090/big -o big.txt && stat -c %s big.txt; curl -s -o /dev/null -w '%{http_code}\\n' http://localhost:9090/none; curl -sf http://localhost:9090/none; echo $?",
      "head -c 1000000 /dev/zero >up.bin; curl -s --data-binary @up.bin http://localhost:9090/up; echo; md5sum <up.bin | cut -d' ' -f1; seq 4 | xargs -P4 -I{} curl -s -d {} http://localhost:9090/ -o /tmp/r{}; cat /tmp/r1",
      { kill: "bg1", pattern: "server[.]py" },
      "rm big.txt up.bin; curl -s http://localhost:9090/; echo $?",
    ],
  },
  {
    name: "sqlite3: a database made and asked by its own program",
    needs: ["sqlite3", "bash"],
    steps: [
      "sqlite3 shop.db 'create table item(name text, price real); insert into item values (\"pen\", 1.5), (\"book\", 12);' && sqlite3 -header shop.db 'select name, price from item order by 1'",
      "printf 'cup,3.25\\nlamp,40\\n' >more.csv && sqlite3 shop.db '.mode csv' '.import more.csv item' 'select count(*), sum(price) from item'",
      "sqlite3 shop.db .dump | sqlite3 copy.db && sqlite3 copy.db 'pragma integrity_check; select max(price) from item'; sqlite3 shop.db 'select nope'; echo $?; rm shop.db copy.db",
    ],
  },
  {
    name: "chromium: takes a picture of a page on localhost",
    needs: ["chromium", "python3", "bash"],
    setup:
      'echo \'<!doctype html><title>t</title><body style="margin:0;background:#0a0"><h1 id=x></h1><script>document.getElementById("x").textContent = 6 * 7</script>\' >index.html',
    steps: [
      "python3 -m http.server 8099 --bind 127.0.0.1 >/dev/null 2>&1 & until python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 8099))' 2>/dev/null; do sleep 0.05; done; echo up",
      "timeout 50 chromium --headless --no-sandbox --disable-gpu --no-first-run --user-data-dir=/tmp/profile --window-size=320,240 --screenshot=/tmp/shot.png http://localhost:8099/ >/tmp/chromium.txt 2>&1; echo $?",
      String.raw`python3 -c 'import struct; b = open("/tmp/shot.png", "rb").read(); print(b[1:4], struct.unpack(">II", b[16:24]))'`,
      "timeout 50 chromium --headless --no-sandbox --disable-gpu --no-first-run --user-data-dir=/tmp/profile --dump-dom http://localhost:8099/ 2>/dev/null | grep -o '<h1.*</h1>'",
      { kill: "bg1", pattern: "http[.]server 8099" },
    ],
  },
];
