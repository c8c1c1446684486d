# awk -f coming_from_rust.awk coming_from_rust.cpp: the page docs/coming_from_rust.md, made from the marks that the top of that
# file explains. Fails when a row has no counterpart, when one that has none has code, or when an item stands there twice.

function fail(why) {
    printf "%s:%d: %s\n", FILENAME, FNR, why > "/dev/stderr"
    failed = 1
    exit 1
}

# The row at hand, if there is one, ends before this line.
function end_row() {
    if (row == "") return
    if (row == "with" && code == "") fail("the row before has no counterpart; mark it //- and say why")
    if (row == "without" && code != "") fail("the row before is marked //- and has a counterpart")
    if (!in_table) print "\n| Rust | C++ | |\n|---|---|---|"
    in_table = 1
    gsub(/\|/, "\\|", code)
    printf "| %s | %s |%s |\n", item, row == "with" ? "`" code "`" : "none", remark == "" ? "" : " " remark
    row = code = ""
}

# What a mark says: the item, then the remark.
function begin_row(kind) {
    end_row()
    line = substr($0, 5)
    at = index(line " ", " | ")
    if (at == 0) fail("a row is: item | remark")
    item = substr(line, 1, at - 1)
    remark = substr(line, at + 3)
    if (kind == "without" && remark == "") fail("why is there none?")
    if ((heading, item) in seen) fail("this item stands there twice")
    seen[heading, item] = 1
    row = kind
}

/^\/\/\| / { begin_row("with"); next }
/^\/\/- / { begin_row("without"); next }
/^\/\/# / {
    end_row()
    heading = substr($0, 5)
    in_table = 0
    print "\n## " heading
    next
}
/^\/\/>( |$)/ {
    end_row()
    if (heading != "" && $0 != "//>") print ""
    print substr($0, 5)
    next
}
/^\/\/\.$/ { end_row(); next }
/^\/\/[^ ]/ { fail("no such mark") }
row != "" && /[^ ]/ {
    sub(/^ +/, "")
    code = code (code == "" ? "" : " ") $0
}
END { if (!failed) end_row() }
