#!/usr/bin/env bash
# Prepares a machine for unstick's tests and its living demo world.
#
#   setup.sh venv                  .venv with unstick and its development packages, in this checkout
#   setup.sh servers [live]        PostgreSQL, Redis and RabbitMQ: there, or installed, or one line saying what to install
#   setup.sh servers test          the same with tmux, screen and PgBouncer, but what is missing is no error: the tests
#                                  that need it are skipped
#
# UNSTICK_NO_INSTALL=1 forbids to install system packages. In CI a missing server is an error for the tests, too.
# Exit status: 0 ready, 1 failed, 3 something is missing that may not be installed here.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$here"

say() { printf '%s\n' "$*"; }
fail() { printf 'setup: %s\n' "$1" >&2; exit "${2:-1}"; }

# --- system packages ------------------------------------------------------------------------------------------------

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

may_install() {
  [ "${UNSTICK_NO_INSTALL:-}" != 1 ] && command -v apt-get >/dev/null || return 1
  [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }
}

# Debian starts a server as soon as it is installed, on its default port. A policy file prevents that; one that the
# machine has already is left alone.
policy=/usr/sbin/policy-rc.d
policy_is_ours=no
forbid_starts() {
  [ -e "$policy" ] && return
  policy_is_ours=yes
  trap allow_starts EXIT
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
}
allow_starts() {
  if [ "$policy_is_ours" = yes ]; then as_root rm -f "$policy"; policy_is_ours=no; fi
}

apt_log=""
apt() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=120 "$@" >>"$apt_log" 2>&1
}
install_packages() {
  apt_log=$(mktemp)
  forbid_starts
  if ! { apt update && apt install --no-install-recommends "$@"; }; then
    tail -n 5 "$apt_log" >&2
    rm -f "$apt_log"
    allow_starts
    return 1
  fi
  rm -f "$apt_log"
  allow_starts
}

# --- the Python environment -----------------------------------------------------------------------------------------

recent() { "$1" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 python3.14; do
    if [ -n "$candidate" ] && command -v "$candidate" >/dev/null && recent "$candidate"; then
      say "$candidate"
      return
    fi
  done
  fail "no Python 3.11 or newer found (Debian 12 and later: apt install python3 python3-venv)" 3
}

make_venv() {
  local python=$1 package
  "$python" -m venv .venv >/dev/null 2>&1 && return
  rm -rf .venv
  package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
  if may_install && install_packages "$package" && "$python" -m venv .venv >/dev/null; then return; fi
  rm -rf .venv
  fail "$python has no venv module; install the Debian package $package (or python3-venv)" 3
}

venv() {
  local stamp=.venv/.unstick-stamp wanted log
  local constraints=()
  if [ ! -x .venv/bin/python ] || ! recent .venv/bin/python; then
    say "[1/3] python environment: .venv …"
    rm -rf .venv
    make_venv "$(find_python)"
  fi
  if [ -f constraints.txt ]; then constraints=(-c constraints.txt); fi
  wanted=$({ cat pyproject.toml constraints.txt 2>/dev/null; .venv/bin/python -V; pwd; } | sha256sum | cut -d' ' -f1)
  if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    say "[1/3] python environment: ready"
    return
  fi
  say "[2/3] python packages (the first time takes a minute or two) …"
  log=$(mktemp)
  if ! .venv/bin/python -m pip install -q --disable-pip-version-check -e '.[dev]' "${constraints[@]}" >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    rm -f "$log"
    fail "the packages could not be installed (see above)"
  fi
  rm -f "$log"
  say "[3/3] compiling …"
  env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -m compileall -q -j 0 .venv/lib >/dev/null 2>&1 || true
  say "$wanted" >"$stamp"
}

# --- the servers ----------------------------------------------------------------------------------------------------

missing_servers() {
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null || say postgresql
  command -v redis-server >/dev/null || say redis-server
  [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || command -v rabbitmq-server >/dev/null || say rabbitmq-server
}

# What some tests look at besides: they are skipped without it.
missing_company() {
  local name
  for name in tmux screen pgbouncer; do
    PATH=$PATH:/usr/sbin command -v "$name" >/dev/null || say "$name"
  done
}

servers() {
  local missing company optional=no
  if [ "${1:-}" = test ] && [ -z "${CI:-}" ]; then optional=yes; fi
  missing=$(missing_servers | xargs)
  if [ "${1:-}" = test ]; then company=$(missing_company | xargs); fi
  if [ -n "$missing${company:-}" ] && may_install; then
    say "servers: installing $missing ${company:-} (their system services stay off) …"
    # shellcheck disable=SC2086 # a list of package names
    if install_packages $missing ${company:-}; then missing=$(missing_servers | xargs); fi
  fi
  if [ -z "$missing" ]; then
    say "servers: PostgreSQL, Redis, RabbitMQ are here"
  elif [ "$optional" = yes ]; then
    say "servers: not installed here: $missing; tests that need them are skipped (apt-get install $missing)"
  else
    fail "missing servers; install them with: apt-get install $missing" 3
  fi
}

case "${1:-}" in
  venv) venv ;;
  servers) servers "${2:-}" ;;
  *) fail "usage: setup.sh venv | servers [live|test]" ;;
esac
