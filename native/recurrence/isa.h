// Which instruction set the engine uses.
#pragma once

#include <string>
#include <vector>

#include "recurrence/engine.h"

namespace gatewise {

// Those that this machine has, lowest first.
const std::vector<const Kernels*>& available_kernels();

// The one in use: the highest, or what GATEWISE_ISA or set_isa says. Throws std::invalid_argument for another name.
const Kernels& current_kernels();
void set_isa(const std::string& name);

}  // namespace gatewise
