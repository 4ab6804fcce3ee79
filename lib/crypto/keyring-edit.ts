// Changes to the keyring: a key is added, or becomes the active one. The file is replaced whole, keeps its
// comments, owner and mode, and is written only where the text still gives every key it had. Nothing here takes a key out:
// that is done by hand, once no row is under it any more.
import { dirname } from 'node:path'
import { type Document, isMap, parse, parseDocument } from 'yaml'
import { FileInvalid, readText } from '../file-invalid.ts'
import { writePrivately } from '../private-file.ts'
import type { Keyring } from './cipher.ts'
import {
  drawRootKey,
  drawRootKeyId,
  isRootKeyId,
  type KeyringFile,
  type ListedKeyring,
  readKeyring,
} from './keyring.ts'

/** Where systemd puts what LoadCredential names: copies, which are gone at the next start. */
const CREDENTIALS = /^\/run\/credentials\//

/**
 * Adds a random key, which is not yet used for anything, and returns its id. Throws FileInvalid: no such
 * keyring, an id that is there already or is none, a file that systemd made.
 */
export function addRootKey(file: string, id = drawRootKeyId()): string {
  if (!isRootKeyId(id)) {
    throw new FileInvalid(['an id has 1 to 64 of the characters A-Z a-z 0-9 . _ -'])
  }
  edit(file, (document, { keys }) => {
    if (Object.hasOwn(keys, id)) throw new FileInvalid([`${file}: has a key ${id} already`])
    document.setIn(['keys', id], drawRootKey())
  })
  return id
}

/** Makes a key that is there the one that wraps from now on. Throws FileInvalid. */
export function activateRootKey(file: string, id: string): void {
  edit(file, (document, { keys }) => {
    if (!Object.hasOwn(keys, id)) throw new FileInvalid([`${file}: has no key ${id}`])
    document.set('active', id)
  })
}

function edit(file: string, change: (document: Document, value: KeyringFile) => void): void {
  if (CREDENTIALS.test(`${dirname(file)}/`)) {
    throw new FileInvalid([
      `${file}: is a copy that systemd made: name with --keyring the file that LoadCredential names`,
    ])
  }
  const { value } = readKeyring(file)
  const document = parseDocument(readText(file))
  // An alias would make two keys one text to edit.
  if (!isMap(document.contents) || !isMap(document.get('keys'))) {
    throw new FileInvalid([`${file}: keys is no plain map: edit it by hand`])
  }
  change(document, value)
  const text = document.toString()
  const { keys } = parse(text) as KeyringFile
  for (const [id, key] of Object.entries(value.keys)) {
    if (keys[id] !== key) throw new FileInvalid([`${file}: cannot be edited: do it by hand`])
  }
  writePrivately(file, text)
}

/** A keyring that can be replaced by what its file says now, under whoever holds it. */
export interface ReplaceableKeyring extends ListedKeyring {
  replace(next: ListedKeyring): void
}

export function replaceableKeyring(first: ListedKeyring): ReplaceableKeyring {
  let now = first
  return {
    get active() {
      return now.active
    },
    get ids() {
      return now.ids
    },
    key: (id) => now.key(id),
    replace: (next) => {
      now = next
    },
  }
}

/** Ids of `before` whose key is another one in `after`: what lies under them could not be opened any more. */
export function changedRootKeys(before: ListedKeyring, after: Keyring): string[] {
  return before.ids.filter((id) => {
    const key = after.key(id)
    return key !== undefined && !key.equals(before.key(id)!)
  })
}
