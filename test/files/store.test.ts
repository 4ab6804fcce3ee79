// The tests of the blob store once more, on volumes as files.
import t from 'tap'
import { onFiles } from './suite.ts'

t.setTimeout(600_000)
await onFiles([
  'lib/blobs/reclaim',
  'lib/blobs/volumes',
  'lib/blobs/open-volumes',
  'lib/blobs/usage',
  'contract/bodies',
  'lib/decrypt-node',
])
