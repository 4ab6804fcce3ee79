// Runs the catalog's contract on every implementation.
import t from 'tap'
import { catalogContract } from './catalog.ts'
import { scanContract } from './catalog-scan.ts'
import { onEveryCatalog } from './catalog-sites.ts'

onEveryCatalog(t, (t, makeSite) => {
  catalogContract(t, makeSite)
  scanContract(t, makeSite)
})
