# awk -v out=FOLDER -v document=docs/x.md -f extract.awk FILE: writes each C++ block of the document as
# FOLDER/docs_x.md.<line>.cpp; see Snippets.cmake.

function begin_file() {
    name = document
    gsub(/\//, "_", name)
    file = sprintf("%s/%s.%04d.cpp", out, name, FNR)
    body = ""
    includes = 0
}

function end_file() {
    if (!includes) {
        print "#include <bastion/bastion.hpp>" > file
        split("algorithm atomic chrono cstdint cstdio functional map memory optional stdexcept string string_view thread" \
              " tuple utility vector", header, " ")
        for (i = 1; i in header; i++) print "#include <" header[i] ">" > file
    }
    printf "%s", prelude > file
    if (kind == "fragment") print "bastion::process snippet([[maybe_unused]] bastion::context ctx) {" > file
    printf "#line %d \"%s\"\n%s", start, document, body > file
    if (kind == "fragment") print "co_return;\n}" > file
    close(file)
}

/^<!-- *cpp prelude *$/ { in_prelude = 1; prelude = prelude sprintf("#line %d \"%s\"\n", FNR + 1, document); next }
in_prelude && /^-->/ { in_prelude = 0; next }
in_prelude { prelude = prelude $0 "\n"; next }

!in_block && /^[ \t]*```cpp/ {
    info = $0
    sub(/^[ \t]*```cpp[ \t]*/, "", info)
    sub(/[ \t]+$/, "", info)
    if (info == "") kind = "whole"
    else if (info == "fragment") kind = "fragment"
    else if (info ~ /^no-compile[ \t]+[^ \t]/) kind = "none"
    else {
        printf "%s:%d: after ```cpp stands nothing, \"fragment\", or \"no-compile\" and a reason\n", document, FNR
        failed = 1
        exit 1
    }
    in_block = 1
    start = FNR + 1
    if (kind != "none") begin_file()
    next
}
in_block && /^[ \t]*```[ \t]*$/ {
    in_block = 0
    if (kind != "none") end_file()
    next
}
in_block && kind != "none" {
    if ($0 ~ /^[ \t]*#[ \t]*include/) includes = 1
    body = body $0 "\n"
}
!in_block && /^[ \t]*```(c\+\+|C\+\+|cxx|cc)/ {
    printf "%s:%d: mark C++ code as ```cpp\n", document, FNR
    failed = 1
    exit 1
}

END {
    if (!failed && (in_block || in_prelude)) {
        printf "%s: the last block is not closed\n", document
        exit 1
    }
}
