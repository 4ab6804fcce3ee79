// The tests of failing disks once more, on volumes as files.
import t from 'tap'
import { onFiles } from './suite.ts'

t.setTimeout(600_000)
await onFiles([
  'fault/volume-full',
  'fault/devices',
  'fault/node-full',
  'fault/io-faults',
  'fault/replaced-read',
  'fault/mounts',
])
