#!/bin/sh
# run.sh TEST CMAKE SOURCE BUILD SCRATCH COMPILER [LAUNCHER]: one test of the package; see Package.cmake.
set -eu
test=$1
cmake=$2
source=$3
build=$4
scratch=$5
compiler=$6
launcher=${7:-}
consumer=$source/tests/package/consumer

configure() { # configure SOURCE BUILD [ARG...]; not optimised, because only the building is tested
    from=$1
    to=$2
    shift 2
    "$cmake" -S "$from" -B "$to" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_CXX_COMPILER_LAUNCHER="$launcher" \
        -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O0 "$@"
}

fresh() { # an empty folder of this test
    rm -rf "${scratch:?}/$test"
    mkdir -p "$scratch/$test"
}

consume() { # consume WAY [ARG...]: builds and runs the consumer
    way=$1
    shift
    fresh
    configure "$consumer" "$scratch/$test" -DWAY="$way" "$@"
    "$cmake" --build "$scratch/$test"
    "$scratch/$test/consumer"
    "$scratch/$test/consumer_test"
    "$scratch/$test/consumer_fault"
}

pkg_config_consumer() { # pkg_config_consumer PREFIX [pkg-config flag]
    prefix=$1
    shift
    PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name bastion.pc)")
    export PKG_CONFIG_PATH
    # shellcheck disable=SC2046  # the flags are words
    "$compiler" -std=c++20 "$consumer/main.cpp" -o "$scratch/$test/consumer" \
        $(pkg-config "$@" --cflags bastion) $(pkg-config "$@" --libs bastion)
    LD_LIBRARY_PATH=$(pkg-config --variable=libdir bastion) "$scratch/$test/consumer"
}

case $test in
install_static)
    rm -rf "$scratch/static"
    "$cmake" --install "$build" --prefix "$scratch/static"
    ;;
install_shared)
    rm -rf "$scratch/shared"
    fresh
    configure "$source" "$scratch/$test" -DBUILD_SHARED_LIBS=ON -DCMAKE_INSTALL_PREFIX="$scratch/shared" \
        -DBASTION_BUILD_TESTS=OFF -DBASTION_BUILD_EXAMPLES=OFF -DBASTION_BUILD_BENCHMARKS=OFF
    "$cmake" --build "$scratch/$test"
    "$cmake" --install "$scratch/$test"
    ;;
find_package_static) consume find_package -DCMAKE_PREFIX_PATH="$scratch/static" ;;
find_package_shared) consume find_package -DCMAKE_PREFIX_PATH="$scratch/shared" ;;
pkg_config_static)
    fresh
    pkg_config_consumer "$scratch/static"
    pkg_config_consumer "$scratch/static" --static
    ;;
pkg_config_shared)
    fresh
    pkg_config_consumer "$scratch/shared"
    ;;
add_subdirectory) consume add_subdirectory -DBASTION_SOURCE="$source" ;;
fetch_content) consume fetch_content -DBASTION_SOURCE="$source" ;;
*)
    echo "unknown test $test"
    exit 2
    ;;
esac
