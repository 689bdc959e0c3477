# shellcheck shell=bash
# What steps need that a machine may lack. `.ci/run` reads this file.

# Installs packages in CI; elsewhere that is for you to do.
install() {
    if [[ ${CI:-} != true ]]; then
        skip "$* (\`apt-get install $*\`)"
        return 1
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null ||
        fail "$* can't be installed"
}

have() {
    command -v "$1" >/dev/null
}

skip() {
    [[ ${CI:-} != true ]] || fail "it needs $1"
    echo "skipped: it needs $1"
}

fail() {
    echo "error: $1" >&2
    exit 1
}

# Unpacks rustc of a version that Debian has, and further packages of that version, into a directory;
# outside CI it installs nothing.
unpack_rustc() {
    local version=$1 directory=$2 llvm
    have apt-get || return
    [[ ${CI:-} != true ]] || apt-get update -qq
    llvm=$(apt-cache depends "libstd-rust-web-$version" 2>/dev/null | grep -o 'libllvm[0-9]*') || return
    # For what LLVM's library needs in its turn.
    [[ ${CI:-} != true ]] || install "$llvm"
    set -- rustc-web libstd-rust-web-dev "${@:3}"
    mkdir "$directory"
    (
        cd "$directory" &&
            for package in "${@/%/=$version.*}" "libstd-rust-web-$version" "$llvm"; do
                apt-get download -qq "$package" && dpkg -x ./*.deb . && rm ./*.deb || exit
            done
    )
}

# Runs a command with the rustc that was unpacked into a directory.
with_rustc() {
    local directory=$1 libraries
    shift
    libraries=$(dirname "$(find "$directory/usr" -name 'librustc_driver-*.so')")
    LD_LIBRARY_PATH=$libraries RUSTC=$directory/usr/bin/rustc "$@"
}
