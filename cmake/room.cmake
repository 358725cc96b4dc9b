# admit_room(NAME [ROOMS room...] [LIBRARIES lib...] [PRECOMPILED header...] [TESTS_PRECOMPILED header])
# Declares the library of one room from the sources beside it, and from its *_test.cpp files one unit-test
# program NAME_test. Folder = namespace = library; ROOMS are the only rooms whose headers it may include.
# PRECOMPILED are the headers that nearly every file of the room begins with.
find_package(PkgConfig REQUIRED)
# Rooms of glue: under a sanitizer their code is left unoptimised, which builds them in half the time.
set(ADMIT_GLUE_ROOMS api app job mail)
if(NOT ADMIT_FUZZ)
  list(APPEND ADMIT_GLUE_ROOMS payment)  # a fuzzer's own subject stays fast
endif()
# A library found by one room can be named by the next.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)

function(admit_room name)
  cmake_parse_arguments(ROOM "" "TESTS_PRECOMPILED" "ROOMS;LIBRARIES;PRECOMPILED" ${ARGN})
  file(GLOB_RECURSE all CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  set(sources ${all})
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$|/main\\.cpp$")
  set(tests ${all})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")

  set(links ${ROOM_LIBRARIES})
  foreach(room IN LISTS ROOM_ROOMS)
    list(APPEND links admit_${room})
  endforeach()

  if(sources)
    add_library(admit_${name} STATIC ${sources})
    target_include_directories(admit_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(admit_${name} PUBLIC ${links})
    if(ADMIT_SANITIZE AND name IN_LIST ADMIT_GLUE_ROOMS)
      target_compile_options(admit_${name} PRIVATE -O0)
    endif()
    if(ROOM_PRECOMPILED)
      list(TRANSFORM ROOM_PRECOMPILED PREPEND ${PROJECT_SOURCE_DIR}/src/)
      target_precompile_headers(admit_${name} PRIVATE ${ROOM_PRECOMPILED})
    endif()
  else()
    add_library(admit_${name} INTERFACE)
    target_include_directories(admit_${name} INTERFACE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(admit_${name} INTERFACE ${links})
  endif()

  if(ADMIT_TESTS AND tests)
    add_executable(${name}_test ${tests} ${PROJECT_SOURCE_DIR}/tests/unit_main.cpp)
    target_link_libraries(${name}_test PRIVATE admit_${name})
    if(ADMIT_SANITIZE AND NOT ADMIT_FUZZ)
      target_compile_options(${name}_test PRIVATE -O0)
    endif()
    if(ROOM_TESTS_PRECOMPILED)
      target_precompile_headers(${name}_test PRIVATE ${PROJECT_SOURCE_DIR}/src/${ROOM_TESTS_PRECOMPILED})
      # It makes doctest's code, which the header may have declared before.
      set_source_files_properties(${PROJECT_SOURCE_DIR}/tests/unit_main.cpp PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
    endif()
    add_test(NAME ${name} COMMAND ${name}_test)
    set_property(GLOBAL APPEND PROPERTY ADMIT_UNIT_TESTS ${name}_test)
  endif()
endfunction()
