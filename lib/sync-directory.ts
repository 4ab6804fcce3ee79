// Makes names durable: a file or directory that was made or renamed is found after a crash only once its
// directory was synced.
import { open } from 'node:fs/promises'

/** fsync of a directory. Rejects with the system's error. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
