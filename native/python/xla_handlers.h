// The part of the Python module that gives the recurrence to XLA.
#pragma once

#include <nanobind/nanobind.h>

namespace gatewise {

void bind_xla_handlers(nanobind::module_& module);

}  // namespace gatewise
