// Runs the contract of snapshots on every implementation.
import t from 'tap'
import { onEveryCatalog } from './catalog-sites.ts'
import { snapshotContract } from './catalog-snapshot.ts'

onEveryCatalog(t, snapshotContract)
