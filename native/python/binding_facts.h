// The part of the Python module that says what the engine knows of its cells.
#pragma once

#include <nanobind/nanobind.h>

namespace gatewise {

void bind_facts(nanobind::module_& module);

}  // namespace gatewise
