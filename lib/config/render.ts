// Writes the configuration's schema out for people: the sample file and the page of documentation. All they say
// comes from the schema, so that they cannot contradict what the node accepts.
import { stringify } from 'yaml'
import { writeBytes } from '../units.ts'
import { takesBytes } from './bytes.ts'
import { configSchema } from './schema.ts'

interface Node {
  readonly type?: string | readonly string[]
  readonly pattern?: string
  readonly description?: string
  readonly default?: unknown
  readonly examples?: readonly unknown[]
  readonly properties?: Readonly<Record<string, Node>>
  readonly required?: readonly string[]
  readonly items?: Node
  readonly anyOf?: readonly Node[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly minimum?: number
  readonly maximum?: number
}

const root: Node = configSchema

/** The value as YAML on one line. */
const inline = (value: unknown) =>
  stringify(value, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: true }).trim()

/** True for a list of maps, which is written with one entry on each line. */
const isLong = (value: unknown) =>
  Array.isArray(value) && value.some((item) => typeof item === 'object')

function sampleLines(name: string, node: Node, indent: string): string[] {
  const comment = `${indent}# ${node.description}`
  if (node.properties !== undefined) {
    const inner = Object.entries(node.properties)
    return [
      comment,
      `${indent}${name}:`,
      ...inner.flatMap(([k, v]) => sampleLines(k, v, `${indent}  `)),
    ]
  }
  if (node.default === undefined)
    return [comment, `${indent}# ${name}: ${inline(node.examples?.[0])}`]
  const value = node.default
  if (!isLong(value)) return [comment, `${indent}${name}: ${inline(value)}`]
  const items = (value as unknown[]).map((item) => `${indent}  - ${inline(item)}`)
  return [comment, `${indent}${name}:`, ...items]
}

/** The text of etc/coffer.yaml: every key with its default. A key that may be absent, or follows another, is a
 * comment. */
export function renderSample(): string {
  const head = [
    '# yaml-language-server: $schema=./coffer.schema.json',
    '# Written by `npm run schema` from lib/config/schema.ts; docs/config.md says more of each key.',
    '# `npm start` reads this file where --config names no other.',
    `# ${root.description}`,
  ]
  const keys = Object.entries(root.properties ?? {})
  const blocks = keys.map(([name, node]) => sampleLines(name, node, '').join('\n'))
  return `${head.join('\n')}\n\n${blocks.join('\n\n')}\n`
}

/** The form of a value, in a few words. */
function form(node: Node): string {
  if (node.anyOf !== undefined) return node.anyOf.map(form).join(' or ')
  if (node.const !== undefined) return `\`${node.const}\``
  if (node.enum !== undefined) return node.enum.map((word) => `\`${word}\``).join(', ')
  if (node.items !== undefined) return `list of ${form(node.items)}`
  if (node.properties !== undefined) return `map of ${Object.keys(node.properties).join(', ')}`
  if (takesBytes(node)) return `bytes, ${writeBytes(node.minimum!)} … ${writeBytes(node.maximum!)}`
  if (node.minimum !== undefined) return `${node.minimum} … ${node.maximum}`
  return String(node.type ?? '')
}

/** One table row for each value. A map has rows for its keys, whose paths contain the map's. */
function rowsOf(path: string, node: Node, required: boolean): string[] {
  const keys = Object.entries(node.properties ?? {})
  if (keys.length > 0) {
    const isRequired = (name: string) => node.required?.includes(name) ?? false
    return keys.flatMap(([name, below]) => rowsOf(`${path}.${name}`, below, isRequired(name)))
  }
  const absent = node.default === undefined ? '' : `\`${inline(node.default)}\``
  const row = `| \`${path}\` | ${form(node)} | ${required ? 'required' : absent} | ${node.description} |`
  const items = node.items?.properties === undefined ? [] : rowsOf(`${path}[]`, node.items, false)
  const maps = (node.anyOf ?? []).filter((choice) => choice.properties !== undefined)
  return [row, ...items, ...maps.flatMap((choice) => rowsOf(path, choice, false))]
}

/** The text of docs/config.md. */
export function renderPage(): string {
  const rows = Object.entries(root.properties ?? {}).flatMap(([name, node]) =>
    rowsOf(name, node, false),
  )
  return `<!-- Written by \`npm run schema\` from lib/config/schema.ts: edit that file. -->
# Configuration

One YAML file, \`etc/coffer.yaml\` unless \`--config FILE\` names another. Relative paths are relative to
the working directory; unknown keys are errors. \`coffer --check\` says what is wrong, with path and line:

    etc/coffer.yaml/listen/0/port: must be integer (line 14)

\`--data DIR\` stands for \`data\`; \`keyring\` and \`devices\` follow it where the file does not set them. \`--port N\` stands for
the ports of \`listen\`, of all entries in their order: the first takes N, each further one the next number (of the default, http
N, https N + 1, identity N + 2 and keys N + 3), and with 0 each takes a free one; host, tls and all else stay as they are.

Bytes are a whole number, or one with a unit: \`64 MiB\`, \`1.5G\`, \`500k\`. K, M, G, T and P are powers of 1000, Ki to Pi of
1024; a B may follow. The options of commands that take bytes read the same.

Keys whose
feature is not built yet are accepted, and warned of at start when they are set to something else than their default:
\`threads\`, \`swift.resellers\` beyond the first prefix and \`serviceRole\`, \`swift.remapDomains\`,
\`swift.policies\` and \`lifecycle\`.

| key | value | default | what it is for |
|---|---|---|---|
${rows.join('\n')}

## users.yaml

    accounts:
      - id: test                    # stable storage id; never changes
        users:
          - name: tester
            password: testing       # or a scrypt hash: $scrypt$N$r$p$salt$hash
            roles: [admin]
            s3:
              - access: AKIDEXAMPLE
                secret: example-secret
                canonicalId: test   # absent: the account's id
                displayName: test   # absent: the account's id
                email: tester@example.com

Roles are free words. These have a meaning: \`admin\` (owner of the account), \`reseller_admin\`, \`reseller_reader\`;
others count where the configuration names them, as \`identity.operatorRoles\` does, and in the key manager: \`creator\` keeps secrets, \`observer\` reads them,
\`audit\` sees what there is. The file holds secrets: where others than its owner may read or write it (any mode but 0600 or 0400) it is refused, as the keyring is.

The node reads the file and never writes it: it is the operator's, edited by hand, and read again on \`coffer user reload\`. \`coffer user\` and the identity service keep
users in the catalog. A user is seen from both; where both have one of a name, the file's counts.
`
}
