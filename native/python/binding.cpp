// The Python module gatewise.engine._native.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "python/binding_facts.h"
#include "python/binding_recurrence.h"
#include "python/binding_stream.h"
#include "python/interruptible.h"
#include "python/xla_handlers.h"
#include "recurrence/isa.h"
#include "threads/costs.h"
#include "threads/crowd.h"
#include "threads/team.h"

namespace nb = nanobind;
using namespace nanobind::literals;

namespace gatewise {
namespace {

std::vector<std::string> isa_names() {
  std::vector<std::string> names;
  for (const Kernels* kernels : available_kernels()) names.emplace_back(kernels->name);
  return names;
}

void want_threads(Index count) {
  if (count < 0) throw std::invalid_argument("threads must be 0 (automatic) or more, not " + std::to_string(count));
  set_threads(count);
}

// With a patience of its own, calls never pause before they take more threads again.
void set_patience(std::optional<Index> microseconds) {
  if (microseconds) {
    crowd::set_limits(std::chrono::microseconds(*microseconds), {});
  } else {
    crowd::set_limits(costs::kPatience, costs::kLongestPause);
  }
}

}  // namespace

// What threadpoolctl calls: plain functions that it finds by name in this library. See engine/limits.py.
#define GATEWISE_EXPORT extern "C" __attribute__((visibility("default")))

GATEWISE_EXPORT int gatewise_get_num_threads() { return static_cast<int>(threads()); }

GATEWISE_EXPORT void gatewise_set_num_threads(int count) { limit_threads(count); }

NB_MODULE(_native, module) {
  // What a program keeps until its end, in a cache or a thread, is no leak worth words on its error output.
  nb::set_leak_warnings(false);
  module.doc() = "The native engine: recurrences with packed weights, vector instructions and threads.";
  module.def("isas", &isa_names, "Instruction sets that this machine has, lowest first.");
  module.def("isa", [] { return std::string(current_kernels().name); }, "The instruction set in use.");
  module.def("set_isa", &set_isa, "name"_a, "Choose the instruction set of recurrences made from now on.");
  module.def(
      "has_bfloat16", [] { return current_kernels().tiles32 != nullptr; },
      "Whether this machine multiplies bfloat16 numbers itself, with the instruction set in use.");
  module.def("threads", &threads, "How many threads a call from this thread may use.");
  module.def("set_threads", &want_threads, "count"_a, "Set how many threads a call may use; 0 is automatic.");

  module.def("set_patience", &set_patience, "microseconds"_a.none(),
             "For tests: how long threads wait for one another before fewer go on; None is as usual.");
  ask_python_for_interrupts();
  bind_facts(module);
  bind_recurrence(module);
  bind_xla_handlers(module);
  stream::bind_stream(module);
}

}  // namespace gatewise
