#!/bin/sh
# What a run of the card has left, for people. CARD: rows.txt.
#   report.sh table RESULTS CARD            the table, as Markdown, on standard output
#   report.sh charts RESULTS CARD FOLDER    a bar chart for each row, FOLDER/<row>.svg
#   report.sh whole RESULTS CARD            exit code 0: every row of the card in its size, five runs each, with 1 and 2 workers
#   report.sh page RESULTS CARD PAGE CHARTS the page, with the table and the charts between its marks <!--card--> and <!--/card-->;
#                                           CHARTS: where the charts lie, as seen from the page. RESULTS may be missing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
command=$1
results=$2
card=$3
shift 3

awk_results() { # awk_results PROGRAM [-v NAME=VALUE...]
    program=$1
    shift
    LC_ALL=C awk "$@" -v card="$card" -f "$here/../report/words.awk" -f "$here/results.awk" -f "$here/$program" "$results"
}

case $command in
table) awk_results table.awk -v full= ;;
charts)
    mkdir -p "$1"
    rm -f "$1"/*.svg
    awk_results chart.awk -v out="$1" > /dev/null
    ;;
whole) awk_results whole.awk ;;
page)
    page=$1
    charts=$2
    part=$(mktemp)
    trap 'rm -f "$part"' EXIT
    if [ -e "$results" ]; then
        awk_results table.awk -v full=yes > "$part"
        echo >> "$part"
        awk_results links.awk -v charts="$charts" >> "$part"
    else
        echo "No run of the whole card is recorded here yet: \`./dev bench\` makes one, \`./dev figures\` writes it down." > "$part"
    fi
    awk -v part="$part" -v mark=card -f "$here/../report/insert.awk" "$page"
    ;;
*) exit 2 ;;
esac
