#include "kernels/activation.h"

#include <stdexcept>

namespace gatewise {

Activation activation_named(const std::string& name) {
  std::string all;
  int at = 0;
  for (const char* known : kActivationNames) {
    if (name == known) return static_cast<Activation>(at);
    all += std::string(all.empty() ? "" : ", ") + known;
    ++at;
  }
  throw std::invalid_argument("unknown activation \"" + name + "\"; known are " + all);
}

}  // namespace gatewise
