// The format of the volumes of a test file: LevelDB, or with COFFER_TEST_VOLUMES=file one append-only file each.
import type { VolumeFormat } from '../../lib/blobs/format.ts'

export const chosenFormat = (): VolumeFormat =>
  process.env.COFFER_TEST_VOLUMES === 'file' ? 'file' : 'level'
