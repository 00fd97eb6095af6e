#!/usr/bin/env bash
# bin/START_API_SERVER.sh [PORT] [options of `tidegate serve`]: engine and API in one process, PAPER, on the open-market scenario; default port 8000.
set -euo pipefail
here="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)"
[[ $# -eq 0 || "$1" =~ ^(--[a-z]|-h) ]] && exec "$here/tidegate" serve "$@"
[[ "$1" =~ ^[0-9]{1,5}$ ]] || { echo "tidegate: error: the port must be a number up to 65535, given: $1" >&2; exit 2; }
exec "$here/tidegate" serve --port "$@"
