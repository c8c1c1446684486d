# bastion_warnings(<target>): the warnings that Bastion's own sources are compiled with.
# Users of the library never see these flags.

function(bastion_warnings target)
    if(NOT BASTION_TOP_LEVEL)
        return()
    endif()
    target_compile_options(${target} PRIVATE
        -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
        # g++ 12 reports an overlap inside std::string's own operator+ (GCC bug 105651).
        target_compile_options(${target} PRIVATE -Wno-restrict)
    endif()
    if(BASTION_WERROR)
        target_compile_options(${target} PRIVATE -Werror)
    endif()
endfunction()
