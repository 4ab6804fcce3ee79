// The methods of each level of the API, and the operation of each method where neither the query nor the headers select
// another one.
import type { OperationName } from './names.ts'

export type Level = 'info' | 'health' | 'account' | 'container' | 'object'

type Methods = Readonly<Record<string, OperationName>>

export const methods: Readonly<Record<Level, Methods>> = {
  info: { HEAD: 'Info', GET: 'Info', OPTIONS: 'Options' },
  health: { HEAD: 'Healthcheck', GET: 'Healthcheck', OPTIONS: 'Options' },
  account: {
    HEAD: 'HeadAccount',
    GET: 'GetAccount',
    PUT: 'PutAccount',
    POST: 'PostAccount',
    DELETE: 'DeleteAccount',
    OPTIONS: 'Options',
  },
  container: {
    HEAD: 'HeadContainer',
    GET: 'GetContainer',
    PUT: 'PutContainer',
    POST: 'PostContainer',
    DELETE: 'DeleteContainer',
    OPTIONS: 'Options',
  },
  object: {
    HEAD: 'HeadObject',
    GET: 'GetObject',
    PUT: 'PutObject',
    POST: 'PostObject',
    DELETE: 'DeleteObject',
    COPY: 'CopyObject',
    OPTIONS: 'Options',
  },
}

/** The methods of a level. */
export const allOf = (level: Level): readonly string[] => Object.keys(methods[level])

/** The Allow header of a level (RFC 9110 §10.2.1). */
export const allowOf = (level: Level): string => allOf(level).join(', ')
