// A small dialect that only tests speak, beside S3 and Swift: `/plain/<account>/<container>/<object>`, one secret, one key,
// refusals of one line. It does in its own way everything that the pipeline leaves to a speaker.

import type { Pieces } from '../../lib/bytes/pull.ts'
import { VerifiedSource } from '../../lib/bytes/verify.ts'
import { CofferError } from '../../lib/errors.ts'
import { makeHeaderTable, rowsOf } from '../../middleware/header-table.ts'
import { requireLength } from '../../middleware/http/received-body.ts'
import { sendReader } from '../../middleware/http/send.ts'
import { cipherOf, strict } from '../../middleware/keys/cipher-of.ts'
import { invalidKey, SentKey } from '../../middleware/keys/sent-key.ts'
import { takeFields } from '../../middleware/keys/take-fields.ts'
import type { Node } from '../../middleware/node.ts'
import { Refusal } from '../../middleware/refusal.ts'
import type { Speaker, Speakers } from '../../middleware/speaker.ts'
import { objectSpeakers } from '../../middleware/speakers.ts'
import type { Context, State } from '../../middleware/state.ts'

interface PlainState extends State {
  account: string
  /** What a form has in front of the object's bytes. */
  form: { readonly secret: string; readonly rest: Buffer } | undefined
}

class PlainRefusal extends Refusal {
  constructor(status: number, code: string, headers: Readonly<Record<string, string>> = {}) {
    super(status, code, code, headers)
    this.name = 'PlainRefusal'
  }
}

class PlainKey extends SentKey {
  protected judge(key: string | undefined, _md5: string | undefined, bytes: Buffer): Buffer {
    if (key?.length !== 44) throw invalidKey('plain keys have 44 characters')
    return bytes.subarray(0, bytes.write(key, 'base64'))
  }
}

const FORM_TYPE = 'application/x-plain-form'
/** The first line of a form, its end included. */
const FORM_LINE_BYTES_MAX = 200

const statuses: Readonly<Record<string, number>> = {
  AccessDenied: 403,
  ObjectMissing: 404,
  KeyRequired: 400,
  KeyWrong: 403,
  KeyInvalid: 400,
  DigestMismatch: 400,
  LengthMissing: 411,
  LoginDelayed: 429,
}

const codeOf = (error: unknown) =>
  error instanceof CofferError || error instanceof Refusal ? error.code : 'Internal'

const statusOf = (_ctx: Context, error: unknown) =>
  error instanceof Refusal ? error.status : (statuses[codeOf(error)] ?? 500)

const isForm = ({ req }: Context<PlainState>) => req.headers['content-type'] === FORM_TYPE

async function readForm({ state }: Context<PlainState>, received: Pieces): Promise<void> {
  let text = Buffer.alloc(0)
  let end = -1
  while (end === -1) {
    const piece = await received.read()
    if (piece === undefined) throw new PlainRefusal(400, 'FormCut')
    text = Buffer.concat([text, piece])
    end = text.indexOf('\n')
    if (end === -1 ? text.length > FORM_LINE_BYTES_MAX : end >= FORM_LINE_BYTES_MAX) {
      throw new PlainRefusal(400, 'FormTooLong')
    }
  }
  state.form = { secret: text.toString('utf8', 0, end), rest: text.subarray(end + 1) }
}

/** The bytes behind a form's fields, then what still comes. */
function following(rest: Buffer, received: Pieces): Pieces {
  let first: Buffer | undefined = rest.length === 0 ? undefined : rest
  return {
    read: async () => {
      const piece = first ?? (await received.read())
      first = undefined
      return piece
    },
  }
}

function plain(node: Node): Speaker<PlainState> {
  return {
    name: 'plain',
    methods: ['GET', 'PUT', 'PLAIN'],
    standing: new Set(['plain-id', 'access-control-allow-origin', 'vary']),
    headers: makeHeaderTable([
      ...rowsOf('drop', undefined, [['x-amz-*', 'S3’s']]),
      ...rowsOf('refuse', 'always', [['plain-secret*', 'secrets have a place']]),
    ]),
    begin(ctx) {
      ctx.state.requestId = `plain-${ctx.state.requestId}`
      ctx.set('Plain-Id', ctx.state.requestId)
    },
    refuseMessage: ({ status }) => new PlainRefusal(status, 'Unreadable'),
    detect({ state, req }) {
      const [, , account = '', container, object] = state.target.path.split('/')
      if (object === undefined) throw new PlainRefusal(404, 'NoName')
      if (req.method !== 'GET' && req.method !== 'PUT') {
        throw new PlainRefusal(405, 'NoMethod', { Allow: 'GET, PUT' })
      }
      Object.assign(state, { account, container, object, operation: `Plain${req.method}` })
    },
    nameOrigins(ctx) {
      const { origin } = ctx.req.headers
      if (origin === undefined) return
      ctx.set('Access-Control-Allow-Origin', origin)
      ctx.set('Vary', 'Origin')
    },
    refuseHeader: (_rule, name) => new PlainRefusal(400, `Header-${name}`),
    forms: { matches: isForm, read: readForm },
    authenticate({ state, req }) {
      const sent = state.form?.secret ?? String(req.headers.authorization ?? '')
      if (sent === '') return
      const [access = '', secret] = sent.replace(/^Plain /, '').split(' ')
      const credential = node.users.byAccessKey(access)
      if (credential === undefined || credential.secret !== secret) {
        throw new PlainRefusal(401, 'PlainDenied')
      }
      state.caller = credential.identity
      state.provenAs = access
    },
    guessed: (_state, error) => (codeOf(error) === 'PlainDenied' ? 'whoever' : undefined),
    takeKeys({ req }, faults) {
      const names = { algorithm: 'plain-key-kind', key: 'plain-key', md5: 'plain-key-md5' }
      const fields = takeFields(req, names, faults)
      return { own: fields && new PlainKey(fields), source: null }
    },
    keyRule: ({ operation }) => (operation === 'PlainPUT' ? 'write' : 'read'),
    bindKeys({ state }) {
      if (state.keys.own !== null) state.cipher = cipherOf(state.keys.own, strict).cipher
    },
    prepareBody({ state, req }, received, announced) {
      if (state.operation === 'PlainPUT') requireLength(announced)
      const { form } = state
      const md5 = req.headers['plain-md5']
      state.source = new VerifiedSource(
        form === undefined ? received : following(form.rest, received),
        md5 === undefined ? {} : { md5: Buffer.from(String(md5), 'hex') },
      )
    },
    async handle(ctx) {
      const { asker, account, container = '', object = '', cipher, source } = ctx.state
      const ref = { account, container, object }
      if (ctx.state.operation === 'PlainPUT') {
        await node.service.put(asker, ref, { headers: {}, metadata: {}, source, cipher })
        ctx.set('Plain-Half', 'set before the end')
        ctx.status = 201
        ctx.body = 'stored\n'
        return
      }
      ctx.set('Plain-Half', 'set before the read')
      const reader = await node.service.get(asker, ref, { cipher })
      ctx.status = 200
      ctx.set('Content-Length', String(reader.info.size))
      await sendReader(ctx, node, reader)
    },
    statusOf,
    render(ctx, error) {
      ctx.status = statusOf(ctx, error)
      if (error instanceof Refusal) ctx.set(error.headers)
      ctx.body = `plain: ${codeOf(error)}\n`
    },
    unparsed: (code) => ({
      status: 400,
      headers: { 'Plain-Id': 'none' },
      body: `plain: ${code}\n`,
    }),
    proofOf: ({ provenAs }) =>
      provenAs === undefined || provenAs === '' ? undefined : { by: 'login', outcome: 'granted' },
  }
}

/** S3 and Swift, and the plain dialect below its own path. */
export function threeSpeakers(node: Node): Speakers {
  const objects = objectSpeakers(node)
  const third = plain(node)
  return {
    all: [...objects.all, third],
    of: (target, headers) =>
      target.path.startsWith('/plain/') ? third : objects.of(target, headers),
  }
}
