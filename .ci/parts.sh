# Sourced by `run` and `long`: parts with names, a table of what each took, and the name of the one that failed.
#
#   part NAME COMMAND…                   runs it; whatever fails ends the script
#   because="REASON" part NAME COMMAND…  a part of more than five minutes says why
#   need PACKAGE COMMAND…                installs a Debian package, unless the command succeeds without it
#   tool NAME VERSION                    installs a program of cargo's into target/tools, unless it is there

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

part_table=()
part_name=
part_began=0

part() {
    part_name=$1
    part_began=$SECONDS
    part_because=${because:-}
    shift
    printf '\n=== %s: %s\n' "$part_name" "$*"
    "$@"
    part_row ''
    part_name=
}

part_row() {
    local seconds=$((SECONDS - part_began)) remark=$1
    if [ "$seconds" -gt 300 ]; then
        remark="$remark ${part_because:-more than 5 minutes, and nobody has said why}"
    fi
    part_table+=("$(printf '%-14s %3d:%02d  %s' "$part_name" $((seconds / 60)) $((seconds % 60)) "$remark")")
}

part_end() {
    local code=$?
    [ -z "$part_name" ] || part_row 'FAILED'
    printf '\n%-14s %6s\n' part min:s
    printf '%s\n' "${part_table[@]}"
    printf '%-14s %3d:%02d\n' total $((SECONDS / 60)) $((SECONDS % 60))
    if [ "$code" = 0 ]; then
        printf '\n%s: passed at %s\n' "$0" "$(git rev-parse --short HEAD)"
    else
        printf '\n%s: FAILED in %s (exit code %s)\n' "$0" "${part_name:-a line between two parts}" "$code"
    fi
}
trap part_end EXIT

# tool NAME VERSION: a program of cargo's, at exactly this version, in target/tools/bin. The debug build takes half as long
# to make as the release build, and is fast enough.
tool() {
    if [ "$("target/tools/bin/$1" --version 2>/dev/null)" != "$1 $2" ]; then
        cargo install "$1" --version "$2" --locked --debug --quiet --root target/tools
    fi
}

need() {
    local package=$1
    shift
    if "$@" >/dev/null 2>&1; then return; fi
    printf 'installing %s, because this does not work: %s\n' "$package" "$*"
    local as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update -q
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$package"
    "$@" >/dev/null
}
