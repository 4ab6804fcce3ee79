// `npm run long:boot`: the Debian package under systemd itself, in a system that is booted and thrown away, as
// docs/operations.md tells an operator to run it: configured, started, reloaded, upgraded under an upload, killed,
// removed and purged. Needs root, systemd-nspawn (package systemd-container) and curl.
import { existsSync } from 'node:fs'
import t from 'tap'
import { makeDeb } from '../../packaging/deb.ts'
import { scratch } from '../helpers/process.ts'
import { bootedSystem } from './scratch-system.ts'

const CONFIGURE = `set -e
install -d -m 0700 /etc/coffer/secrets
( umask 077; printf 'version: 1\\nactive: k1\\nkeys:\\n  k1: %s\\n' "$(openssl rand -base64 32)" > /etc/coffer/secrets/keyring )
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost \\
  -keyout /etc/coffer/key.pem -out /etc/coffer/cert.pem 2>/dev/null
chown root:coffer /etc/coffer/key.pem
chmod 0640 /etc/coffer/key.pem
cat > /etc/coffer/coffer.yaml <<'END'
data: /var/lib/coffer
keyring: /run/credentials/coffer.service/keyring
devices: [ /var/lib/coffer/volumes, /srv/disk1/coffer ]
listen:
  - { port: 8443, tls: { cert: /etc/coffer/cert.pem, key: /etc/coffer/key.pem } }
audit: /var/log/coffer/audit.log
storage: { reserveBytes: 0, writeBufferBytes: 1048576 }
END
mkdir -p /etc/systemd/system/coffer.service.d
cat > /etc/systemd/system/coffer.service.d/override.conf <<'END'
[Service]
LoadCredential=keyring:/etc/coffer/secrets/keyring
ReadWritePaths=-/srv/disk1/coffer
END
systemctl daemon-reload`

/** Runs curl with the first user's signature. */
const S3 = `first() { awk -v field="$1:" '$0 ~ field { print $NF; exit }' /var/lib/coffer/users.yaml; }
s3() {
  curl -sS --cacert /etc/coffer/cert.pem --aws-sigv4 aws:amz:us-east-1:s3 -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' \\
    --user "$(first access):$(first secret)" "$@"
}
`
const BOX = 'https://localhost:8443/box'

t.setTimeout(0)
t.test('the package under systemd, from its installation to its purge', async (t) => {
  t.setTimeout(0)
  if (existsSync('/usr/lib/coffer')) throw new Error('coffer is installed on this machine')
  const deb = makeDeb({ out: scratch(t), compression: 'none' })
  const system = await bootedSystem(t, deb, 'coffer.deb')
  if (typeof system === 'string') throw new Error(system)
  const { sh, text } = system
  const isActive = async () => (await sh('systemctl is-active coffer')).stdout.toString().trim()
  const status = (...args: string[]) =>
    text(`${S3} s3 -o /dev/null -w '%{http_code}' ${args.join(' ')}`)

  await text('dpkg -i /coffer.deb')
  t.match(await sh('systemctl is-enabled coffer'), { code: 1 }, 'installed, it is not enabled')
  t.equal(await isActive(), 'inactive')

  await text(CONFIGURE)
  await text('coffer serve --check')
  await text('systemctl enable --now coffer')
  t.equal(await status('-X PUT', BOX), '200', 'once started it serves, without a wait')
  await text('head -c 20000000 /dev/urandom > /blob')
  t.equal(await status('-T /blob', `${BOX}/one`), '200')
  t.match(
    await text('coffer status'),
    /device \/srv\/disk1\/coffer +unknown free/,
    'one disk is missing',
  )
  await text('mount -t tmpfs -o size=256m disk /srv && install -d -o coffer /srv/disk1/coffer')
  await text('systemctl restart coffer')
  t.notMatch(await text('coffer status'), 'unknown free', 'and now it is there')
  t.match(await text('coffer user add main other'), 'Added main:other')
  t.equal(await text('find /var/lib/coffer /srv/disk1 -mindepth 1 ! -user coffer'), '')

  await text('COFFER_USER=root coffer key add --id k2 --keyring /etc/coffer/secrets/keyring')
  await text('systemctl restart coffer')
  await text('COFFER_USER=root coffer key activate k2 --keyring /etc/coffer/secrets/keyring')
  await text('systemctl restart coffer && coffer rewrap')
  t.match(await text('coffer key list'), /^k1\t0 versions/m)

  await text('mv /var/log/coffer/audit.log /var/log/coffer/audit.log.1 && systemctl reload coffer')
  t.equal(await status('-T /blob', `${BOX}/two`), '200')
  t.match(await text('cat /var/log/coffer/audit.log'), /"object":"two"/)
  await text(
    'cp -a /etc/coffer/key.pem /key.pem && openssl genrsa 2048 > /etc/coffer/key.pem 2>/dev/null',
  )
  t.not((await sh('systemctl reload coffer')).code, 0, 'a key of another certificate is refused')
  t.equal(await status(`${BOX}/two`), '200', 'and the node serves on')
  await text('cp -a /key.pem /etc/coffer/key.pem && systemctl reload coffer')

  await text(`dpkg-deb -R /coffer.deb /new && sed -i 's/^Version: .*/&+later/' /new/DEBIAN/control
    dpkg-deb -Znone -b /new /new.deb`)
  const upload = status('--limit-rate 3M -T /blob', `${BOX}/slow`)
  await text(
    `until journalctl --sync && test -n "$(ss -Htn state established '( sport = :8443 )')"; do sleep 0.1; done`,
  )
  await text('dpkg -i /new.deb')
  t.equal(await upload, '200', 'an upgrade waits for the upload that is under way')
  t.match(await text('dpkg --status coffer'), /^Version: .*\+later$/m)
  t.equal(await text(`${S3} s3 ${BOX}/slow | cmp - /blob`), '')

  await text('systemctl kill --signal=KILL --kill-who=main coffer')
  await text(
    'until test "$(systemctl show -P NRestarts coffer)" = 1 && systemctl -q is-active coffer; do sleep 0.2; done',
  )
  t.equal(await text(`${S3} s3 ${BOX}/one | cmp - /blob`), '', 'after a kill it is started again')

  await text('systemctl stop coffer')
  t.equal(await text('systemctl show -P Result coffer'), 'success')
  await text(
    '(sleep infinity | openssl s_server -accept 8443 -nocert -cipher aNULL) >/dev/null 2>&1 &',
  )
  await text(`until test -n "$(ss -Htln '( sport = :8443 )')"; do sleep 0.1; done`)
  t.not((await sh('systemctl start coffer')).code, 0, 'a port that is taken fails the start')
  await text('kill $(pidof openssl)')
  await text('systemctl stop coffer; systemctl start coffer')

  await text('dpkg -r coffer')
  t.equal(await isActive(), 'inactive')
  await text('dpkg -i /new.deb && systemctl start coffer')
  t.equal(await text(`${S3} s3 ${BOX}/two | cmp - /blob`), '', 'data outlive a removal')
  await text('dpkg -P coffer')
  await text(
    'test -d /var/lib/coffer/catalog && test -s /var/log/coffer/audit.log && getent passwd coffer',
  )
  t.equal(await text('find /etc/systemd/system -name coffer.service'), '')
})
