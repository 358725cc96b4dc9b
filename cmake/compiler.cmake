# The one compiler this project is built with, and what every target is compiled with.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  message(FATAL_ERROR "g++ ${CMAKE_CXX_COMPILER_VERSION} miscompiles coroutines (aggregate temporaries and "
    "capturing lambdas inside co_await crash at run time). Use clang-19: run 'make deps', then 'make build'.")
endif()

option(ADMIT_TESTS "build unit tests and benchmarks" ON)
option(ADMIT_FUZZ "build the libFuzzer targets" OFF)
set(ADMIT_SANITIZE "" CACHE STRING "value of -fsanitize=, empty for none")

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

find_program(ADMIT_CCACHE ccache)
if(ADMIT_CCACHE)
  # The sloppiness is what ccache asks for where a precompiled header is in use.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${ADMIT_CCACHE})
  add_compile_options($<$<CXX_COMPILER_ID:Clang>:-Xclang> $<$<CXX_COMPILER_ID:Clang>:-fno-pch-timestamp>)
endif()

add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wimplicit-fallthrough
  -Wno-missing-field-initializers -Werror -fno-omit-frame-pointer)
add_compile_definitions(BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION
  BOOST_ASIO_DISABLE_BOOST_ARRAY)
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_link_options(-fuse-ld=lld-19)
endif()
if(ADMIT_SANITIZE)
  add_compile_options(-fsanitize=${ADMIT_SANITIZE} -fno-sanitize-recover=all -g1)
  add_link_options(-fsanitize=${ADMIT_SANITIZE})
endif()
