# Installs what the tests need, once: Debian packages where one is missing, and
# a Python environment with a SQLCipher build that is not ours. Sourced by
# tests/run and benches/run.

# Says what is missing and how to get it, when it cannot be installed.
_missing() {
  echo "error: $1 is missing and could not be installed." >&2
  echo "  install it: $2" >&2
}

# The newest packages list is fetched only if something is missing.
_install_packages() {
  local root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
      _missing "$*" "sudo apt-get install $*"
      return 1
    fi
    root=(sudo -n)
  fi
  echo "installing: $*"
  export DEBIAN_FRONTEND=noninteractive
  local wait=(-o DPkg::Lock::Timeout=600 -o Acquire::Retries=3)
  if ! { "${root[@]}" apt-get "${wait[@]}" update -qq &&
         "${root[@]}" apt-get "${wait[@]}" install -y -qq --no-install-recommends "$@"; } >"$_cache/apt.log" 2>&1; then
    tail -5 "$_cache/apt.log" >&2
    _missing "$*" "apt-get install $*"
    return 1
  fi
}

# A Python that has sqlcipher3, the stock SQLCipher.
_install_python() {
  HEALTHPOST_PYTHON=$_cache/venv/bin/python
  export HEALTHPOST_PYTHON
  "$HEALTHPOST_PYTHON" -c 'import sqlcipher3' 2>/dev/null && return 0
  rm -rf "$_cache/venv"
  # The wheel is built with SQLCipher inside; -binary is its older sister.
  if ! { python3 -m venv "$_cache/venv" &&
         { "$_cache/venv/bin/pip" install -q --only-binary :all: 'sqlcipher3==0.6.4' ||
           "$_cache/venv/bin/pip" install -q --only-binary :all: sqlcipher3-binary; }; } >"$_cache/pip.log" 2>&1; then
    tail -5 "$_cache/pip.log" >&2
    _missing "the Python package sqlcipher3" "python3 -m venv $_cache/venv && $_cache/venv/bin/pip install sqlcipher3"
    return 1
  fi
}

# install_test_tools CACHE: everything tests/run needs.
install_test_tools() {
  _cache=$1
  mkdir -p "$_cache"
  local wanted=()
  command -v cc >/dev/null || wanted+=(build-essential)
  command -v make >/dev/null || wanted+=(make)
  command -v perl >/dev/null || wanted+=(perl)
  command -v strace >/dev/null || wanted+=(strace)
  command -v ip >/dev/null || wanted+=(iproute2)
  command -v sysctl >/dev/null || wanted+=(procps)
  [ -e /etc/ssl/certs/ca-certificates.crt ] || wanted+=(ca-certificates)
  command -v swtpm >/dev/null || wanted+=(swtpm)
  command -v swtpm_setup >/dev/null || wanted+=(swtpm-tools)
  command -v tpm2_unseal >/dev/null || wanted+=(tpm2-tools)
  command -v python3 >/dev/null || wanted+=(python3)
  python3 -c 'import ensurepip, venv' 2>/dev/null || wanted+=(python3-venv)
  command -v chromium >/dev/null || wanted+=(chromium)
  command -v chromedriver >/dev/null || wanted+=(chromium-driver)
  # Emoji in messages are boxes in the pictures without it.
  [ -e /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf ] || wanted+=(fonts-noto-color-emoji)
  if [ "${#wanted[@]}" -gt 0 ]; then _install_packages "${wanted[@]}" || return 1; fi
  _install_python || return 1
  command -v cargo >/dev/null || { _missing cargo "the toolchain of rust-toolchain.toml, with rustup"; return 1; }
}
