// The tests of killed processes and power cuts once more, on volumes as files.
import t from 'tap'
import { onFiles } from './suite.ts'

t.setTimeout(600_000)
await onFiles(['fault/volume-kill', 'fault/reclaim-kill', 'fault/node-kill', 'fault/power'])
