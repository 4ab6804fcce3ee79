// The service: every verb, over one pair of stores. Both dialects call the service and nothing below it.

import { authorize, isAllowed } from './access.ts'
import { headAccount, updateAccount } from './accounts.ts'
import { deleteObject, makeCurrent, updateObject } from './changes.ts'
import { completeUpload, requireCompletable } from './complete.ts'
import { listContainers } from './container-listing.ts'
import {
  createContainer,
  deleteContainer,
  headContainer,
  putContainer,
  resolveContainer,
  updateContainer,
} from './containers.ts'
import { copyObject } from './copy.ts'
import { deleteLater } from './delete-later.ts'
import { listObjects } from './listing.ts'
import { getManifest, putManifest } from './manifests.ts'
import { getObject, headObject, putObject } from './objects.ts'
import { copyPart, listObjectParts, listParts, putPart } from './parts.ts'
import type { Stores } from './stores.ts'
import type { Service } from './types.ts'
import { abortUpload, createUpload, listUploads } from './uploads.ts'
import { listVersions } from './version-listing.ts'

export function makeService(stores: Stores): Service {
  return {
    resolve: (asker, container) => resolveContainer(stores, asker, container),
    authorize: async (asker, action, ref) => authorize(stores, asker, action, ref),
    isAllowed: async (asker, action, ref) => isAllowed(stores, asker, action, ref),
    headAccount: (asker, account) => headAccount(stores, asker, account),
    updateAccount: (asker, account, settings) => updateAccount(stores, asker, account, settings),
    listContainers: (asker, account, input) => listContainers(stores, asker, account, input),
    createContainer: (asker, ref, options) => createContainer(stores, asker, ref, options),
    putContainer: (asker, ref, settings) => putContainer(stores, asker, ref, settings),
    updateContainer: (asker, ref, settings) => updateContainer(stores, asker, ref, settings),
    headContainer: (asker, ref, action) => headContainer(stores, asker, ref, action),
    deleteContainer: (asker, ref) => deleteContainer(stores, asker, ref),
    list: (asker, ref, input) => listObjects(stores, asker, ref, input),
    listVersions: (asker, ref, input) => listVersions(stores, asker, ref, input),
    put: (asker, ref, input) => putObject(stores, asker, ref, input),
    head: (asker, ref, input) => headObject(stores, asker, ref, input),
    get: (asker, ref, input) => getObject(stores, asker, ref, input),
    update: (asker, ref, input) => updateObject(stores, asker, ref, input),
    delete: (asker, ref, input) => deleteObject(stores, asker, ref, input),
    deleteLater: (asker, ref, objects) => deleteLater(stores, asker, ref, objects),
    makeCurrent: (asker, ref, versionId) => makeCurrent(stores, asker, ref, versionId),
    copy: (asker, ref, input) => copyObject(stores, asker, ref, input),
    putManifest: (asker, ref, input) => putManifest(stores, asker, ref, input),
    getManifest: (asker, ref, input) => getManifest(stores, asker, ref, input),
    listObjectParts: (asker, ref, input) => listObjectParts(stores, asker, ref, input),
    createUpload: (asker, ref, input) => createUpload(stores, asker, ref, input),
    putPart: (asker, ref, id, part, input) => putPart(stores, asker, ref, id, part, input),
    copyPart: (asker, ref, id, part, input) => copyPart(stores, asker, ref, id, part, input),
    listParts: (asker, ref, id, input) => listParts(stores, asker, ref, id, input),
    requireCompletable: (asker, ref, id) => requireCompletable(stores, asker, ref, id),
    completeUpload: (asker, ref, id, input) => completeUpload(stores, asker, ref, id, input),
    abortUpload: (asker, ref, id) => abortUpload(stores, asker, ref, id),
    listUploads: (asker, ref, input) => listUploads(stores, asker, ref, input),
  }
}
