// The names of Swift's operations, as the log, the audit and docs/swift.md have them.

export const operationNames = [
  'Auth',
  'Logout',
  'Info',
  'Healthcheck',
  'Crossdomain',
  'Options',
  'HeadAccount',
  'GetAccount',
  'PutAccount',
  'PostAccount',
  'DeleteAccount',
  'BulkDelete',
  'ExtractArchive',
  'HeadContainer',
  'GetContainer',
  'ListVersions',
  'PutContainer',
  'PostContainer',
  'DeleteContainer',
  'FormPost',
  'HeadObject',
  'GetObject',
  'PutObject',
  'PutManifest',
  'MakeCurrent',
  'PostObject',
  'DeleteObject',
  'CopyObject',
] as const

export type OperationName = (typeof operationNames)[number]
