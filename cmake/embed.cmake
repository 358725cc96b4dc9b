# cmake -DFOLDER=... -DOUTPUT=... -P embed.cmake
# Writes a C++ source that holds the text files of a folder, for api/web_files.hpp.
file(GLOB paths ${FOLDER}/*)
set(source "// Made by cmake/embed.cmake.\n#include \"api/web_files.hpp\"\n\nnamespace admit::api {\n\nconst std::vector<WebFile>& web_files() {\n  static const std::vector<WebFile> all{\n")
foreach(path IN LISTS paths)
  get_filename_component(name ${path} NAME)
  file(READ ${path} text)
  string(APPEND source "    {\"${name}\", R\"admit_web(${text})admit_web\"},\n")
endforeach()
string(APPEND source "  };\n  return all;\n}\n\n}  // namespace admit::api\n")
file(WRITE ${OUTPUT} "${source}")
