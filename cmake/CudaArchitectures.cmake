# The GPUs that kernels are built for: Turing to Blackwell as far as the toolkit knows them, and PTX of the newest for
# what comes after. Call after check_language(CUDA) and before enable_language(CUDA).
# -DCMAKE_CUDA_ARCHITECTURES=... or the environment variable CUDAARCHS overrides.
function(trtswap_default_cuda_architectures result)
  execute_process(
    COMMAND ${CMAKE_CUDA_COMPILER} --list-gpu-code
    OUTPUT_VARIABLE listed
    RESULT_VARIABLE status
    OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${CMAKE_CUDA_COMPILER} cannot list its GPUs; a CUDA toolkit of 11.5 or newer is needed.")
  endif()
  set(known "")
  foreach(architecture IN ITEMS 75 80 86 89 90 100 120)
    if(listed MATCHES "sm_${architecture}(\n|$)")
      list(APPEND known ${architecture})
    endif()
  endforeach()
  list(TRANSFORM known APPEND "-real" OUTPUT_VARIABLE targets)
  list(GET known -1 newest)
  list(APPEND targets "${newest}-virtual")
  if("90" IN_LIST known AND NOT newest EQUAL 90)
    list(APPEND targets "90-virtual") # for GPUs between 9.0 and the newest
  endif()
  set(${result} "${targets}" PARENT_SCOPE)
endfunction()
