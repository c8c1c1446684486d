# footprint.hello: how large a program with nothing in it is. footprint.include: what bastion.hpp costs a translation unit.
#
# Of the flags that ship and the compiler that ships; others would have numbers of their own.

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION MATCHES "^12[.]" AND NOT BUILD_SHARED_LIBS
   AND CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    bastion_script_test(footprint.hello LABEL footprint ARGS
        "${CMAKE_CURRENT_SOURCE_DIR}/footprint/hello.sh" $<TARGET_FILE:hello_world>)
    bastion_script_test(footprint.include LABEL footprint ARGS
        "${CMAKE_CURRENT_SOURCE_DIR}/footprint/include.sh" "${CMAKE_CXX_COMPILER}" "${PROJECT_SOURCE_DIR}" memory 120)
endif()
