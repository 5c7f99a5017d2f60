// The client of the network's numbers: asks through the proxy of its environment, or directly where there is none.
// Arguments: the ports of the server, and how much to ask for, as JSON. Prints what it measured as JSON.
import { once } from "node:events";
import net, { type Socket } from "node:net";
import tls from "node:tls";

interface Asked {
  readonly ports: readonly [plain: number, looked: number, tunnelled: number];
  /** Requests one behind the other. */
  readonly requests: number;
  /** Of one download. */
  readonly bytes: number;
  /** Requests in all, on so many connections at once. */
  readonly many: number;
  readonly held: number;
  /** Requests one behind the other, each two events of the log, for the memory that a long session comes to take. */
  readonly steady: number;
  /** Sent and then received, for the memory that the program takes meanwhile. */
  readonly bodyBytes: number;
}

const asked = JSON.parse(process.argv[2] ?? "") as Asked;
const proxy = process.env.http_proxy ? new URL(process.env.http_proxy) : null;
const login = proxy ? `Proxy-Authorization: Basic ${btoa(`${proxy.username}:${proxy.password}`)}\r\n` : "";
const [plain, looked, tunnelled] = asked.ports;

const requestMs = await timeRequests(asked.requests);
await repeat(asked.steady);
const plainMs = await download(await dial(), plain, asked.bytes);
const lookedMs = await download(await dialSafely(looked), looked, asked.bytes, true);
const tunnelledMs = await download(await dialSafely(tunnelled), tunnelled, asked.bytes, true);
const lost = asked.many > 0 ? await loseRequests(asked.many, asked.held) : 0;
process.stdout.write("bodies\n");
if (asked.bodyBytes > 0) {
  await upload(asked.bodyBytes);
  await download(await dial(), plain, asked.bodyBytes);
}
process.stdout.write(`${JSON.stringify({ requestMs, plainMs, lookedMs, tunnelledMs, lost })}\n`);
process.exit(0);

async function dial(): Promise<Socket> {
  const socket = net.connect({ host: "127.0.0.1", port: proxy ? Number(proxy.port) : plain, noDelay: true });
  await once(socket, "connect");
  return socket;
}

async function dialSafely(port: number): Promise<Socket> {
  const socket = net.connect({ host: "127.0.0.1", port: proxy ? Number(proxy.port) : port, noDelay: true });
  await once(socket, "connect");
  if (proxy) {
    socket.write(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${login}\r\n`);
    const [answer] = (await once(socket, "data")) as [Buffer];
    if (!answer.includes(" 200 ")) throw new Error(String(answer));
  }
  const secured = tls.connect({ socket, rejectUnauthorized: false });
  await once(secured, "secureConnect");
  return secured;
}

function head(method: string, port: number, bytes: number, isInside = false, more = ""): string {
  const whole = proxy && !isInside ? `http://127.0.0.1:${port}` : "";
  return `${method} ${whole}/${bytes} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${isInside ? "" : login}${more}\r\n`;
}

/** Reads one answer; gives its bytes without the head. */
function read(socket: Socket, bytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    let left = Number.POSITIVE_INFINITY;
    const onData = (piece: Buffer) => {
      if (left === Number.POSITIVE_INFINITY) {
        text += piece.toString("latin1");
        const end = text.indexOf("\r\n\r\n");
        if (end < 0) return;
        if (!text.startsWith("HTTP/1.1 200 ")) return reject(new Error(text.slice(0, 300)));
        left = bytes - (text.length - end - 4);
      } else left -= piece.length;
      if (left <= 0) finish();
    };
    const onEnd = () => reject(new Error("it broke off"));
    const finish = () => {
      socket.off("data", onData).off("close", onEnd).off("error", reject);
      resolve();
    };
    socket.on("data", onData).on("close", onEnd).on("error", reject);
  });
}

async function timeRequests(many: number): Promise<number> {
  const socket = await dial();
  const times: number[] = [];
  for (let count = 0; count < many; count++) {
    const startedAt = performance.now();
    const answer = read(socket, 2);
    socket.write(head("GET", plain, 2));
    await answer;
    times.push(performance.now() - startedAt);
  }
  socket.destroy();
  // The first ones find nothing compiled.
  const sorted = times.slice(many / 4).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** Says so each time that a twentieth is done. */
async function repeat(many: number): Promise<void> {
  const socket = await dial();
  for (let count = 1; count <= many; count++) {
    const answer = read(socket, 2);
    socket.write(head("GET", plain, 2));
    await answer;
    if (count % (many / 20) === 0) process.stdout.write("steady\n");
  }
  socket.destroy();
}

async function download(socket: Socket, port: number, bytes: number, isInside = false): Promise<number> {
  const startedAt = performance.now();
  const answer = read(socket, bytes);
  socket.write(head("GET", port, bytes, isInside));
  await answer;
  socket.destroy();
  return performance.now() - startedAt;
}

async function upload(bytes: number): Promise<void> {
  const socket = await dial();
  const answer = read(socket, 2);
  socket.write(head("POST", plain, 2, false, `Content-Length: ${bytes}\r\n`));
  const piece = Buffer.alloc(1 << 17);
  for (let left = bytes; left > 0; left -= piece.length)
    if (!socket.write(piece.subarray(0, Math.min(left, piece.length)))) await once(socket, "drain");
  await answer;
  socket.destroy();
}

/** Opens all connections, then asks on all at once, again and again; gives how many requests had no answer. */
async function loseRequests(many: number, held: number): Promise<number> {
  const sockets: Socket[] = [];
  for (let count = 0; count < held; count++) sockets.push(await dial());
  const failed = await Promise.all(
    sockets.map(async (socket) => {
      const each = many / held;
      for (let count = 0; count < each; count++) {
        const answer = read(socket, 2);
        socket.write(head("GET", plain, 2));
        const isLost = await answer.then(
          () => false,
          () => true,
        );
        if (isLost) return each - count;
      }
      return 0;
    }),
  );
  for (const socket of sockets) socket.destroy();
  return failed.reduce((sum, count) => sum + count, 0);
}
