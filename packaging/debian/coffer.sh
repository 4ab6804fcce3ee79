#!/bin/sh
# /usr/bin/coffer of the Debian package: runs the program with the package's Node.js and the configuration in /etc.
# For root it runs as the user coffer: a command that opens the stores would otherwise leave files in them that the
# service may not write. With COFFER_USER=root it stays root.
set -e
COFFER_CONFIG=${COFFER_CONFIG:-/etc/coffer/coffer.yaml}
export COFFER_CONFIG
user=${COFFER_USER:-coffer}
if [ "$(id -u)" = 0 ] && [ "$user" != root ]; then
  set -- setpriv --reuid="$user" --regid="$user" --init-groups /usr/lib/coffer/bin/node /usr/lib/coffer/bin/coffer.js "$@"
else
  set -- /usr/lib/coffer/bin/node /usr/lib/coffer/bin/coffer.js "$@"
fi
exec "$@"
