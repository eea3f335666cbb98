#include "python/interruptible.h"

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__APPLE__)
#include <pthread.h>
#endif

namespace gatewise {
namespace {

// Python handles signals in its main thread. Others need not take the GIL to hear that it is not for them.
bool is_main_thread() {
#if defined(__linux__)
  return syscall(SYS_gettid) == getpid();
#elif defined(__APPLE__)
  return pthread_main_np() != 0;
#else
  return true;
#endif
}

// Takes note of a SIGINT as Python would before it calls the handler, which `interruptibly` does later.
bool interrupt_came() {
  if (!is_main_thread()) return false;
  const nb::gil_scoped_acquire acquire;
  return PyOS_InterruptOccurred() != 0;
}

}  // namespace

void ask_python_for_interrupts() { set_question(&interrupt_came); }

}  // namespace gatewise
