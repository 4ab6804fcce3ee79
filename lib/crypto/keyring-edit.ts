// Adds a root key to the keyring file, or makes one active. The file is replaced as a whole, and keeps its
// comments, owner and mode. It is written only where the new text still holds every earlier key. No function
// removes a key: an operator does that by hand, once no row is under it any more.
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

/** Where systemd puts the files of LoadCredential: copies, which are gone at the next start. */
const CREDENTIALS = /^\/run\/credentials\//

/**
 * Adds a random key, which wraps nothing yet, and returns its id. Throws FileInvalid where there is no keyring,
 * the id is taken or malformed, or systemd made the file.
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

/** Makes an existing key the one that wraps new body keys. Throws FileInvalid where there is no such key. */
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
  // With a YAML alias two keys would share one text.
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

/** A keyring whose content can be replaced, for the parts of the node that keep a reference to it. */
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

/** Ids whose key is another one in `after`. Envelopes under such a key could no longer be opened. */
export function changedRootKeys(before: ListedKeyring, after: Keyring): string[] {
  return before.ids.filter((id) => {
    const key = after.key(id)
    return key !== undefined && !key.equals(before.key(id)!)
  })
}
