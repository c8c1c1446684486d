# What the reports of the card and of the curves share. Before their results.awk.

function trim(s) {
    gsub(/^[ \t]+|[ \t]+$/, "", s)
    return s
}

# The runs' figures of that key, in order of size: ordered[1..k].
function order_of(key,    k, i, j, value) {
    k = samples[key] + 0
    for (i = 1; i <= k; ++i) {
        value = sample[key, i] + 0
        for (j = i - 1; j >= 1 && ordered[j] > value; --j) ordered[j + 1] = ordered[j]
        ordered[j + 1] = value
    }
    return k
}

# -1: none.
function median_of(key,    k) {
    k = order_of(key)
    if (k == 0) return -1
    return k % 2 ? ordered[(k + 1) / 2] : (ordered[k / 2] + ordered[k / 2 + 1]) / 2
}

function thousands(digits,    n, rest) { # "1234567": "1,234,567"
    for (n = length(digits); n > 3; n -= 3) rest = "," substr(digits, n - 2, 3) rest
    return substr(digits, 1, n) rest
}

function escaped(s) {
    gsub(/&/, "\\&amp;", s)
    gsub(/</, "\\&lt;", s)
    gsub(/>/, "\\&gt;", s)
    return s
}

function put_text(x, y, class, anchor, words) {
    printf "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\" text-anchor=\"%s\">%s</text>\n", x, y, class, anchor, escaped(words) > file
}

function workers_of(w) { return w " worker" (w == 1 ? "" : "s") }
