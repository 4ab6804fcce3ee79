// The service: every verb, over one pair of stores. Both dialects call this and nothing below it.

import { authorize, isOwner } from './access.ts'
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
import { listObjects } from './listing.ts'
import { getObject, headObject, putObject } from './objects.ts'
import { copyPart, listObjectParts, listParts, putPart } from './parts.ts'
import type { Stores } from './stores.ts'
import type { Service } from './types.ts'
import { abortUpload, createUpload, describeUpload, findUpload, listUploads } from './uploads.ts'
import { listVersions } from './version-listing.ts'

export function makeService(stores: Stores): Service {
  return {
    resolve: (caller, container) => resolveContainer(stores, caller, container),
    authorize: async (caller, scope, right) => authorize(stores, caller, scope, right),
    isOwner: (caller, account) => isOwner(stores, caller, account),
    headAccount: (caller, account) => headAccount(stores, caller, account),
    updateAccount: (caller, account, settings) => updateAccount(stores, caller, account, settings),
    listContainers: (caller, account, input) => listContainers(stores, caller, account, input),
    createContainer: (caller, ref, options) => createContainer(stores, caller, ref, options),
    putContainer: (caller, ref, settings) => putContainer(stores, caller, ref, settings),
    updateContainer: (caller, ref, settings) => updateContainer(stores, caller, ref, settings),
    headContainer: (caller, ref, input) => headContainer(stores, caller, ref, input),
    deleteContainer: (caller, ref) => deleteContainer(stores, caller, ref),
    list: (caller, ref, input) => listObjects(stores, caller, ref, input),
    listVersions: (caller, ref, input) => listVersions(stores, caller, ref, input),
    put: (caller, ref, input) => putObject(stores, caller, ref, input),
    head: (caller, ref, input) => headObject(stores, caller, ref, input),
    get: (caller, ref, input) => getObject(stores, caller, ref, input),
    update: (caller, ref, input) => updateObject(stores, caller, ref, input),
    delete: (caller, ref, input) => deleteObject(stores, caller, ref, input),
    makeCurrent: (caller, ref, versionId) => makeCurrent(stores, caller, ref, versionId),
    copy: (caller, ref, input) => copyObject(stores, caller, ref, input),
    listObjectParts: (caller, ref, input) => listObjectParts(stores, caller, ref, input),
    createUpload: (caller, ref, input) => createUpload(stores, caller, ref, input),
    headUpload: async (caller, ref, uploadId) => {
      await authorize(stores, caller, ref, 'writeObject')
      return describeUpload(await findUpload(stores, ref, uploadId))
    },
    putPart: (caller, ref, id, part, input) => putPart(stores, caller, ref, id, part, input),
    copyPart: (caller, ref, id, part, input) => copyPart(stores, caller, ref, id, part, input),
    listParts: (caller, ref, id, input) => listParts(stores, caller, ref, id, input),
    requireCompletable: (caller, ref, id) => requireCompletable(stores, caller, ref, id),
    completeUpload: (caller, ref, id, input) => completeUpload(stores, caller, ref, id, input),
    abortUpload: (caller, ref, id) => abortUpload(stores, caller, ref, id),
    listUploads: (caller, ref, input) => listUploads(stores, caller, ref, input),
  }
}
