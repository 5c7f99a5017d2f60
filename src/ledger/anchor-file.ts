import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const BYTES_MAX = 64 << 20;

/** Adds a signed head to the end of a file of the person's, which is made where there is none, and puts it on the disk. */
export async function appendHead(path: string, note: string): Promise<void> {
  // Without O_NONBLOCK, a FIFO at the path would make us wait for a reader.
  const file = await openPlain(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK);
  try {
    await file.writeFile(note);
    await file.sync();
  } finally {
    await file.close();
  }
  const folder = await open(dirname(path), O_RDONLY);
  await folder.sync().finally(() => folder.close());
}

/** Reads such a file. */
export async function readHeadFile(path: string): Promise<string> {
  const file = await openPlain(path, O_RDONLY | O_NONBLOCK);
  try {
    const { size } = await file.stat();
    if (size > BYTES_MAX) throw new Error(`${path} has more than ${BYTES_MAX >> 20} MiB`);
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

async function openPlain(path: string, flags: number): Promise<FileHandle> {
  const file = await open(path, flags, 0o600);
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new Error(`${path} is no regular file`);
}
