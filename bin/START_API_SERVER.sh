#!/usr/bin/env bash
# bin/START_API_SERVER.sh [PORT]: until the API is there, the paper session on the built-in seed day with its terminal monitor.
set -euo pipefail
here="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)"
[[ "${1:-8000}" =~ ^[0-9]{1,5}$ ]] || { echo "tidegate: error: the port must be a number up to 65535, given: $1" >&2; exit 2; }
[ $# -eq 0 ] || echo "tidegate: port $1 is noted but not used yet: this version has no API, it runs the paper session in this terminal" >&2
exec "$here/tidegate" paper --scenario seed-day
