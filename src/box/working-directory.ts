import type { Box } from "./box.ts";
import { CWD_FILE } from "./profile.ts";

const PLACE_BYTES_MAX = 4096;

/**
 * Has commands start where a session's first one does while something lasts, and after it where they did before. Even a
 * read-only command can write where the next one starts.
 */
export async function withOwnWorkingDirectory<T>(box: Box, use: () => Promise<T>): Promise<T> {
  const pieces: Uint8Array[] = [];
  const command = `head -c ${PLACE_BYTES_MAX} ${CWD_FILE}; : >${CWD_FILE}`;
  await (await box.start({ command, stdin: null, onOutput: (_stream, bytes) => void pieces.push(bytes) })).status;
  try {
    return await use();
  } finally {
    const back = await box.start({ command: `cat >${CWD_FILE}`, stdin: Buffer.concat(pieces), onOutput: () => {} });
    await back.status;
  }
}
