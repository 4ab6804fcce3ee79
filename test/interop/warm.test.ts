// What stands for hundreds of processes does what each of them would: a sample of command lines, run by a warm
// client and by the program itself, ends with the same exit codes and prints the same.
import t from 'tap'
import {
  type Client,
  clients,
  clientTest,
  openstackClients,
  type Program,
  type Runner,
  run,
  swiftClients,
} from '../helpers/clients.ts'
import { listenWithIdentity } from '../helpers/identity.ts'
import { awsProgram, sseC } from './awscli.ts'
import { openstackProgram } from './openstack.ts'
import { s3cmdProgram } from './s3cmd.ts'
import { contentOf, type Setting, startSetting } from './setting.ts'
import { sealedBy, swiftProgram } from './swiftclient.ts'
import { runWarm } from './warm.ts'

t.setTimeout(600_000)

interface Line {
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly input?: Buffer
}

interface Case {
  readonly client: Client
  /** Where the node has to listen for more than objects. */
  readonly listen?: Listen
  program(setting: Setting, runner: Runner): Program
  /** What to run on `bucket`, which is not there at first. */
  lines(setting: Setting, bucket: string): readonly Line[]
}

const body = contentOf('body', 100_000)
const tester = ['tester', 'testing', 'test'] as const

type Listen = NonNullable<NonNullable<Parameters<typeof startSetting>[1]>['listen']>

const aws = (client: Client): Case => ({
  client,
  program: (setting, runner) => awsProgram(client, setting, undefined, runner),
  lines: ({ key, other }, bucket): readonly Line[] => [
    { args: ['s3', 'mb', `s3://${bucket}`] },
    { args: ['s3', 'cp', '-', `s3://${bucket}/sealed`, ...sseC(key)], input: body },
    { args: ['s3', 'cp', `s3://${bucket}/sealed`, '-', ...sseC(key)] },
    { args: ['s3', 'cp', `s3://${bucket}/sealed`, '-', ...sseC(other)] },
    { args: ['s3', 'ls', `s3://${bucket}`], env: { AWS_SECRET_ACCESS_KEY: 'wrong' } },
    { args: ['s3', 'ls', `s3://${bucket}`] },
    { args: ['s3', 'no-such-command'] },
  ],
})

const cases: readonly Case[] = [
  aws(clients.awscliDebian),
  aws(clients.awscliPypi),
  {
    client: swiftClients.swift,
    program: (setting, runner) => swiftProgram(setting, undefined, runner),
    lines: ({ key, other }, bucket) => [
      { args: ['post', bucket, '--meta', 'Colour:blue'] },
      { args: ['upload', bucket, '-', '--object-name', 'o', ...sealedBy(key)], input: body },
      { args: ['download', bucket, 'o', '--output', '-', ...sealedBy(key)] },
      { args: ['download', bucket, 'o', '--output', '-', ...sealedBy(other)] },
      { args: ['list', bucket], env: { ST_KEY: 'wrong' } },
      { args: ['list', '--json', bucket] },
      { args: ['no-such-command'] },
    ],
  },
  {
    client: clients.s3cmd,
    program: (setting, runner) => s3cmdProgram(setting, setting.node.https, [], runner),
    lines: (_, bucket) => [
      { args: ['mb', `s3://${bucket}`] },
      { args: ['put', '-', `s3://${bucket}/o`], input: body },
      { args: ['get', `s3://${bucket}/o`, '-'] },
      { args: ['ls', `s3://${bucket}`, '--secret_key=wrong'] },
      { args: ['ls', `s3://${bucket}`] },
      { args: ['no-such-command'] },
    ],
  },
  {
    client: openstackClients.openstack,
    listen: listenWithIdentity as never,
    program: (setting, runner) => openstackProgram(setting, tester, 'openstack', runner),
    lines: (setting, bucket) => [
      { args: ['container', 'create', bucket] },
      { args: ['object', 'create', '--name', 'o', bucket, setting.file('body', body.length)] },
      { args: ['object', 'save', '--file', '-', bucket, 'o'] },
      { args: ['container', 'list'], env: { OS_PASSWORD: 'wrong' } },
    ],
  },
]

/** Without what differs between any two runs: times, and names of requests. */
function steady(text: string, bucket: string): string {
  return text
    .replaceAll(bucket, 'BUCKET')
    .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?/g, 'TIME')
    .replace(/in \d+\.\d seconds, .* B\/s/, 'in SECONDS')
    .replace(/\b(tx|req-)[0-9a-f-]+\b/g, 'REQUEST')
    .replace(/\b[0-9a-f]{32}\b/g, 'ETAG')
}

for (const { client, listen, program, lines } of cases) {
  clientTest(t, client, `${client.name} does warm what it does alone`, async (t) => {
    const setting = await startSetting(t, listen && { listen })
    const ways = {
      warm: { program: program(setting, runWarm), lines: lines(setting, 'bucket-a') },
      alone: { program: program(setting, run), lines: lines(setting, 'bucket-b') },
    }
    const results = async ({ program, lines }: (typeof ways)['warm'], bucket: string) => {
      const finished = []
      for (const { args, env, input } of lines) {
        const options = { ...(env && { env }), ...(input && { input }) }
        const { code, stdout, stderr } = await program.run(args, options)
        const printed = {
          stdout: stdout.equals(body) ? 'the object' : steady(stdout.toString(), bucket),
          stderr: steady(stderr, bucket),
        }
        finished.push({ line: args.join(' ').replaceAll(bucket, 'BUCKET'), code, ...printed })
      }
      return finished
    }
    const warm = await results(ways.warm, 'bucket-a')
    const alone = await results(ways.alone, 'bucket-b')
    for (const [i, result] of alone.entries()) t.same(warm[i], result, result.line)
    t.ok(alone.some(({ code }) => code !== 0) && alone.some(({ code }) => code === 0))
    t.ok(alone.some(({ stdout }) => stdout === 'the object'))
  })
}

clientTest(t, swiftClients.swift, 'warm commands asked for at once do not mix', async (t) => {
  const swift = swiftProgram(await startSetting(t))
  const names = ['one', 'two', 'three']
  await Promise.all(names.map((name) => swift.ok(['post', name, '--meta', `Name:${name}`])))
  const shown = await Promise.all(names.map((name) => swift.text(['stat', name])))
  for (const [i, name] of names.entries()) t.match(shown[i], `Meta Name: ${name}\n`)
})

clientTest(t, swiftClients.swift, 'a warm command that takes too long is ended', async (t) => {
  const swift = swiftProgram(await startSetting(t))
  await t.rejects(swift.run(['list'], { timeoutMs: 1 }), {
    message: /list: ended by SIGKILL within 1 ms/,
  })
  t.equal(await swift.text(['list']), '', 'and the next one runs')
})
