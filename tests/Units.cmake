# Each folder named here that holds .cpp files becomes one Catch2 program bastion-test-<folder>,
# and each of its test cases one test "<folder>.<test case>".

find_package(Catch2 REQUIRED) # no version: Catch2 2 and 3 both serve
include(Catch)
find_path(RAPIDCHECK_INCLUDE_DIR rapidcheck.h)
find_library(RAPIDCHECK_LIBRARY rapidcheck)
if(NOT RAPIDCHECK_INCLUDE_DIR OR NOT RAPIDCHECK_LIBRARY)
    message(FATAL_ERROR "The tests need RapidCheck (Debian: librapidcheck-dev).")
endif()

add_library(bastion-test-support STATIC support/main.cpp)
target_include_directories(bastion-test-support PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/src")
target_include_directories(bastion-test-support SYSTEM PUBLIC "${RAPIDCHECK_INCLUDE_DIR}")
target_link_libraries(bastion-test-support PUBLIC bastion::bastion bastion::testing Catch2::Catch2 "${RAPIDCHECK_LIBRARY}")
set_target_properties(bastion-test-support PROPERTIES CXX_EXTENSIONS OFF)
if(CMAKE_CROSSCOMPILING_EMULATOR)
    # Its words, for a test that starts a program, or that has to do less.
    string(REPLACE ";" "\",\"" emulator "${CMAKE_CROSSCOMPILING_EMULATOR}")
    target_compile_definitions(bastion-test-support PUBLIC "BASTION_TEST_EMULATOR=\"${emulator}\"")
endif()
# A clean checkout compiles the headers once for all tests. With ccache at hand it only gets in the way, so CI asks for it.
if(DEFINED ENV{DEV_PRECOMPILE})
    file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/headers.cpp" "// Carries the precompiled headers.\n")
    add_library(bastion-test-headers OBJECT "${CMAKE_CURRENT_BINARY_DIR}/headers.cpp")
    target_link_libraries(bastion-test-headers PRIVATE bastion-test-support)
    set_target_properties(bastion-test-headers PROPERTIES CXX_EXTENSIONS OFF)
    bastion_warnings(bastion-test-headers)
    target_precompile_headers(bastion-test-headers PRIVATE
        "${CMAKE_CURRENT_SOURCE_DIR}/support/catch.hpp" "${PROJECT_SOURCE_DIR}/include/bastion/bastion.hpp")
endif()

set(BASTION_TEST_FOLDERS
    "base;topology;executor;process;mailbox;supervision;supervision/otp;routing;runtime;testing;net;cluster;observer;model;stress;hazards;memory;hardware_faults;acceptance"
    CACHE STRING "Folders of tests to build")
foreach(folder IN LISTS BASTION_TEST_FOLDERS)
    file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp")
    if(NOT sources)
        continue()
    endif()
    if(folder STREQUAL "model" AND BASTION_SANITIZE)
        continue() # one thread, and stacks of its own that the sanitizers do not know
    endif()
    # Debian's Catch2 hands the names of tests to CMake as a list: a semicolon tears one into two that match nothing.
    foreach(source IN LISTS sources)
        file(STRINGS "${source}" torn REGEX "^TEST_CASE\\(\"[^\"]*;")
        if(torn)
            message(FATAL_ERROR "${source}: the name of a test holds a semicolon: ${torn}")
        endif()
    endforeach()
    string(REPLACE "/" "-" suite "${folder}")
    add_executable(bastion-test-${suite} ${sources})
    target_link_libraries(bastion-test-${suite} PRIVATE bastion-test-support)
    if(folder STREQUAL "model")
        target_link_libraries(bastion-test-model PRIVATE Boost::context)
        # `./dev model` weakens all of them; these two take no time.
        set(weakened "gate.hpp|model: plain threads*" "cell.hpp|model: an answer*")
        if(CMAKE_CROSSCOMPILING)
            set(weakened "") # the script knows no emulator
        endif()
        foreach(subject IN LISTS weakened)
            string(REPLACE "|" ";" subject "${subject}")
            list(GET subject 0 file)
            list(GET subject 1 tests)
            bastion_script_test(model.weaken.${file} LABEL model ARGS "${CMAKE_CURRENT_SOURCE_DIR}/model/weaken.sh"
                $<TARGET_FILE:bastion-test-model> "${tests}" ${file})
        endforeach()
    endif()
    if(folder STREQUAL "supervision/otp" AND NOT CMAKE_CROSSCOMPILING)
        bastion_script_test(supervision-otp.cases LABEL supervision ARGS
            "${CMAKE_CURRENT_SOURCE_DIR}/supervision/otp/cases.sh" "${PROJECT_SOURCE_DIR}" $<TARGET_FILE:bastion-test-supervision-otp>)
    endif()
    if(folder STREQUAL "supervision")
        # Snapshots are checked against their schema.
        set_source_files_properties("${CMAKE_CURRENT_SOURCE_DIR}/supervision/snapshot_print_test.cpp" PROPERTIES
            COMPILE_DEFINITIONS "BASTION_SCHEMAS=\"${PROJECT_SOURCE_DIR}/docs/reference\"")
    endif()
    if(folder STREQUAL "hardware_faults")
        target_link_libraries(bastion-test-hardware_faults PRIVATE bastion::hardware_faults)
    elseif(DEFINED ENV{DEV_PRECOMPILE}) # headers compiled with other flags would not do
        target_precompile_headers(bastion-test-${suite} REUSE_FROM bastion-test-headers)
    endif()
    set_target_properties(bastion-test-${suite} PROPERTIES CXX_EXTENSIONS OFF)
    bastion_warnings(bastion-test-${suite})
    # A name that CMake tears apart (a semicolon in it) would match no test, and Catch2 2 calls that a success.
    catch_discover_tests(bastion-test-${suite}
        TEST_PREFIX "${suite}."
        PROPERTIES TIMEOUT ${bastion_test_timeout} LABELS "${suite}" FAIL_REGULAR_EXPRESSION "No tests ran")
    # Once more with fibers for bodies: by g++, and under the sanitizers.
    if(folder MATCHES "^supervision" AND (BASTION_SANITIZE OR NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang"))
        add_executable(bastion-test-${suite}-fibers ${sources})
        target_link_libraries(bastion-test-${suite}-fibers PRIVATE bastion-test-support)
        target_compile_options(bastion-test-${suite}-fibers PRIVATE
            -include "${CMAKE_CURRENT_SOURCE_DIR}/support/bodies_on_fibers.hpp")
        set_target_properties(bastion-test-${suite}-fibers PROPERTIES CXX_EXTENSIONS OFF)
        bastion_warnings(bastion-test-${suite}-fibers)
        catch_discover_tests(bastion-test-${suite}-fibers
            TEST_PREFIX "${suite}-fibers."
            PROPERTIES TIMEOUT ${bastion_test_timeout} LABELS "${suite}-fibers" FAIL_REGULAR_EXPRESSION "No tests ran")
    endif()
endforeach()
