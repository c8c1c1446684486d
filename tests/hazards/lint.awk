# Finds co_await forms that g++ 12 compiles wrongly. Prints `file:line: [rule] text` and fails if there is any.
#
# The file is split into tokens, brackets are paired, and each brace is classed as a block (of statements) or as an
# initialiser. A form counts only within one full expression, so the scans below stop where that ends and step over
# blocks (the bodies of lambdas).
#
# Rules:
#   conditional  an arm of ?: awaits
#   logical      the right operand of && or || awaits
#   condition    the condition of if, while or switch awaits (a declaration there is allowed)
#   braces       a braced initialiser awaits inside
#   tell         the argument of a tell awaits inside a temporary
#   spawn        a spawn with a lambda is part of an awaited expression
#   assertion    the argument of REQUIRE, CHECK and their kin awaits

function finding(at, rule, text) {
    if (allowed[line[at]]) return
    if ((line[at], rule) in reported) return
    reported[line[at], rule] = 1
    printf "%s:%d: [%s] %s\n", current, line[at], rule, text
    failed = 1
}

function put(text) { token[++count] = text; line[count] = FNR }

function is_word(text) { return text ~ /^[A-Za-z_]/ }

# ---- tokens

function start_file(name) {
    current = name
    count = 0
    in_comment = in_raw = in_directive = in_code = 0
    markdown = name ~ /\.md$/
    split("", token); split("", line); split("", pair); split("", block); split("", allowed); split("", reported)
}

function read_line(text,    skip, size) {
    if (match(text, /\/\/ *lint-allow/)) {
        if (text ~ /\/\/ *lint-allow: *[^ ]/) allowed[FNR] = 1
        else { printf "%s:%d: [lint-allow] the reason is missing\n", current, FNR; failed = 1 }
    }
    if (!in_raw && !in_comment && (in_directive || text ~ /^[ \t]*#/)) {
        in_directive = text ~ /\\$/
        return
    }
    while (text != "") {
        if (in_raw) {
            skip = index(text, raw_end)
            if (!skip) return
            text = substr(text, skip + length(raw_end))
            in_raw = 0
        } else if (in_comment) {
            skip = index(text, "*/")
            if (!skip) return
            text = substr(text, skip + 2)
            in_comment = 0
        } else if (match(text, /^[ \t\r]+/)) {
            text = substr(text, RLENGTH + 1)
        } else if (text ~ /^\/\//) {
            return
        } else if (text ~ /^\/\*/) {
            in_comment = 1
            text = substr(text, 3)
        } else if (match(text, /^(u8|u|U|L)?R"[^( ]*\(/)) {
            raw_end = substr(text, 1, RLENGTH - 1)
            sub(/^[^"]*"/, "", raw_end)
            raw_end = ")" raw_end "\""
            text = substr(text, RLENGTH + 1)
            in_raw = 1
            put("\"")
        } else if (match(text, /^"([^"\\]|\\.)*"/) || match(text, /^'([^'\\]|\\.)*'/)) {
            text = substr(text, RLENGTH + 1)
            put("\"")
        } else if (match(text, /^[A-Za-z_][A-Za-z_0-9]*/) || match(text, /^[0-9]['.0-9A-Za-z_]*/) ||
                   match(text, /^(&&|\|\||==|!=|<=|>=|->|::|\+=|-=|\*=|\/=|\|=|&=)/)) {
            size = RLENGTH
            put(substr(text, 1, size))
            text = substr(text, size + 1)
        } else {
            put(substr(text, 1, 1))
            text = substr(text, 2)
        }
    }
}

# ---- structure

function closes(open, close_) {
    return open == "(" && close_ == ")" || open == "[" && close_ == "]" || open == "{" && close_ == "}"
}

function pair_brackets(    i, t, depth, stack, semicolon, before, first) {
    depth = 0
    for (i = 1; i <= count; i++) {
        t = token[i]
        if (t == "(" || t == "[" || t == "{") {
            stack[++depth] = i
        } else if (t == ")" || t == "]" || t == "}") {
            while (depth > 0 && !closes(token[stack[depth]], t)) depth--
            if (depth > 0) { pair[stack[depth]] = i; pair[i] = stack[depth]; depth-- }
        } else if (t == ";" && depth > 0 && token[stack[depth]] == "{") {
            block[stack[depth]] = 1
        }
    }
    for (i = 1; i <= count; i++) {
        if (token[i] != "{" || block[i]) continue
        before = i > 1 ? token[i - 1] : ";"
        first = token[i + 1]
        if (before ~ /^([);}:]|else|do|try|const|noexcept|mutable|override|final)$/) block[i] = 1
        else if (first ~ /^(for|if|while|do|switch|try|case)$/) block[i] = 1
        else if (before == "{" && block[i - 1]) block[i] = 1
    }
}

# The first co_await in [from, to) that is not inside a block, or 0. Stops at `;`, at a bracket that closes more than
# was opened, and, outside brackets, at a token of the set `stops` (blank-separated, with blanks at both ends).
function awaits(from, to, stops,    i, t, depth) {
    depth = 0
    for (i = from; i < to; i++) {
        t = token[i]
        if (t == "co_await") return i
        if (t == ";") return 0
        if (t == "{" && block[i]) {
            if (!(i in pair)) return 0
            i = pair[i]
        } else if (t == "(" || t == "[" || t == "{") {
            depth++
        } else if (t == ")" || t == "]" || t == "}") {
            if (--depth < 0) return 0
        } else if (depth == 0 && index(stops, " " t " ")) {
            return 0
        }
    }
    return 0
}

# ---- rules

function check_condition(i,    open, from, j, at) {
    open = i + 1
    if (token[open] == "constexpr") open++
    if (token[open] != "(" || !(open in pair)) return
    from = open + 1
    for (j = from; j < pair[open]; j++) { # what stands before `;` is an initialiser
        if (token[j] == "{" && block[j] && (j in pair)) j = pair[j]
        if (token[j] == ";") from = j + 1
    }
    at = awaits(from, pair[open], " = ")
    if (at) finding(at, "condition", "name the awaited value before `" token[i] "`")
}

function check_spawn(i,    j, depth, t, open, k, before) {
    # From co_await to the end of its full expression.
    depth = 0
    for (j = i + 1; j <= count; j++) {
        t = token[j]
        if (t == ";") return
        if (t == "{" && block[j]) { if (!(j in pair)) return; j = pair[j]; continue }
        if (t == "(" || t == "[" || t == "{") depth++
        else if (t == ")" || t == "]" || t == "}") { if (--depth < 0) return }
        else if (t == "spawn" && token[j + 1] == "(" && ((j + 1) in pair)) {
            open = j + 1
            for (k = open + 1; k < pair[open]; k++) {
                if (token[k] != "[") continue
                before = token[k - 1]
                if (before == "(" || before == "," || before == "{" || before == "=" || before == "?" || before == ":") {
                    finding(i, "spawn", "spawn is a statement of its own; await what it gave afterwards")
                    return
                }
            }
        }
    }
}

function check_file(    i, t, at, open) {
    pair_brackets()
    for (i = 1; i <= count; i++) {
        t = token[i]
        if (t == "?") {
            at = awaits(i + 1, count + 1, " , ")
            if (at) finding(at, "conditional", "an arm of ?: awaits; write if and else")
        } else if (t == "&&" || t == "||") {
            # `T&& name = co_await ...` and `for (auto&& x : co_await ...)` are no operators.
            at = awaits(i + 1, count + 1, " , = : ? ")
            if (at) finding(at, "logical", "the right operand of " t " awaits; name both values first")
        } else if (t == "if" || t == "while" || t == "switch") {
            check_condition(i)
        } else if (t == "{" && !block[i] && (i in pair)) {
            at = awaits(i + 1, pair[i], " ")
            if (at) finding(at, "braces", "a braced initialiser awaits; name the value first")
        } else if (t == "tell" && i < count) {
            open = token[i + 1] == "(" ? i + 1 : 0
            if (open && (open in pair)) check_tell(open)
        } else if (t ~ /^(STATIC_)?(REQUIRE|CHECK)[A-Z_]*$/ && token[i + 1] == "(" && ((i + 1) in pair)) {
            at = awaits(i + 2, pair[i + 1], " ")
            if (at) finding(at, "assertion", "name the awaited value before " t)
        } else if (t == "co_await") {
            check_spawn(i)
        }
    }
}

# ref.tell(f(..., co_await x)) and ref.tell(T{..., co_await x}): the temporary lives across the suspension.
function check_tell(open,    j, at) {
    for (j = open + 1; j < pair[open]; j++) {
        if (token[j] == "{" && block[j]) { if (!(j in pair)) return; j = pair[j]; continue }
        if (token[j] != "{" || !(j in pair)) continue
        at = awaits(j + 1, pair[j], " ")
        if (at) finding(at, "tell", "the told message awaits inside; name the value first")
    }
}

FNR == 1 {
    if (current != "") check_file()
    start_file(FILENAME)
}
markdown {
    if (in_code) {
        if ($0 ~ /^[ \t]*```/) in_code = 0
        else read_line($0)
    } else if ($0 ~ /^[ \t]*```(cpp|c\+\+)/) {
        in_code = 1
        put(";") # blocks are apart
    }
    next
}
{ read_line($0) }
END {
    if (current != "") check_file()
    exit failed
}
