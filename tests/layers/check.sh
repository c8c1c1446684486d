#!/bin/sh
# check.sh ROOT: a layer includes only layers above it in the table of docs/architecture.md; hwloc stays inside
# src/topology, and no public header needs fmt, hwloc or (outside net and cluster) Boost.
set -eu
cd "$1"

files=$(find include src -type f \( -name '*.hpp' -o -name '*.cpp' -o -name '*.h' \) | LC_ALL=C sort)
[ -n "$files" ] || { echo "layers: no sources below $1"; exit 1; }

# shellcheck disable=SC2086  # no file name of the project holds blanks
awk '
BEGIN {
    count = split("base topology executor process mailbox supervision routing runtime testing net cluster observer tools", order, " ")
    for (i = 1; i <= count; i++) rank[order[i]] = i
    status = 0
}
function wrong(text) { printf "%s:%d: %s\n", FILENAME, FNR, text; status = 1 }
FNR == 1 {
    parts = split(FILENAME, part, "/")
    public = part[1] == "include"
    layer = public ? part[3] : part[2]
    umbrella = FILENAME == "include/bastion/bastion.hpp"
    if (public && part[2] != "bastion") wrong("a public header lives in include/bastion")
    else if (!umbrella && !(layer in rank)) wrong("\"" layer "\" is no layer")
}
/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
    path = $0
    sub(/^[ \t]*#[ \t]*include[ \t]*[<"]/, "", path)
    sub(/[>"].*$/, "", path)
    if (path ~ /^hwloc/ && !(FILENAME ~ /^src\/topology\/.*\.cpp$/)) wrong("only src/topology/*.cpp includes hwloc")
    if (public && path ~ /^fmt\//) wrong("a public header includes no fmt")
    if (public && path ~ /^boost\// && layer != "net" && layer != "cluster") wrong("a public header includes no Boost")
    if (umbrella) next
    if (path == "bastion/bastion.hpp") { wrong("a layer does not include bastion/bastion.hpp"); next }
    target = path
    while (sub(/^\.\.?\//, "", target)) {}
    sub(/^bastion\//, "", target)
    if (!sub(/\/.*$/, "", target)) next
    if ((target in rank) && (layer in rank) && rank[target] > rank[layer])
        wrong("layer " layer " includes " path ", of a layer below it")
}
END { exit status }
' $files
