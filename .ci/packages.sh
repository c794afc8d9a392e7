# Sourced by the scripts beside it: a machine with only a Rust toolchain is enough, the rest is fetched by package name.

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# install_packages PACKAGE...: one line, and failure, where we may not or cannot install.
install_packages() {
    if ! command -v apt-get >/dev/null || ! as_root true 2>/dev/null; then
        echo "${0##*/}: please install first: $*" >&2
        return 1
    fi
    echo "${0##*/}: installing $*" >&2
    # A fresh machine is often still busy with its own upgrades, hence the patience.
    local output apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
    output=$(as_root "${apt[@]}" update 2>&1 && as_root "${apt[@]}" install -y --no-install-recommends "$@" 2>&1 </dev/null) || {
        printf '%s\n' "$output" >&2
        return 1
    }
}
