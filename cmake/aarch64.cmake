# Toolchain of `./dev test-arm`: Debian's cross compiler, the libraries that ./dev unpacks below build/, and the emulator that
# CMake puts before every program it runs, the tests too.

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)

get_filename_component(CMAKE_SYSROOT "${CMAKE_CURRENT_LIST_DIR}/../build/arm-sysroot" ABSOLUTE)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L "${CMAKE_SYSROOT}")

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# The emulator is not true to stlr: aarch64_qemu.s says how, and what takes its place. (ccache does not look into that file.)
set(CMAKE_CXX_FLAGS_INIT "-Wa,${CMAKE_CURRENT_LIST_DIR}/aarch64_qemu.s")
