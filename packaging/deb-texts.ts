// The texts of the Debian package that are made from others: control, copyright and changelog, the
// configuration from etc/coffer.yaml, and the unit from etc/systemd/coffer.service, with the paths of an
// installed package.
import type { Manifest } from './build.ts'
import type { ProductionPackage } from './production.ts'

/** Debian's names of Node.js' architectures. */
const architectures: Readonly<Record<string, string>> = {
  x64: 'amd64',
  arm64: 'arm64',
  arm: 'armhf',
  ppc64: 'ppc64el',
  s390x: 's390x',
}

/** The Debian architecture of `arch`. Throws where Debian has none. */
export function architectureOf(arch: string): string {
  if (Object.hasOwn(architectures, arch)) return architectures[arch]!
  throw new Error(`Debian has no architecture for ${arch}`)
}

/** An npm version as a Debian version, in which `~` sorts before the release (deb-version(7)). */
export const debianVersion = (version: string) => version.replace('-', '~')

/** The packages' maintainer, from the variables of Debian's own tools (debchange(1)). */
export function maintainer(): string {
  const { DEBFULLNAME = 'coffer maintainers', DEBEMAIL = 'coffer@localhost' } = process.env
  return `${DEBFULLNAME} <${DEBEMAIL}>`
}

export interface ControlFields {
  readonly manifest: Manifest
  readonly architecture: string
  readonly libraries: readonly string[]
  readonly installedKib: number
}

/** DEBIAN/control (deb-control(5)). */
export function control({
  manifest,
  architecture,
  libraries,
  installedKib,
}: ControlFields): string {
  return `Package: coffer
Version: ${debianVersion(manifest.version)}
Architecture: ${architecture}
Maintainer: ${maintainer()}
Installed-Size: ${installedKib}
Depends: ${['adduser', 'init-system-helpers (>= 1.54~)', ...libraries].join(', ')}
Suggests: redis-server
Section: net
Priority: optional
Description: object storage that speaks S3 and Swift, with customer-held keys
 An object-storage node that speaks Amazon S3 and OpenStack Swift over the
 same objects, and in which the customer can hold the key (SSE-C). Everything
 at rest is sealed with AES-256-GCM: under the client's key where the request
 brings one, under the operator's root key otherwise.
 .
 The package brings its own Node.js. It starts nothing when it is installed.
`
}

/** /usr/share/doc/coffer/copyright (DEP 5). Packages keep their own licence files, to which it refers. */
export function copyright(packages: readonly ProductionPackage[]): string {
  const others = packages.map(
    ({ place, license }) => `Files: usr/lib/coffer/${place}/*
Copyright: its authors, as its files in that directory say
License: ${license.replaceAll(' ', '-')}
 As its files in usr/lib/coffer/${place} say.
`,
  )
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: coffer

Files: *
Copyright: 2026 the coffer authors
License: Apache-2.0
 On Debian systems the text of the Apache License, version 2.0, is in
 /usr/share/common-licenses/Apache-2.0.

Files: usr/lib/coffer/bin/node
Copyright: Node.js contributors, and the authors of what it contains
License: Expat-and-others
 The text is in /usr/share/doc/coffer/node-license.txt.gz.

${others.join('\n')}`
}

const WIDTH = 78

/** Breaks a text into lines. The first line begins with `first`, the others with as many spaces. */
function wrap(text: string, first: string): string {
  const lines: string[] = []
  let line = first
  for (const word of text.split(/\s+/)) {
    if (line.length + 1 + word.length > WIDTH && line.trim() !== first.trim()) {
      lines.push(line)
      line = ' '.repeat(first.length)
    }
    line += line === first || line.trim() === '' ? word : ` ${word}`
  }
  return [...lines, line].join('\n')
}

/**
 * The package's changelog (deb-changelog(5)), from the section of CHANGELOG.md for this version. Throws where
 * there is none.
 */
export function changelog(markdown: string, version: string, date: Date): string {
  const section = markdown
    .split(/^## /m)
    .find((part) => part.startsWith(`${version},`) || part.startsWith(`${version}\n`))
  if (section === undefined) throw new Error(`CHANGELOG.md says nothing of ${version}`)
  const items = section.split(/^- /m).slice(1)
  const changes = items.map((item) => wrap(item.trim(), '  * ')).join('\n')
  const stamp = date.toUTCString().replace('GMT', '+0000')
  return `coffer (${debianVersion(version)}) unstable; urgency=medium\n\n${changes}\n\n -- ${maintainer()}  ${stamp}\n`
}

/** Replaces each text, which must occur exactly `times` times. Throws where it does not, because the file has
 * changed. */
function replaceEach(
  text: string,
  replacements: readonly (readonly [from: string, to: string, times?: number])[],
): string {
  return replacements.reduce((now, [from, to, times = 1]) => {
    const pieces = now.split(from)
    if (pieces.length === times + 1) return pieces.join(to)
    throw new Error(`the packages expect ${times} of these, not ${pieces.length - 1}: ${from}`)
  }, text)
}

const DATA = '/var/lib/coffer'

/** /etc/coffer/coffer.yaml: the sample with the paths of a package. Throws where the sample has changed. */
export function installedConfig(sample: string): string {
  const body = sample.slice(sample.indexOf('\n\n') + 2)
  return `# yaml-language-server: $schema=/usr/share/doc/coffer/examples/coffer.schema.json
# Configuration of the coffer node that coffer.service runs; docs: /usr/share/doc/coffer/config.md.
# After a change: coffer serve --check, then systemctl restart coffer.

${replaceEach(body, [
  ['data: ./data\n', `data: ${DATA}\n`],
  ['# keyring: ./data/keyring\n', `# keyring: ${DATA}/keyring\n`],
  ['# devices: [ ./data/volumes ]\n', `# devices: [ ${DATA}/volumes ]\n`],
  ['# users: ./users.yaml\n', '# users: /etc/coffer/users.yaml\n'],
  ['# audit: ./audit.log\n', '# audit: /var/log/coffer/audit.log\n'],
])}`
}

/** The unit of an installed package. Throws where the unit of the checkout has changed. */
export function installedUnit(unit: string): string {
  const body = unit.slice(unit.indexOf('[Unit]'))
  return `# coffer as the Debian package installs it. Changes belong into a drop-in: systemctl edit coffer
${replaceEach(body, [
  [
    'Documentation=file:///opt/coffer/docs/operations.md',
    'Documentation=man:coffer(1) file:///usr/share/doc/coffer/operations.md',
  ],
  ['/opt/coffer/node_modules/.bin/node /opt/coffer/bin/coffer.ts', '/usr/bin/coffer', 3],
  // The mode with which the package makes the directory. Files in it are readable by their owner only (UMask).
  ['StateDirectoryMode=0700', 'StateDirectoryMode=0750'],
])}`
}
