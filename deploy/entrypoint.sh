#!/bin/sh
# Brings the database's tables up to date before the gateway serves; every other command runs as it is.
set -eu
if [ "${1:-}" = serve ]; then
  pixapi db upgrade --config "${PIXAPI_CONFIG:-/etc/pixapi/pixapi.toml}"
fi
exec pixapi "$@"
