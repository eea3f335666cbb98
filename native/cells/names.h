// The engine's cells and activations by the names that Python knows them by.
#pragma once

#include <string>

#include "recurrence/engine.h"

namespace gatewise {

// Each throws std::invalid_argument for an unknown name, with those there are.
Cell cell_named(const std::string& name);
Activation activation_named(const std::string& name);

}  // namespace gatewise
