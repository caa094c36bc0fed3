# Sourced by `run` and `long`: parts with names and budgets, a table of what each took, and the name of the one that failed.
#
#   part NAME MINUTES COMMAND…   runs the command; whatever fails ends the script, and so does a part that takes more than
#                                one and a half times its budget; with a list of names in $chosen, other parts are left out
#   side_by_side LINE LINE       runs two lines of shell at once, waits for both, and fails if one of them does
#   timed NAME CARGO TEST…       runs `cargo test …`, prints how long each test took, and remembers it for the table
#   need PACKAGE COMMAND…        installs a Debian package, unless the command succeeds without it
#   tool NAME                    installs a program of `tools.txt` into the cache, unless it is there, and sets $tool to it
#
# Budgets are those of a cold run on two cores: a fresh clone without `target/` and without our cache. A part that misses
# its budget is made faster or given another on purpose, in a commit that says why.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What the gate compiles or downloads and another clone can use: tools, peers, the guests' compiler. By version, and
# under a lock while something is installed. `chronus_plugins_build::cache` is the same folder.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/chronus
slowest=20

# A gate compiles whole crates: what the compiler writes down to recompile parts of them costs time and is never used.
export CARGO_INCREMENTAL=0
# Tests wait for servers, browsers and leases more than they compute.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$((2 * $(nproc)))}

rm -rf target/ci
mkdir -p target/ci

chosen=()
parts=()
part_table=()
part_name=
part_began=0

part() {
    part_name=$1
    part_minutes=$2
    part_began=$SECONDS
    shift 2
    parts+=("$part_name")
    if [ "${#chosen[@]}" != 0 ] && ! is_in "$part_name" "${chosen[@]}"; then
        part_name=
        return
    fi
    printf '\n=== %s (budget: %s min): %s\n' "$part_name" "$part_minutes" "$*"
    "$@"
    local seconds=$((SECONDS - part_began))
    if [ "$seconds" -gt $((part_minutes * 90)) ]; then
        printf '\n%s took %d:%02d min; its budget is %s min, and one and a half times that is the most.\n' \
            "$part_name" $((seconds / 60)) $((seconds % 60)) "$part_minutes"
        return 1
    fi
    part_row ''
    part_name=
}

# is_in NAME NAME…: whether one of the further names is the first.
is_in() {
    local name=$1 other
    shift
    for other in "$@"; do
        [ "$other" != "$name" ] || return 0
    done
    return 1
}

side_by_side() {
    local first second code=0
    (eval "$1") &
    first=$!
    (eval "$2") &
    second=$!
    wait "$first" || code=$?
    wait "$second" || code=$?
    return "$code"
}

part_row() {
    local seconds=$((SECONDS - part_began)) remark=$1
    if [ -z "$remark" ] && [ "$seconds" -gt $((part_minutes * 60)) ]; then remark='over its budget'; fi
    part_table+=("$(printf '%-16s %3d:%02d  %6s  %s' \
        "$part_name" $((seconds / 60)) $((seconds % 60)) "$part_minutes" "$remark")")
}

part_end() {
    local code=$? name
    kill $(jobs -p) 2>/dev/null || true
    [ -z "$part_name" ] || part_row 'FAILED'
    slow_table
    printf '\n%-16s %6s  %6s\n' part min:s budget
    [ "${#part_table[@]}" = 0 ] || printf '%s\n' "${part_table[@]}"
    printf '%-16s %3d:%02d\n' total $((SECONDS / 60)) $((SECONDS % 60))
    for name in "${chosen[@]}"; do
        [ "$code" != 0 ] || is_in "$name" "${parts[@]}" || { part_name="the list of parts: none is called '$name'" && code=2; }
    done
    if [ "$code" = 0 ]; then
        printf '\n%s%s: passed at %s\n' "$0" "${chosen[*]:+ (only ${chosen[*]})}" "$(git rev-parse --short HEAD)"
    else
        printf '\n%s: FAILED in %s (exit code %s)\n' "$0" "${part_name:-a line between two parts}" "$code"
    fi
    exit "$code"
}
trap part_end EXIT

# Stable libtest gives no times. `.ci/timed`, which cargo runs compiled tests through, asks for them.
timed() {
    local log=target/ci/$1.tests host
    shift
    host=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
    env "CARGO_TARGET_${host}_RUNNER=$PWD/.ci/timed" "$@" | tee "$log"
}

# `test a::b ... ok <1.234s>`, from all logs, the slowest first.
slow_table() {
    local logs=(target/ci/*.tests)
    [ -e "${logs[0]}" ] || return 0
    printf '\n%9s  the %s slowest tests\n' seconds "$slowest"
    awk '
        FNR == 1 { name = FILENAME; sub(".*/", "", name); sub(".tests$", "", name) }
        match($0, /<[0-9.]+s>$/) {
            test = $0; sub(/^test /, "", test); sub(/ \.\.\. .*/, "", test); sub(/ - should panic$/, "", test)
            printf "%9.1f  %s (%s)\n", substr($0, RSTART + 1, RLENGTH - 3), test, name
        }' "${logs[@]}" | sort -k1,1 -rn | head -n "$slowest" || true
}

# tool NAME: a program of cargo's at exactly the version of `tools.txt`. What is there is asked for its version, so a folder
# that was left half-made is made again. The compiled program comes in seconds, checked by its digest; for other
# platforms it is compiled, which takes minutes.
tool() {
    local name=$1 line version folder
    line=$(grep "toolchain-$name==" .ci/tools.txt)
    version=${line#*==}
    version=${version%% *}
    folder=$cache/tools/$name-$version
    tool=$folder/bin/$name
    mkdir -p "$cache/tools"
    (
        flock 9
        if [ "$("$tool" --version 2>/dev/null)" != "$name $version" ]; then
            rm -rf "$folder"
            python3 -m venv "$folder"
            printf '%s\n' "$line" >"$folder/requirements.txt"
            "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
                --require-hashes -r "$folder/requirements.txt" ||
                cargo install "$name" --version "$version" --locked --debug --quiet --root "$folder"
        fi
    ) 9>"$folder.lock"
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
