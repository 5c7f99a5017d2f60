import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** An HTTPS server in Python: greets, and is an empty repository to git. Arguments: key and certificates, port. */
export const SERVER = `
import http.server, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        is_git = "/info/refs" in self.path
        body = b"001e# service=git-upload-pack\\n00000000" if is_git else b"hello\\n"
        self.send_response(200)
        if is_git: self.send_header("content-type", "application/x-git-upload-pack-advertisement")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
`;

/** Makes an authority and a server of its for localhost, with openssl; all in PEM. */
export function makeServer(folder: string): { readonly root: string; readonly key: string; readonly chain: string } {
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "ignore" });
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...curve,
    "-keyout",
    "root.key",
    "-out",
    "root.crt",
    "-subj",
    "/O=Ringfence test",
    "-days",
    "2",
  );
  const issued = ["-CA", "root.crt", "-CAkey", "root.key", "-addext", "subjectAltName=DNS:localhost", "-days", "2"];
  openssl("req", "-x509", ...curve, ...issued, "-keyout", "leaf.key", "-out", "leaf.crt", "-subj", "/O=Ringfence leaf");
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  return { root: read("root.crt"), key: read("leaf.key"), chain: read("leaf.crt") };
}
