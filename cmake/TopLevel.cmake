# Settings that only the project itself wants when it is not a part of another build.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Type of the build" FORCE)
endif()
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER AND NOT DEFINED ENV{CMAKE_CXX_COMPILER_LAUNCHER})
    find_program(BASTION_CCACHE ccache)
    mark_as_advanced(BASTION_CCACHE)
    if(BASTION_CCACHE)
        set(CMAKE_CXX_COMPILER_LAUNCHER "${BASTION_CCACHE}")
    endif()
endif()

if(BASTION_SANITIZE)
    add_compile_options(-fsanitize=${BASTION_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${BASTION_SANITIZE})
endif()
