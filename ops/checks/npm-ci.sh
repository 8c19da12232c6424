#!/usr/bin/env bash
# Installs what the package-lock.json of a folder pins: npm-ci.sh FOLDER. Once it is there, nothing
# is asked of npm.
set -euo pipefail
cd "$1"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/firstcome
mkdir -p "$cache"
# One at a time; the others then find it done. Not in node_modules, which npm empties.
exec 9>"$cache/npm.lock"
flock 9

wanted=$(cat package.json package-lock.json | sha256sum)
installed=node_modules/.installed
if [ "$(cat "$installed" 2>/dev/null)" != "$wanted" ]; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  echo "$wanted" >"$installed"
fi
