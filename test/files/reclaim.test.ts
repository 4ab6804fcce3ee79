// The tests of reclaims and scrubs beside a node once more, on volumes as files.
import t from 'tap'
import { onFiles } from './suite.ts'

t.setTimeout(600_000)
await onFiles(['fault/reclaim-read', 'fault/reclaim-load', 'fault/scrub-load', 'bin/status'])
