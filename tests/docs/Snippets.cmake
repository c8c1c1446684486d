# The code in README.md and docs/**/*.md compiles: extract.awk writes each block into a file of its own, and one object
# library compiles them all. A block opened by ```cpp is declarations or a whole program, ```cpp fragment is the inside of
# a process, ```cpp no-compile <reason> is left out. An HTML comment that begins with `cpp prelude` on its first line holds
# declarations for all later blocks of its document.
# The first block of docs/<x>/<y>.md that is a whole program also runs, if tests/docs/<x>_<y>.expected says what it prints.
# docs/coming_from_rust.md is the other way round: it is made from coming_from_rust.cpp, which is compiled with them.

if(NOT EXISTS "${PROJECT_SOURCE_DIR}/include/bastion/bastion.hpp")
    message(STATUS "Snippets: left out, because bastion/bastion.hpp does not exist yet")
    return()
endif()

file(GLOB_RECURSE documents CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/docs/*.md")
list(APPEND documents "${PROJECT_SOURCE_DIR}/README.md")
list(SORT documents)
set(snippet_dir "${PROJECT_BINARY_DIR}/snippets")
set(fresh_dir "${CMAKE_CURRENT_BINARY_DIR}/snippets")
set(extract "${CMAKE_CURRENT_LIST_DIR}/extract.awk")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${documents} "${extract}")

file(REMOVE_RECURSE "${fresh_dir}")
file(MAKE_DIRECTORY "${fresh_dir}" "${snippet_dir}")
foreach(document IN LISTS documents)
    file(RELATIVE_PATH name "${PROJECT_SOURCE_DIR}" "${document}")
    execute_process(
        COMMAND awk -v "out=${fresh_dir}" -v "document=${name}" -f "${extract}" "${document}"
        RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "${output}")
    endif()
endforeach()

# Only what changed gets a new time stamp, and what is gone is removed.
file(GLOB fresh RELATIVE "${fresh_dir}" "${fresh_dir}/*.cpp")
file(GLOB old RELATIVE "${snippet_dir}" "${snippet_dir}/*.cpp")
foreach(file IN LISTS old)
    if(NOT file IN_LIST fresh)
        file(REMOVE "${snippet_dir}/${file}")
    endif()
endforeach()
set(snippets "")
foreach(file IN LISTS fresh)
    configure_file("${fresh_dir}/${file}" "${snippet_dir}/${file}" COPYONLY)
    list(APPEND snippets "${snippet_dir}/${file}")
endforeach()
list(APPEND snippets "${CMAKE_CURRENT_LIST_DIR}/coming_from_rust.cpp")

if(snippets)
    add_library(bastion-snippets OBJECT ${snippets})
    target_link_libraries(bastion-snippets PRIVATE bastion::bastion bastion::testing)
    set_target_properties(bastion-snippets PROPERTIES CXX_EXTENSIONS OFF)
    bastion_warnings(bastion-snippets)
    # A fragment may show a value without using it.
    target_compile_options(bastion-snippets PRIVATE -Wno-unused)
    # g++ takes a coroutine's frame that holds a closure for a type of a header, because #line names another file.
    target_compile_options(bastion-snippets PRIVATE "$<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>")
endif()

file(GLOB outputs CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/*.expected")
foreach(output IN LISTS outputs)
    get_filename_component(name "${output}" NAME_WE)
    set(program "")
    foreach(snippet IN LISTS snippets)
        if(program STREQUAL "" AND snippet MATCHES "/docs_${name}\\.md\\.[0-9]+\\.cpp$")
            file(STRINGS "${snippet}" main REGEX "^(BASTION_MAIN|int main)")
            if(main)
                set(program "${snippet}")
            endif()
        endif()
    endforeach()
    if(program STREQUAL "")
        message(FATAL_ERROR "${output}: its page holds no program")
    endif()
    add_executable(bastion-docs-${name} "${program}")
    target_link_libraries(bastion-docs-${name} PRIVATE bastion::bastion)
    set_target_properties(bastion-docs-${name} PROPERTIES CXX_EXTENSIONS OFF)
    bastion_script_test(docs.program.${name} LABEL examples ARGS "${CMAKE_CURRENT_LIST_DIR}/program.sh"
        "$<TARGET_FILE:bastion-docs-${name}>" "${CMAKE_CURRENT_LIST_DIR}/${name}")
endforeach()
