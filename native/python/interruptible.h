// Ctrl-C in the middle of a long call.
#pragma once

#include <nanobind/nanobind.h>

#include "threads/interrupt.h"

namespace nb = nanobind;

namespace gatewise {

// To be called once: from then on `interrupted()` asks Python.
void ask_python_for_interrupts();

// Runs `work`, long or short, without the GIL. Ctrl-C is asked about in the middle of it, but its handler runs here,
// when `work` has left off and holds no lock: it may use the very object that was at work. A handler that raises ends
// the call. One that does not has said that all is well: then `work` is done from its beginning.
template <class Work>
void interruptibly(Work work) {
  try {
    const nb::gil_scoped_release release;
    const Interruptible scope;
    return work();
  } catch (const Interrupted&) {
    PyErr_SetInterrupt();
  }
  if (PyErr_CheckSignals() != 0) throw nb::python_error();
  const nb::gil_scoped_release release;
  work();
}

}  // namespace gatewise
