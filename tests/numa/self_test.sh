#!/bin/sh
# self_test.sh: run.sh notices whatever may become of a guest. The emulator is a script that plays it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/bin"
emulator=$scratch/bin/qemu-system-x86_64
status=0

plays() { # plays COMMAND...: what the emulator does; $report is the second serial line
    printf '#!/bin/sh\n%s\n' "$1" > "$emulator"
    chmod 755 "$emulator"
}
sees() { # sees EXIT-CODE LAST-LINE: of run.sh, but for how long it took
    code=0
    PATH=$scratch/bin:$PATH NUMA_SECONDS=1 sh "$here/run.sh" "$scratch" 2 > "$scratch/out" 2>&1 || code=$?
    last=$(tail -n 1 "$scratch/out" | sed 's/ [0-9]* s/ N s/')
    if [ $code -ne "$1" ] || [ "$last" != "numa 2 nodes: $2" ]; then
        echo "exit code $code, \"$last\" instead of $1, \"numa 2 nodes: $2\""
        status=1
    fi
}

good='printf "ok      one\r\nok      two\r\nguest: 2 checks\r\nguest: ended with 0\r\n"'
plays "$good"
sees 0 "2 checks passed in N s"
if grep -q 'guest:' "$scratch/out"; then echo "it shows more than the checks" && status=1; fi

plays 'printf "ok      one\nFAILED  two: 1 instead of 2\nguest: 2 checks\nguest: ended with 1\n"'
sees 1 "FAILED after N s: 1 of 2 checks"
plays 'printf "ok      one\nguest: ended with 139\n"'
sees 1 "FAILED after N s: the program was ended by signal 11; 1 checks had passed"
plays 'printf "ok      one\nguest: 1 checks\nguest: ended with 3\n"'
sees 1 "FAILED after N s: the program ended with exit code 3; 1 checks had passed"
plays 'printf "ok      one\n"'
sees 1 "FAILED after N s: the guest has not reported how its program ended; 1 checks had passed"
plays 'printf "guest: 0 checks\nguest: ended with 0\n"'
sees 1 "FAILED after N s: 0 checks have passed, of 0"
plays 'printf "ok      one\nguest: 2 checks\nguest: ended with 0\n"'
sees 1 "FAILED after N s: 1 checks have passed, of 2"
plays 'printf "ok      one\nguest: ended with 0\n"'
sees 1 "FAILED after N s: 1 checks have passed, of an unknown number"
plays 'echo "no such machine" >&2; exit 3'
sees 1 "FAILED after N s: the emulator ended with exit code 3: no such machine"
plays 'printf "ok      one\n"; exec sleep 60'
sees 1 "FAILED after N s: it was still running, and was killed; 1 checks had passed"

# Its console is shown, and kept.
plays 'for word in "$@"; do case $word in file:*) echo "Kernel panic" > "${word#file:}" ;; esac; done'
sees 1 "FAILED after N s: the guest has not reported how its program ended; 0 checks had passed"
grep -q '^    Kernel panic$' "$scratch/out" && grep -q panic "$scratch/2-nodes/console.log" ||
    { echo "it does not show the console" && status=1; }

# Without an emulator: only what the script itself needs.
rm "$emulator"
for tool in cat date grep head mkdir rm sed sh tail tee timeout; do ln -s "$(command -v $tool)" "$scratch/bin/$tool"; done
code=0
PATH=$scratch/bin sh "$here/run.sh" "$scratch" 2 > "$scratch/out" 2>&1 || code=$?
grep -q "qemu-system-x86_64 is missing (Debian's package qemu-system-x86)" "$scratch/out" && [ $code -eq 1 ] ||
    { echo "it does not notice that there is no emulator" && cat "$scratch/out" && status=1; }
exit $status
