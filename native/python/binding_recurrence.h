// The part of the Python module that binds recurrences.
#pragma once

#include <nanobind/nanobind.h>

namespace gatewise {

void bind_recurrence(nanobind::module_& module);

}  // namespace gatewise
