import assert from "node:assert/strict";
import { test } from "node:test";
import { refusedPorts } from "./refused-ports.ts";

test("the words by which programs say that nobody answered on the loopback are known", () => {
  const said = [
    "Error: connect ECONNREFUSED 127.0.0.1:5001",
    "curl: (7) Failed to connect to localhost port 5002 after 0 ms: Couldn't connect to server",
    'psql: error: connection to server at "127.0.0.1", port 5003 failed: Connection refused',
    "Could not connect to Redis at 127.0.0.1:5004: Connection refused",
    "ERROR 2003 (HY000): Can't connect to MySQL server on '127.0.0.1:5005' (111)",
    "dial tcp [::1]:5006: connect: connection refused",
    "Connection to localhost:5007 refused. Check that the hostname and port are correct",
    "bash: line 1: /dev/tcp/127.0.0.1/5008: Connection refused",
  ];
  assert.deepEqual(refusedPorts(said.join("\n")), [5001, 5002, 5003, 5004, 5005, 5006, 5007, 5008]);
});

test("other hosts, other words and what is no port count for nothing", () => {
  const said = [
    "listening on 127.0.0.1:5001",
    "connect ECONNREFUSED 10.0.0.1:5002",
    "connect ECONNREFUSED 127.0.0.1:99999",
    "connect ECONNREFUSED my-localhost:5003",
    "connect ECONNREFUSED 1127.0.0.1:5004",
  ];
  assert.deepEqual(refusedPorts(said.join("\n")), []);
  assert.deepEqual(refusedPorts(`${"x".repeat(1 << 20)}\nconnect ECONNREFUSED ::1:7\nconnect ECONNREFUSED ::1:7`), [7]);
});
