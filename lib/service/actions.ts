// What can be asked of the service: the closed list of actions, and the right that each takes. An action is something
// that S3's policies or Swift's lists and signed URLs can tell from the rest; its comment says which of S3's actions
// and which of Swift's requests it stands for. A further table over all of them `satisfies Record<Action, …>`.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html

/** `manage`: that the account exists; `own`: an account's or container's settings, and who may what. The others say
 * what is touched, and how. A version is one that the request names by its id, or a list of them: a container's lists
 * open its objects as they are now, not what they once were. `readUploads`: which uploads are under way, and whose. */
export type Right =
  | 'manage'
  | 'own'
  | 'readAccount'
  | 'readContainer'
  | 'writeContainer'
  | 'readObject'
  | 'writeObject'
  | 'readVersion'
  | 'readUploads'
  | 'deleteVersion'

export const rightOf = {
  // Swift's HEAD and GET of an account; S3's ListAllMyBuckets is the second.
  headAccount: 'readAccount',
  listContainers: 'readAccount',
  // Swift's POST of an account. Its PUT and DELETE are resellers'. X-Account-Access-Control is shown to owners.
  updateAccount: 'own',
  manageAccount: 'manage',
  getAccountAcl: 'own',

  // CreateBucket, DeleteBucket; Swift's PUT and DELETE of a container.
  createContainer: 'writeContainer',
  deleteContainer: 'writeContainer',
  // Swift's POST of a container: its metadata.
  updateContainer: 'writeContainer',
  // ListBucket, for HeadBucket and for listings; Swift's HEAD and GET of a container.
  headContainer: 'readContainer',
  listObjects: 'readContainer',
  // ListBucketVersions; Swift's GET of a container with `versions`.
  listVersions: 'readVersion',
  // ListBucketMultipartUploads.
  listUploads: 'readUploads',
  // GetBucketAcl, PutBucketAcl; Swift's X-Container-Read and X-Container-Write, shown and set.
  getContainerAcl: 'own',
  setContainerAcl: 'own',
  // GetBucketVersioning, PutBucketVersioning; Swift's X-Versions-Enabled, set.
  getVersioning: 'own',
  setVersioning: 'own',
  // GetBucketLocation.
  getLocation: 'own',
  // S3's reads of the settings that no bucket can have here: GetBucketCORS, GetLifecycleConfiguration …
  getContainerSettings: 'own',

  // GetObject, GetObjectVersion; Swift's GET.
  getObject: 'readObject',
  getVersion: 'readVersion',
  // The same two in S3; Swift's HEAD, which a signed URL may allow by itself.
  headObject: 'readObject',
  headVersion: 'readVersion',
  // GetObjectAttributes, GetObjectVersionAttributes.
  listObjectParts: 'readObject',
  listVersionParts: 'readVersion',
  // A copy: GetObject or GetObjectVersion of its source, PutObject of what it makes. A signed URL of Swift's allows neither.
  copyFromObject: 'readObject',
  copyFromVersion: 'readVersion',
  copyToObject: 'writeObject',
  // PutObject; Swift's PUT.
  putObject: 'writeObject',
  // Swift's POST of an object: its metadata.
  updateObject: 'writeObject',
  // Swift's PUT of a version id. It takes the leave to read that version besides.
  makeCurrent: 'writeObject',
  // DeleteObject, DeleteObjectVersion; Swift's DELETE.
  deleteObject: 'writeObject',
  deleteVersion: 'deleteVersion',
  // DeleteObjects before its body is read: some object, not yet known which.
  deleteObjects: 'writeObject',
  // GetObjectAcl, GetObjectVersionAcl, PutObjectAcl, PutObjectVersionAcl.
  getObjectAcl: 'own',
  getVersionAcl: 'own',
  setObjectAcl: 'own',
  setVersionAcl: 'own',
  // GetObjectTagging, GetObjectVersionTagging; GetObjectRetention; GetObjectLegalHold.
  getObjectTags: 'own',
  getVersionTags: 'own',
  getRetention: 'own',
  getLegalHold: 'own',

  // PutObject, for each request of an upload that makes an object of parts.
  createUpload: 'writeObject',
  putPart: 'writeObject',
  completeUpload: 'writeObject',
  // AbortMultipartUpload, ListMultipartUploadParts.
  abortUpload: 'writeObject',
  listParts: 'writeObject',
} as const satisfies Record<string, Right>

export type Action = keyof typeof rightOf

const onVersion: Partial<Record<Action, Action>> = {
  getObject: 'getVersion',
  headObject: 'headVersion',
  listObjectParts: 'listVersionParts',
  copyFromObject: 'copyFromVersion',
  deleteObject: 'deleteVersion',
  getObjectAcl: 'getVersionAcl',
  setObjectAcl: 'setVersionAcl',
  getObjectTags: 'getVersionTags',
}

/** The action that is meant where a version is named by its id. */
export function actionOn(action: Action, versionId: string | undefined): Action {
  return versionId === undefined ? action : (onVersion[action] ?? action)
}
