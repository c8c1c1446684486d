# Runs await_probe.cpp: does this compiler destroy temporaries of a co_await expression twice, and do the headers
# (macro BASTION_BROKEN_AWAIT_TEMPORARIES) know it? Sets BASTION_AWAIT_BROKEN for the tests.

if(CMAKE_CROSSCOMPILING AND NOT CMAKE_CROSSCOMPILING_EMULATOR)
    set(BASTION_AWAIT_BROKEN OFF)
    message(STATUS "Await probe: not run, because this is a cross build without an emulator")
    return()
endif()

# The answer is kept until the probe, the header with the assumption, or the compiler changes.
set(probe_source "${PROJECT_SOURCE_DIR}/cmake/await_probe.cpp")
set(probe_header "${PROJECT_SOURCE_DIR}/include/bastion/base/compiler.hpp")
set(probe_key "${CMAKE_CXX_COMPILER} ${CMAKE_CXX_COMPILER_VERSION}")
foreach(file IN ITEMS "${probe_source}" "${probe_header}")
    if(EXISTS "${file}")
        file(SHA256 "${file}" probe_hash)
        string(APPEND probe_key " ${probe_hash}")
        set_property(DIRECTORY "${PROJECT_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
    endif()
endforeach()
if(NOT probe_key STREQUAL "${BASTION_AWAIT_PROBE_KEY}")
    unset(BASTION_AWAIT_PROBE_RUN CACHE)
    unset(BASTION_AWAIT_PROBE_COMPILED CACHE)
    set(BASTION_AWAIT_PROBE_KEY "${probe_key}" CACHE INTERNAL "What the last await probe looked at")
endif()

if(NOT DEFINED BASTION_AWAIT_PROBE_RUN)
    try_run(BASTION_AWAIT_PROBE_RUN BASTION_AWAIT_PROBE_COMPILED
        "${PROJECT_BINARY_DIR}/await_probe" "${probe_source}"
        CMAKE_FLAGS "-DINCLUDE_DIRECTORIES=${PROJECT_SOURCE_DIR}/include"
        COMPILE_DEFINITIONS ${CMAKE_CXX20_STANDARD_COMPILE_OPTION}
        COMPILE_OUTPUT_VARIABLE probe_output)
    if(NOT BASTION_AWAIT_PROBE_COMPILED)
        unset(BASTION_AWAIT_PROBE_RUN CACHE)
        unset(BASTION_AWAIT_PROBE_COMPILED CACHE)
        message(FATAL_ERROR "Bastion needs C++20 coroutines; cmake/await_probe.cpp does not compile:\n${probe_output}")
    endif()
endif()

# The program's exit code: 1 = temporaries are destroyed twice, 2 = the headers take it for such a compiler.
set(BASTION_AWAIT_BROKEN OFF)
if(BASTION_AWAIT_PROBE_RUN EQUAL 0)
    message(STATUS "Await probe: this compiler destroys the temporaries of a co_await expression once")
elseif(BASTION_AWAIT_PROBE_RUN EQUAL 1)
    set(BASTION_AWAIT_BROKEN ON)
    message(WARNING "Await probe: ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} destroys temporaries of a "
        "co_await expression twice, and Bastion's headers do not know it: the forms listed in docs/pitfalls.md are "
        "silently wrong with this compiler instead of refused.")
elseif(BASTION_AWAIT_PROBE_RUN EQUAL 2)
    message(WARNING "Await probe: Bastion's headers take ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} for a "
        "compiler that destroys temporaries of a co_await expression twice, and it does not. Correct programs that "
        "use such forms are refused.")
elseif(BASTION_AWAIT_PROBE_RUN EQUAL 3)
    set(BASTION_AWAIT_BROKEN ON)
    message(STATUS "Await probe: this compiler destroys some temporaries of a co_await expression twice; "
        "the headers refuse such forms where they can")
else()
    message(FATAL_ERROR "The await probe ended with '${BASTION_AWAIT_PROBE_RUN}'.")
endif()
