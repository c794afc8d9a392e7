# Sourced by the scripts beside it: a machine with only a Rust toolchain is enough, the rest is fetched by package name.

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# unpack_program DIRECTORY PROGRAM PACKAGE...: the files of the first of the packages that has the program, below DIRECTORY, to
# which PATH must lead. They are not installed, since that starts services, now and at every boot: nginx on port 80, for one.
# The libraries that they need must be here already.
unpack_program() {
    local directory=$1 program=$2 package
    shift 2
    for package in "$@"; do
        unpack_package "$directory" "$package"
        if command -v "$program" >/dev/null; then return; fi
    done
    echo "${0##*/}: please install first: $program" >&2
    return 1
}

# unpack_redis DIRECTORY: the same for a Redis, whose libraries come along: few machines have them.
unpack_redis() {
    local directory=$1 fetched package
    echo "${0##*/}: fetching redis-server" >&2
    fetched=$(mktemp -d)
    for package in redis-server redis-tools libjemalloc2 liblzf1; do
        download "$fetched" "$package" >>"$fetched/log" 2>&1 || break
    done
    mkdir -p "$directory/redis" "$directory/usr/bin"
    for package in "$fetched"/*.deb; do dpkg-deb -x "$package" "$directory/redis" 2>>"$fetched/log" || true; done
    cat >"$directory/usr/bin/redis-server" <<'SCRIPT'
#!/bin/sh
redis=$(dirname "$0")/../../redis
for libraries in "$redis"/usr/lib/*-linux-*; do export LD_LIBRARY_PATH="$libraries"; done
exec "$redis/usr/bin/redis-server" "$@"
SCRIPT
    chmod +x "$directory/usr/bin/redis-server"
    if redis-server --version >>"$fetched/log" 2>&1; then
        rm -rf "$fetched"
        return
    fi
    tail -n 3 "$fetched/log" >&2
    rm -rf "$fetched" "$directory/usr/bin/redis-server"
    echo "${0##*/}: please install first: redis-server" >&2
    return 1
}

# unpack_package DIRECTORY PACKAGE: the files of the package, if there is one, below DIRECTORY.
unpack_package() {
    local fetched
    echo "${0##*/}: fetching $2" >&2
    mkdir -p "$1"
    fetched=$(mktemp -d)
    if download "$fetched" "$2" >"$fetched/log" 2>&1; then
        dpkg-deb -x "$fetched"/*.deb "$1" 2>>"$fetched/log" || true
    fi
    tail -n 3 "$fetched/log" >&2
    rm -rf "$fetched"
}

# The lists of packages may be missing, or too old to name what is there: then they are fetched first.
download() (
    cd "$1"
    fetch=(apt-get -q download -o APT::Sandbox::User=root "$2")
    "${fetch[@]}" || { as_root apt-get -q update && "${fetch[@]}"; }
)

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

# fetch_python DIRECTORY: a Python with what requirements.txt names, there.
fetch_python() {
    local python=$1
    if cmp -s .ci/requirements.txt "$python/requirements.txt"; then return; fi
    echo "${0##*/}: fetching from PyPI" >&2
    python3 -m venv --clear "$python" || { install_packages python3-venv && python3 -m venv --clear "$python"; }
    "$python/bin/pip" install --quiet --disable-pip-version-check --requirement .ci/requirements.txt
    cp .ci/requirements.txt "$python/requirements.txt"
}

# fetch_npm DIRECTORY: the packages that npm-packages.txt names, below it.
fetch_npm() {
    local npm=$1 platform
    platform=$(node -p '`${process.platform}-${process.arch}`')
    if cmp -s .ci/npm-packages.txt "$npm/npm-packages.txt"; then return; fi
    echo "${0##*/}: fetching from npm" >&2
    rm -rf "$npm" && mkdir -p "$npm"
    grep -v '^#' .ci/npm-packages.txt | sed "s/PLATFORM/$platform/" |
        xargs npm install --silent --prefix "$npm" --ignore-scripts --no-audit --no-fund --no-update-notifier
    cp .ci/npm-packages.txt "$npm/npm-packages.txt"
}
