// The part of the Python module that binds streams.
#pragma once

#include <nanobind/nanobind.h>

namespace gatewise::stream {

void bind_stream(nanobind::module_& module);

}  // namespace gatewise::stream
