// Read by the assembler before every file of `./dev test-arm`.
//
// On aarch64 a stlr is never overtaken by a later ldar; seq_cst stores and loads are made of these two, and rely on it. qemu on
// x86-64 makes plain moves of them, and x86-64 lets the load overtake: some of the rounds of
// tests/stress/store_buffering_stress.cpp. A dmb it takes seriously. So: the same store between two of them.
.macro stlr register, address:vararg
    dmb ish
    str \register, \address
    dmb ish
.endm
.macro stlrb register, address:vararg
    dmb ish
    strb \register, \address
    dmb ish
.endm
.macro stlrh register, address:vararg
    dmb ish
    strh \register, \address
    dmb ish
.endm
