#!/bin/sh
# self.sh FOLDER: whether check.sh in FOLDER notices what it is to notice, with a count.sh that says what it is told.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$1/check.sh" "$work"
cat > "$work/record.txt" <<'TEXT'
# day | row | instructions | why
2026-01-01 | hop | 900 | it was so
2026-01-02 | hop | 1000 | a change
2026-01-02 | ask | 1500 | it was so
TEXT
cat > "$work/count.sh" <<'TEXT'
n=$(head -n 1 "$(dirname "$0")/says")
sed -i 1d "$(dirname "$0")/says"
echo "$n"
TEXT

expect() { # expect STATUS TEXT COUNTS ROW [RUNS]
    want=$1
    text=$2
    printf '%s\n' $3 > "$work/says"
    shift 3
    status=0
    sh "$work/check.sh" program "$work/record.txt" "$@" > "$work/out" 2>&1 || status=1
    if [ $status -ne "$want" ] || ! grep -qF "$text" "$work/out"; then
        cat "$work/out"
        echo "self.sh: check.sh $* ends with $status, and '$text' is awaited with $want"
        exit 1
    fi
}
expect 1 "hop: nothing was counted" "" hop
expect 0 "hop: 1030 instructions, recorded 1000 (+3.0 %)" 1030 hop
expect 0 "(-3.0 %)" 970 hop
expect 1 "more than 3 % away" 1031 hop
expect 1 "more than 3 % away" 969 hop
expect 1 "says nothing of spawn" 1 spawn
expect 0 "recorded 1500 (+0.0 %)" "1500 1500 1500" ask 3
expect 0 "3 counts from 1500.10 to 1500.50" "1500.10 1500.50 1500.30" ask 3
expect 1 "not the same each time" "1500.10 1500.60 1500.30" ask 3
