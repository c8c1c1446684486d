# libFuzzer programs, one for each thing that parses: built where clang and the address sanitizer are, each run briefly as
# a test. `./dev fuzz SECONDS` runs them for longer.

foreach(what IN ITEMS config name lookup)
    add_executable(bastion-fuzz-${what} fuzz/${what}_fuzz.cpp)
    target_link_libraries(bastion-fuzz-${what} PRIVATE bastion::bastion bastion::testing)
    target_compile_options(bastion-fuzz-${what} PRIVATE -fsanitize=fuzzer)
    target_link_options(bastion-fuzz-${what} PRIVATE -fsanitize=fuzzer)
    set_target_properties(bastion-fuzz-${what} PROPERTIES CXX_EXTENSIONS OFF)
    bastion_warnings(bastion-fuzz-${what})
    add_test(NAME fuzz.${what} COMMAND bastion-fuzz-${what} -seed=1 -runs=5000 -max_len=128 -len_control=0
        -dict=${CMAKE_CURRENT_SOURCE_DIR}/fuzz/${what}.dict)
    set_tests_properties(fuzz.${what} PROPERTIES TIMEOUT ${bastion_test_timeout} LABELS fuzz)
endforeach()
