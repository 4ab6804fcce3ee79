// The table of operations: the handler of each, and its rules as data. docs/swift.md lists the same rows for users, and
// test/middleware/swift/docs.test.ts compares the two.
import { CofferError } from '../../lib/errors.ts'
import type { KeyRule } from '../state.ts'
import { getAccount, headAccount, manageAccount, postAccount } from './handlers/accounts.ts'
import { bulkDelete } from './handlers/bulk-delete.ts'
import {
  deleteContainer,
  headContainer,
  postContainer,
  putContainer,
} from './handlers/containers.ts'
import { copyObject } from './handlers/copy.ts'
import { deleteObject } from './handlers/delete.ts'
import { crossdomain, healthcheck, info, options } from './handlers/discovery.ts'
import type { Handler } from './handlers/handler.ts'
import { getContainer, listVersions } from './handlers/listings.ts'
import { putManifest } from './handlers/manifest-put.ts'
import { postObject } from './handlers/post.ts'
import { makeCurrent, putObject } from './handlers/put.ts'
import { getObject, headObject } from './handlers/read.ts'
import { login } from './login.ts'
import { logout } from './logout.ts'
import type { OperationName } from './names.ts'
import { unbuilt } from './swift-error.ts'

export interface Operation {
  readonly handle: Handler
  /** `partial` and `refused` are explained in docs/swift.md. */
  readonly built: 'done' | 'partial' | 'refused'
  /** What the operation does with customer keys. */
  readonly ssec: KeyRule
}

const done = (handle: Handler, ssec: KeyRule = 'none'): Operation => ({
  handle,
  built: 'done',
  ssec,
})

const partial = (handle: Handler, ssec: KeyRule = 'none'): Operation => ({
  ...done(handle, ssec),
  built: 'partial',
})

/** An operation that is not built. An anonymous caller is refused for that, and is not shown what is built. */
const refused = (what: string): Operation => ({
  handle: async (ctx) => {
    if (ctx.state.caller === null) throw new CofferError('AccessDenied')
    throw unbuilt(what, ctx.state.operation)
  },
  built: 'refused',
  ssec: 'none',
})

export const operations: Readonly<Record<OperationName, Operation>> = {
  Auth: done(login),
  Logout: done(logout),
  Info: done(info),
  Healthcheck: done(healthcheck),
  Crossdomain: { ...done(crossdomain), built: 'refused' },
  // No origin is allowed, so that every preflight is refused.
  Options: partial(options),
  HeadAccount: done(headAccount),
  GetAccount: done(getAccount),
  PutAccount: { ...done(manageAccount), built: 'refused' },
  PostAccount: done(postAccount),
  DeleteAccount: { ...done(manageAccount), built: 'refused' },
  BulkDelete: done(bulkDelete),
  ExtractArchive: refused('extraction of archives'),
  HeadContainer: done(headContainer),
  GetContainer: done(getContainer),
  ListVersions: done(listVersions),
  // Partial: there is one storage policy.
  PutContainer: partial(putContainer),
  PostContainer: done(postContainer),
  DeleteContainer: done(deleteContainer),
  FormPost: refused('browser forms (FormPost)'),
  HeadObject: done(headObject, 'read'),
  GetObject: done(getObject, 'read'),
  // Partial: there are no symbolic links.
  PutObject: partial(putObject, 'write'),
  PutManifest: done(putManifest, 'write'),
  MakeCurrent: done(makeCurrent),
  PostObject: partial(postObject, 'read'),
  DeleteObject: done(deleteObject),
  CopyObject: partial(copyObject, 'copy'),
}
