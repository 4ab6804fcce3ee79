// Binds a Cipher to the request: judges the keys that ssec took, by the rule of the operation, and makes
// what seals and opens. The pipeline decides which key; the service decides where it is applied.
import type { Middleware } from 'koa'
import { type Cipher, customerCipher, eitherCipher } from '../../lib/crypto/cipher.ts'
import { CofferError } from '../../lib/errors.ts'
import type { KeyHeaders, KeyRule, Node, State, Target } from '../state.ts'

const strict = { md5Required: true, lengthChecked: true }
/** Reads may leave the MD5 out, and a key of another length is just a wrong one (D-KEY-READS). */
const lenient = { md5Required: false, lengthChecked: false }

/** AWS reads a part's source like a GET, but for the length of its key. */
const lenientPart = { md5Required: false, lengthChecked: true }

/** Stands for a key that no object can have. */
const misfit: Cipher = {
  sealing: 'customer',
  wrap() {
    throw new CofferError('Internal', { what: 'a key of the wrong length cannot wrap' })
  },
  unwrap(_context, envelope) {
    throw new CofferError(envelope.kind === 1 ? 'KeyNotApplicable' : 'KeyWrong')
  },
}

/** `ruleOf` names the operation's rule; it is the dialect's table that knows. */
export function encryption(node: Node, ruleOf: (state: State) => KeyRule): Middleware<State> {
  return async function encryption(ctx, next) {
    const { state } = ctx
    const { own, source } = state.keys
    state.cipher = node.rootCipher
    state.sourceCipher = node.rootCipher
    if (own !== null || source !== null) {
      const rule = ruleOf(state)
      if (rule !== 'none') requireTransport(state.target, node.config.ssec.tls)
      if (state.dialect === 's3') bindS3(state, rule, ctx.headers)
      else bindSwift(state, rule, ctx.method, node.rootCipher)
    }
    await next()
  }
}

type Headers = Record<string, string | string[] | undefined>

function bindS3(state: State, rule: KeyRule, headers: Headers): void {
  const { own, source } = state.keys
  if (rule === 'none') return
  if (own !== null && (rule !== 'complete' || own.isComplete)) bindOwn(state, own, rule, headers)
  if (source === null || rule !== 'copy') return
  const options = state.operation === 'UploadPartCopy' ? lenientPart : lenient
  state.sourceCipher = cipherOf(source, options).cipher
}

function bindOwn(state: State, own: KeyHeaders, rule: KeyRule, headers: Headers): void {
  const other = headers['x-amz-server-side-encryption']
  if (other !== undefined && rule !== 'read') {
    throw new CofferError('KeyInvalid', {
      message:
        'Server Side Encryption with Customer provided key is incompatible with the encryption method specified',
      value: String(other),
    })
  }
  bind(state, own, rule === 'read' ? lenient : strict)
}

/**
 * A copy with one key alone, own or source, opens its source with that key where the source is under a customer
 * key, and seals its target with it (D-ONE-KEY-COPY). Throws KeyInvalid for a PUT of an object that would be
 * stored without the key that came.
 */
function bindSwift(state: State, rule: KeyRule, method: string, rootCipher: Cipher): void {
  const { own, source } = state.keys
  if (rule === 'none') {
    if (method !== 'PUT' || state.object === undefined) return
    throw new CofferError('KeyInvalid', {
      message: `A customer key came with the request, and ${state.operation} does not use one`,
    })
  }
  if (rule !== 'copy') {
    if (own !== null) bind(state, own, strict)
    return
  }
  bind(state, own ?? source!, strict)
  state.sourceCipher =
    own !== null && source !== null
      ? cipherOf(source, strict).cipher
      : eitherCipher(rootCipher, state.cipher)
}

function bind(state: State, key: KeyHeaders, options: typeof strict): void {
  const { cipher, md5 } = cipherOf(key, options)
  state.cipher = cipher
  state.keyMd5 = md5
}

function cipherOf(headers: KeyHeaders, options: typeof strict) {
  const key = headers.read(options)
  if (key === undefined) return { cipher: misfit, md5: undefined }
  return { cipher: customerCipher(key), md5: key.md5Base64 }
}

/** Customer keys only over transports that ssec.tls names. Throws KeyInsecure, telling which rule failed. */
function requireTransport(target: Target, allowed: readonly string[]): void {
  if (allowed.includes('off') || (target.secure !== 'no' && allowed.includes(target.secure))) return
  const seen = target.secure === 'no' ? 'plain HTTP' : target.secure
  throw new CofferError('KeyInsecure', {
    rule: `The request came over ${seen}; ssec.tls of this node allows: ${allowed.join(', ')}.`,
  })
}
