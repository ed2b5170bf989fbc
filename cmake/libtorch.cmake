# Imported targets lt::c10, lt::cpu (and lt::c10cuda, lt::cuda where the files exist) of a LibTorch found at
# LIBTORCH_DIR: the folder that holds lib/ and include/. find_package(Torch) is not used: with a CUDA build
# of LibTorch it demands the CUDA toolkit even for the CPU half (docs/decisions/0002-libtorch-from-the-wheel.md).

set(LIBTORCH_DIR "$ENV{LIBTORCH_DIR}" CACHE PATH "LibTorch 2.9 or later: the folder with lib/ and include/")
if(NOT LIBTORCH_DIR)
  set(LIBTORCH_DIR "${LUTHIER_DEPS_DIR}/libtorch-2.11.0/torch")
endif()
if(NOT EXISTS "${LIBTORCH_DIR}/lib/libtorch_cpu.so")
  message(FATAL_ERROR "No LibTorch at '${LIBTORCH_DIR}'. Run ./dev setup, or set LIBTORCH_DIR.")
endif()

function(luthier_import_torch name file)
  if(EXISTS "${LIBTORCH_DIR}/lib/${file}")
    add_library(lt::${name} SHARED IMPORTED GLOBAL)
    set_target_properties(lt::${name} PROPERTIES
      IMPORTED_LOCATION "${LIBTORCH_DIR}/lib/${file}"
      INTERFACE_INCLUDE_DIRECTORIES "${LIBTORCH_DIR}/include;${LIBTORCH_DIR}/include/torch/csrc/api/include")
  endif()
endfunction()
luthier_import_torch(c10 libc10.so)
luthier_import_torch(cpu libtorch_cpu.so)
luthier_import_torch(c10cuda libc10_cuda.so)
luthier_import_torch(cuda libtorch_cuda.so)

# What our own targets link. --allow-shlib-undefined: libtorch_cpu.so of a CUDA wheel needs libcupti and
# libcudart, which its own RPATH finds at run time; the linker need not chase them.
add_library(luthier_torch INTERFACE)
target_link_libraries(luthier_torch INTERFACE lt::cpu lt::c10)
target_link_options(luthier_torch INTERFACE
  "-Wl,-rpath,${LIBTORCH_DIR}/lib" -Wl,--allow-shlib-undefined)
