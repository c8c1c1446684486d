#!/bin/sh
# awaitables.sh ROOT: every type of the library that can be awaited is covered by a row of awaitables_test.cpp, in which
# a process is killed. An awaitable is what derives from awaitable<> or has an await_suspend.
set -eu
cd "$1"
table=tests/process/awaitables_test.cpp
# Not waited in by a process of their own: the first and last step of a coroutine, and what task and join consist of.
never_waited='final_transfer end_of_body awaiter awaitable process_promise scope task_promise_base'
found=$(awk '
    match($0, /^ *(class|struct) +(\[\[nodiscard\]\] +)?[a-z_]+/) && !/;[ \t]*$/ {
        name = substr($0, RSTART, RLENGTH); sub(/.* /, "", name); type = name
    }
    /: *public +(bastion::)?(awaitable|answer)</ || /[ *]await_suspend\(/ { print type }
' $(find include -name "*.hpp" | LC_ALL=C sort) | LC_ALL=C sort -u)
status=0
for type in $found; do
    case " $never_waited " in *" $type "*) continue ;; esac
    grep -Eq "// covers:.* $type( |\$)" "$table" && continue
    echo "$table: no process is killed in $type (add a row with '// covers: $type')"
    status=1
done
[ "$(echo "$found" | wc -l)" -ge 12 ] || { echo "awaitables.sh finds too little: $found"; status=1; }
exit $status
