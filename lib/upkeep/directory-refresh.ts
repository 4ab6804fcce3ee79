// Has this node read projects, users and credentials again that another node on the same catalog has changed, or whose
// commit had an unknown outcome.
import type { Directory } from '../identity/directory.ts'
import { startWorker, type Worker } from './worker.ts'

/** How often the counter of changes is read: what another node changed holds here within this time. */
const LOOK_EVERY_MS = 2000

/** Starts looking. `failed` is called with errors; until the next look the node goes on with what it has read. */
export const startDirectoryRefresh = (
  directory: Directory,
  failed: (error: unknown) => void,
): Worker => startWorker(() => directory.refresh(), failed, LOOK_EVERY_MS)
